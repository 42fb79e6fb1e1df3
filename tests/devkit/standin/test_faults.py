from __future__ import annotations

import base64
import threading
import uuid
from typing import Any

import pytest
import requests

from devkit.standin.organisation.fault_kinds import STAGES

# Each ends a create before anything is written, and how.
REFUSALS = {
    "status": ({"status": 429, "code": "0x80072322", "retry_after": 7}, 429, "0x80072322"),
    "admin_mode": ({}, 403, "0x8004a113"),
    "org_disabled": ({"status": 500}, 500, "0x8004a104"),
    "user_disabled": ({}, 403, "0x80040225"),
    "no_app_user": ({}, 403, "0x80072560"),
    "no_role": ({}, 403, "0x80042f09"),
    "missing_privilege": ({"privilege": "prvCreateLead"}, 403, "0x80040220"),
    "sql_timeout": ({}, 500, "0x80044151"),
    "deadlock": ({}, 500, "0x80044150"),
    "plugin_abort": ({}, 400, "0x80040265"),
    "plugin_crash": ({}, 500, "0x80040224"),
    "plugin_412": ({}, 412, "0x80040237"),
    "duplicate_rule": ({}, 412, "0x80040333"),
}
OTHERS = {
    "aad_error",
    "discovery_503",
    "user_realm_503",
    "token_503",
    "sign_in_hang",
    "sign_in_drop",
    "hang",
    "drop",
    "empty_401",
    "hang_after_commit",
    "commit_then_drop",
    "commit_then_503",
    "data_raw",
    "token_raw",
    "discovery_raw",
    "user_realm_raw",
}


def test_every_kind_of_fault_has_a_test_here() -> None:
    assert set(STAGES) == OTHERS | set(REFUSALS)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_fault_refuses_as_often_as_it_was_asked_to(standin: Any, kind: str) -> None:
    details, status, code = REFUSALS[kind]
    standin.fault(kind, count=1, **details)

    refused, created = standin.create(lastname="Ito"), standin.create(lastname="Ito")

    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert created.status_code == 204
    assert len(standin.leads()) == 1
    assert [(fault["fired"], fault["count"]) for fault in standin.control("GET", "faults")] == [(1, 0)]


def test_a_status_carries_retry_after_and_a_body_of_choice(standin: Any) -> None:
    standin.fault("status", status=503, retry_after=120, body="html", count=1)
    standin.fault("status", status=502, body="empty", count=1)

    html, empty = standin.create(), standin.create()

    assert (html.status_code, html.headers["Retry-After"]) == (503, "120")
    assert html.headers["Content-Type"].startswith("text/html")
    assert "<html>" in html.text
    assert (empty.status_code, empty.content) == (502, b"")


def test_a_duplicate_rule_answers_500_where_that_is_asked_for(standin: Any) -> None:
    standin.fault("duplicate_rule", status=500, count=1)

    answer = standin.create(lastname="Ito")

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "0x80040333")


def test_a_raw_answer_is_sent_as_it_is_and_ends_the_connection(standin: Any) -> None:
    raw = b"HTTP/1.1 299 Odd\r\nX-Odd: \xff\r\nContent-Length: 3\r\n\r\nodd"
    standin.fault("data_raw", raw=base64.b64encode(raw).decode(), count=1)
    standin.fault("token_raw", raw=base64.b64encode(b"no HTTP at all").decode(), count=1)

    answer = standin.create(lastname="Ito")

    assert (answer.status_code, answer.headers["X-Odd"], answer.content) == (299, "\xff", b"odd")
    with pytest.raises(requests.ConnectionError):
        standin.sign_in()
    assert standin.create(lastname="Ito").status_code == 204
    assert len(standin.leads()) == 1


def test_empty_401_has_no_body(standin: Any) -> None:
    standin.fault("empty_401", count=1)

    answer = standin.create()

    assert (answer.status_code, answer.content) == (401, b"")


def test_drop_closes_the_connection_before_anything_is_written(standin: Any) -> None:
    standin.fault("drop", count=1)

    with pytest.raises(requests.ConnectionError):
        standin.create(lastname="Ito")

    assert standin.leads() == []


def test_commit_then_drop_writes_the_lead_and_closes_the_connection(standin: Any) -> None:
    standin.fault("commit_then_drop", count=1)
    leadid = str(uuid.uuid4())

    with pytest.raises(requests.ConnectionError):
        standin.create(leadid=leadid, lastname="Ito")

    assert [lead["leadid"] for lead in standin.leads()] == [leadid]
    assert standin.create(leadid=leadid, lastname="Ito").status_code == 412
    assert {"method": "POST", "path": "leads", "status": 0, "count": 1} in standin.control("GET", "requests")["counts"]


