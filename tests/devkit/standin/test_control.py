from __future__ import annotations

from typing import Any

import pytest


def test_requests_are_counted_by_method_path_and_status(standin: Any) -> None:
    standin.token()
    standin.control("DELETE", "requests")

    leadid = standin.created()
    standin.api("GET", f"leads({leadid})")
    standin.create(leadid=leadid)

    counted = standin.control("GET", "requests")
    assert (counted["total"], counted["data"], counted["sign_in"], counted["under_way"]) == (3, 3, 0, 0)
    assert counted["counts"] == [
        {"method": "GET", "path": "leads(id)", "status": 200, "count": 1},
        {"method": "POST", "path": "leads", "status": 204, "count": 1},
        {"method": "POST", "path": "leads", "status": 412, "count": 1},
    ]


def test_sign_in_is_counted_apart(standin: Any) -> None:
    standin.sign_in()

    assert standin.control("GET", "requests")["sign_in"] >= 1


def test_leads_can_be_asked_for_by_id_and_by_time(standin: Any) -> None:
    first = standin.created()
    second = standin.created()
    times = {lead["leadid"]: lead["created_at"] for lead in standin.leads()}

    by_id = standin.control("GET", "leads", params={"leadid": first})
    since = standin.control("GET", "leads", params={"since": times[second]})
    offset = standin.control("GET", "leads", params={"since": "2000-01-01T00:00:00+02:00"})

    assert [lead["leadid"] for lead in by_id] == [first]
    assert [lead["leadid"] for lead in since] == [second]
    assert len(offset) == 2


def test_a_time_that_is_none_is_refused(standin: Any) -> None:
    answer = standin.session.get(f"{standin.url}/_standin/leads", params={"since": "noon"}, timeout=20)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        [],
        {"unknown": 1},
        {"servers": 0},
        {"servers": None},
        {"window_seconds": "300"},
        {"concurrent_requests": 1.5},
        {"privileges": ["prvDoAnything"]},
        {"rows": {"campaigns": "x"}},
        {"privileges": {"prvReadLead": "Far"}},
        {"application_user": "tired"},
        {"person": "king"},
        {"device_sign_in": "never"},
        {"roles": "Writer"},
        {"solutions": ["x"]},
        {"plugin_steps": {}},
        {"managed_identities": ["group"]},
        {"certificates": ["-----BEGIN CERTIFICATE-----"]},
        {"columns": {"Subject": {}}},
        {"columns": {"subject": {"length": 5}}},
        {"columns": {"subject": {"longest": "5"}}},
        {"columns": {"subject": {"kind": "Lookup"}}},
        {"columns": {"subject": {"options": {"one": "One"}}}},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_and_changes_nothing(standin: Any, changes: Any) -> None:
    before = standin.control("GET", "config")

    answer = standin.session.post(f"{standin.url}/_standin/config", json=changes, timeout=20)

    assert answer.status_code == 400
    assert standin.control("GET", "config") == before


def test_limits_can_be_taken_away_and_put_back(standin: Any) -> None:
    standin.configure(requests_per_window=None, execution_seconds_per_window=None, concurrent_requests=None)
    assert "x-ms-ratelimit-burst-remaining-xrm-requests" not in standin.api("GET", "WhoAmI").headers

    standin.control("DELETE", "config")

    assert standin.control("GET", "config")["requests_per_window"] == 6000


def test_an_address_that_is_nowhere_is_404(standin: Any) -> None:
    assert standin.session.get(f"{standin.url}/nowhere", timeout=20).status_code == 404
