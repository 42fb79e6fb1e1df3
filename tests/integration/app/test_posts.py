"""Any bytes whatever are answered with 202, 4xx or 503 and a slug; what is no lead is kept where a person sees it."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadpipe.model.record import State
from tests.factories import payload, sample
from tests.integration.conftest import App
from tests.standin_process import Standin

ACCEPTED: dict[str, bytes | str | dict[str, Any]] = {
    "a name in Cyrillic": payload(FirstName="Жанна", LastName="Агузарова"),
    "a name in Japanese": payload(FirstName="太郎", LastName="山田"),
    "a name in Arabic": payload(FirstName="محمد"),
    "emoji": payload(LastName="👩‍👩‍👧‍👦"),
    "nulls": {"UserDetails": {"FirstName": None, "LastName": "Null", "Email": None}, "ActionCode": None},
    "numbers where strings are documented": {"UserDetails": {"LastName": 7, "Phone": 16175555555}, "OfferTitle": 1.5},
    "duplicate keys": '{"UserDetails": {"LastName": "first", "LastName": "last"}}',
    "keys that differ in case": '{"USERDETAILS": {"lastname": "first"}, "userDetails": {"LASTNAME": "the last one"}}',
    "nesting in a field": {"UserDetails": {"LastName": "Nested"}, "Description": {"a": [1, {"b": None}]}},
    "unknown keys": {"UserDetails": {"LastName": "Unknown"}, "ProductId": "x", "Extra": {"id": 1}},
    "a huge number": b'{"Description": 1e999}',
    "lone surrogates": b'{"UserDetails": {"LastName": "a\\ud800b"}}',
    "a byte order mark": b"\xef\xbb\xbf" + payload().encode(),
    "control characters": '{"UserDetails": {"LastName": "a\\u0000b\\u000bc"}}',
    "user details that are no object": '{"UserDetails": 7, "OfferTitle": "Widget"}',
    "very long fields": {"UserDetails": {"LastName": "😀" * 1000}, "Description": "x" * 9000},
}
REJECTED: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (b'{"UserDetails": {"LastName": "\xff"}}', "not_utf8"),
    "UTF-16": (payload().encode("utf-16"), "not_utf8"),
    "no JSON": (b"LastName=Doe", "not_json"),
    "the documented test lead, which lacks a comma": (sample("test-lead-as-documented.txt").encode(), "not_json"),
    "NaN": (b'{"Description": NaN}', "not_json"),
    "nesting beyond the parser": (b"[" * 20000, "not_json"),
    "an integer of thousands of digits": (b'{"Description": ' + b"9" * 5000 + b"}", "not_json"),
    "an array": (b"[1]", "not_an_object"),
    "a string": (b'"lead"', "not_an_object"),
    "an empty object": (b"{}", "nothing_in_it"),
    "only empty fields": (b'{"UserDetails": {"LastName": " "}}', "nothing_in_it"),
    "a body of white space": (b" \n", "not_json"),
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=[*ACCEPTED])
def test_an_odd_lead_is_accepted_and_reaches_dynamics(
    module_app: App, module_standin: Standin, body: bytes | str | dict[str, Any]
) -> None:
    lead_id = module_app.accepted(body)
    record = module_app.settled(lead_id)
    assert record.state is State.WRITTEN, (record.reason, record.detail)
    (lead,) = module_standin.control("GET", f"leads?leadid={lead_id}")
    assert lead["lastname"]
    if isinstance(body, str):
        assert record.payload == body


_ANN = {"FirstName": "Ann", "LastName": "One", "Email": "ann@example.com", "Phone": 1234567890}
ANYWHERE: dict[str, dict[str, Any]] = {
    "a JSON text": {"UserDetails": json.dumps(_ANN)},
    "a text encoded twice": {"UserDetails": json.dumps(json.dumps(_ANN))},
    "a text with a byte order mark": {"UserDetails": f"\ufeff\r\n{json.dumps(_ANN)} "},
    "a list of one": {"UserDetails": [_ANN]},
    "CustomerInfo": {"UserDetails": None, "CustomerInfo": json.dumps(_ANN)},
    "flat keys": _ANN,
    "flat keys in snake case": {
        "first_name": "Ann",
        "last_name": "One",
        "email": "ann@example.com",
        "phone": "1234567890",
    },
    "flat keys in camel case": {
        "firstName": "Ann",
        "lastName": "One",
        "email": "ann@example.com",
        "phone": "1234567890",
    },
}


@pytest.mark.parametrize("posted", ANYWHERE.values(), ids=[*ANYWHERE])
def test_a_person_reaches_dynamics_wherever_the_marketplace_put_it(
    module_app: App, module_standin: Standin, posted: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    rest = {"lead_source": "SPZA-PLT|contoso.app", "ActionCode": "PLT", "Description": request.node.name}
    lead_id = module_app.accepted({**posted, **rest})
    record = module_app.settled(lead_id)
    assert (record.state, record.reason, record.source) == (State.WRITTEN, "", "AppSource")
    (lead,) = module_standin.control("GET", f"leads?leadid={lead_id}")
    said = [lead[column] for column in ("firstname", "lastname", "emailaddress1", "telephone1")]
    assert said == ["Ann", "One", "ann@example.com", "1234567890"]


@pytest.mark.parametrize(
    ("posted", "reason", "lastname"),
    [
        (json.loads(sample("withheld.json")), "", "(withheld)"),
        ({"UserDetails": "Ann One, ann@example.com", "OfferTitle": "Contoso App"}, "person_unread", "(unread)"),
        ({"Contact": {"Name": "Ann", "E-mail address": "ann@example.com"}}, "person_unread", "(unread)"),
        ({"UserDetails": '{"LastName": "One", "Email": "ann@exam', "OfferTitle": "App"}, "person_unread", "One"),
    ],
    ids=["withheld", "no JSON", "other keys", "cut off"],
)
def test_two_leads_in_which_nobody_is_known_are_both_written(
    module_app: App, module_standin: Standin, posted: dict[str, Any], reason: str, lastname: str
) -> None:
    ids = [module_app.accepted(posted) for _ in range(2)]
    records = [module_app.settled(lead_id) for lead_id in ids]
    assert [(record.state, record.reason) for record in records] == [(State.WRITTEN, reason)] * 2
    found = [lead for lead_id in ids for lead in module_standin.control("GET", f"leads?leadid={lead_id}")]
    assert [lead["lastname"] for lead in found] == [lastname] * 2
    assert "ann@" not in module_app.host.log


@pytest.mark.parametrize(("body", "slug"), REJECTED.values(), ids=[*REJECTED])
def test_what_is_no_lead_is_400_and_kept(module_app: App, body: bytes, slug: str) -> None:
    before = {record.lead_id for record in rejected(module_app)}
    answer = module_app.post(body)
    assert (answer.status_code, answer.json()["error"]) == (400, slug)
    assert answer.json()["detail"]
    (kept,) = [record for record in rejected(module_app) if record.lead_id not in before]
    assert kept.reason == slug
    assert module_app.record(kept.lead_id).payload == body


def test_more_than_a_lead_may_have_is_413_and_its_start_is_kept(module_app: App) -> None:
    before = {record.lead_id for record in rejected(module_app)}
    answer = module_app.post(b"x" * 40_000)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
    (kept,) = [record for record in rejected(module_app) if record.lead_id not in before]
    assert module_app.record(kept.lead_id).payload == b"x" * 32 * 1024


def test_an_empty_post_is_400(module_app: App) -> None:
    answer = module_app.post(b"")
    assert (answer.status_code, answer.json()["error"]) == (400, "empty_body")


def test_a_chunked_post_arrives_empty_and_the_log_names_the_cause(module_app: App) -> None:
    answer = module_app.host.post("/api/leads", data=iter([payload().encode()]))
    assert (answer.status_code, answer.json()["error"]) == (400, "empty_body")
    assert "post_refused reason=empty_body transfer_encoding=chunked" in module_app.host.log


def test_a_get_of_the_endpoint_is_404_as_the_platform_answers(module_app: App) -> None:
    assert module_app.host.get("/api/leads").status_code == 404


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_answered_with_a_slug_and_never_a_500(module_app: App, body: bytes) -> None:
    answer = module_app.post(body)
    assert answer.status_code in {202, 400}
    assert answer.status_code == 202 or answer.json()["error"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = ["UserDetails", "userDetails", "LeadSource", "ActionCode", "OfferTitle", "Description", "FirstName", "id"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(posted=st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=5))
def test_any_json_object_is_taken_or_refused_with_a_slug(module_app: App, posted: dict[str, Any]) -> None:
    answer = module_app.post(json.dumps(posted))
    assert answer.status_code in {202, 400}
    assert answer.status_code == 202 or answer.json()["error"] == "nothing_in_it"


def rejected(app: App) -> list[Any]:
    from leadpipe.wiring import now

    return list(app.ledger.between(now().date(), now().date(), states=frozenset({State.REJECTED})))