def test_commit_then_503_writes_the_lead_and_says_otherwise(standin: Any) -> None:
    standin.fault("commit_then_503", count=1, body="html")

    assert standin.create(lastname="Ito").status_code == 503
    assert len(standin.leads()) == 1


def test_what_strikes_after_the_commit_waits_for_a_commit(standin: Any) -> None:
    standin.fault("commit_then_503", count=1)

    assert standin.api("GET", "leads").status_code == 200
    assert standin.api("POST", "leads", {"subject": 5}).status_code == 400
    assert standin.control("GET", "faults")[0]["fired"] == 0


@pytest.mark.parametrize(("kind", "written"), [("hang", 0), ("hang_after_commit", 1)])
def test_a_hang_holds_the_request_until_it_is_cleared(standin: Any, kind: str, written: int) -> None:
    standin.fault(kind)
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(standin.create(lastname="Ito").status_code))
    asking.start()
    while not standin.control("GET", "faults")[0]["fired"]:
        pass

    assert (answers, len(standin.leads())) == ([], written)
    standin.control("DELETE", "faults")
    asking.join()

    assert answers == [204]


def test_a_hang_ends_after_its_seconds_and_the_client_may_have_gone(standin: Any) -> None:
    standin.fault("hang", seconds=0.5, count=2)

    with pytest.raises(requests.ReadTimeout):
        standin.api("POST", "leads", {"lastname": "Ito"}, timeout=0.1)

    assert standin.create(lastname="Okafor").status_code == 204


def test_a_fault_can_be_aimed_at_a_column_a_method_and_a_path(standin: Any) -> None:
    standin.fault("plugin_abort", match={"subject": "bad", "method": "POST", "path": "/leads"})

    assert standin.create(subject="all good").status_code == 204
    assert standin.create(subject="a bad one").status_code == 400
    assert standin.create(lastname="Ito").status_code == 204


def test_a_rate_strikes_a_repeatable_share(standin: Any) -> None:
    def struck() -> list[int]:
        fault = standin.fault("sql_timeout", rate=0.5, seed=7)
        statuses = [standin.api("GET", "leads").status_code for _ in range(20)]
        standin.control("DELETE", f"faults/{fault['id']}")
        return statuses

    first, second = struck(), struck()

    assert first == second
    assert set(first) == {200, 500}


def test_a_missing_privilege_leaves_other_operations_alone(standin: Any) -> None:
    standin.fault("missing_privilege", privilege="prvReadLead")
    leadid = standin.created()

    assert standin.api("GET", f"leads({leadid})").status_code == 403


@pytest.mark.parametrize(
    ("number", "status", "error"),
    [
        (7000222, 401, "invalid_client"),
        (50076, 400, "interaction_required"),
        (90033, 503, "temporarily_unavailable"),
        (90055, 429, "temporarily_unavailable"),
        (1234567, 400, "invalid_request"),
    ],
)
def test_sign_in_fails_with_the_number_that_is_asked_for(standin: Any, number: int, status: int, error: str) -> None:
    standin.fault("aad_error", number=number, count=1)

    answer = standin.sign_in()

    assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (status, error, [number])
    assert standin.sign_in().status_code == 200


def test_the_token_endpoint_can_be_away(standin: Any) -> None:
    standin.fault("token_503", retry_after=9, count=1)
    standin.fault("sign_in_drop", count=1)
    standin.fault("sign_in_hang", count=1, seconds=0.01)

    answer = standin.sign_in()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "9")
    with pytest.raises(requests.ConnectionError):
        standin.sign_in()
    assert standin.sign_in().status_code == 200
    assert standin.control("GET", "faults")[2]["fired"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        {},
        [],
        {"kind": "unknown"},
        {"kind": "drop", "cuont": 1},
        {"kind": "drop", "count": "1"},
        {"kind": "drop", "count": True},
        {"kind": "status", "status": 503, "body": "xml"},
        {"kind": "status"},
        {"kind": "status", "status": None},
        {"kind": "data_raw", "raw": "no base64!"},
        {"kind": "data_raw", "raw": 7},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_reason(standin: Any, fault: Any) -> None:
    answer = standin.session.post(f"{standin.url}/_standin/faults", json=fault, timeout=20)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert standin.control("GET", "faults") == []
