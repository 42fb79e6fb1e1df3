"""Which leads there are in a text of another app's, and of when."""

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from leadpipe.model.errors import LeadpipeError
from leadpipe.model.lead import Lead
from leadpipe.operations.moving.files import items_in
from leadpipe.operations.moving.found import FoundLead, leads_in, time_in
from tests.factories import payload

LEAD = json.loads(payload())
FLAT = {"first_name": "Jo", "last_name": "Ito", "email": "jo@x.example", "company": "X"}
AT = datetime(2026, 3, 1, 9, 30, 15, tzinfo=UTC)
ISO = "2026-03-01T09:30:15.0000000Z"


def in_base64(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def flow_outputs(body: Any) -> dict[str, Any]:
    """The outputs of the trigger of a flow, as its run history has them."""
    return {"headers": {"Content-Type": "application/json", "Host": "prod-1.westeurope"}, "body": body}


RUN = {
    "id": "/runs/085",
    "properties": {
        "startTime": ISO,
        "status": "Failed",
        "trigger": {
            "name": "manual",
            "inputs": {"schema": {"properties": {"ActionCode": {"type": "string"}, "UserDetails": {"type": "object"}}}},
            "outputs": flow_outputs({"$content-type": "application/octet-stream", "$content": in_base64(LEAD)}),
        },
    },
}
WRAPPED = {
    "the posted text inside a text": json.dumps(payload()),
    "a list of one": [LEAD],
    "base64": in_base64(LEAD),
    "a flow's trigger": flow_outputs(LEAD),
    "a flow's trigger with a text": flow_outputs(payload()),
    "a run of a flow": RUN,
    "an event": {"specversion": "1.0", "type": "lead", "time": ISO, "data": LEAD},
    "an event in base64": {"data_base64": in_base64(LEAD)},
    "leadpipe's own envelope": {"v": 1, "lead_id": "x", "received_at": ISO, "attempt": 1, "payload": payload()},
    "unknown keys": {"job": {"args": [{"kwargs": LEAD}]}, "retries": 3},
}


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED.keys())
def test_a_lead_is_found_whatever_an_app_put_around_it(wrapped: Any) -> None:
    text = wrapped if isinstance(wrapped, str) else json.dumps(wrapped)
    (found,) = leads_in(text)
    assert Lead.from_payload(found.payload) == Lead.from_payload(payload())


def test_a_lead_with_nothing_around_it_stays_as_it_was_posted() -> None:
    posted = '{ "UserDetails":{"Email":"jo@x.example","Email":""},  "LeadSource":"s" }'
    assert leads_in(f"\ufeff{posted}\n") == [FoundLead(payload=posted)]
    assert leads_in(posted.encode("utf-16")) == [FoundLead(payload=posted)]


@pytest.mark.parametrize("wrapped", [FLAT, flow_outputs(FLAT), flow_outputs({"$content": in_base64(FLAT)})])
def test_a_flat_lead_is_found_alone_or_in_what_is_known_to_be_around_one(wrapped: Any) -> None:
    (found,) = leads_in(json.dumps(wrapped))
    assert Lead.from_payload(found.payload).email == "jo@x.example"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        '{"a": 1',
        "null",
        "5",
        "[]",
        '"' * 40,
        "Zm9vYmFyZm9vYmFyZm9v",
        b"\xff\xfe\x00",
        b"M\xfcller",
        json.dumps({"order": 5, "customer": FLAT}),
        json.dumps({"Email": "jo@x.example", "order": 5}),
        json.dumps({"schema": RUN["properties"]["trigger"]["inputs"]["schema"]}),  # type: ignore[index]
        json.dumps({"LeadSource": " ", "UserDetails": {"Email": ""}}),
        "[" * 100_000,
        f'{{"a": {"[" * 3000}{"]" * 3000}}}',
    ],
    ids=range(16),
)
def test_what_is_no_lead_has_none_in_it(text: str | bytes) -> None:
    assert leads_in(text) == []


def test_each_of_several_leads_is_found_once() -> None:
    other = {**LEAD, "OfferTitle": "Gadget"}
    found = leads_in(json.dumps({"first": LEAD, "all": [LEAD, other]}))
    assert [json.loads(each.payload)["OfferTitle"] for each in found] == ["Contoso Widget", "Gadget"]


@pytest.mark.parametrize(
    ("wrapped", "at"),
    [
        (RUN, AT),
        ({"time": ISO, "data": {"body": LEAD}}, AT),
        ({"time": "2020-01-01T00:00:00Z", "data": {"eventTime": ISO, "body": LEAD}}, AT),
        ({"headers": {"Date": "Sun, 01 Mar 2026 09:30:15 GMT"}, "body": LEAD}, AT),
        ({**LEAD, "Timestamp": ISO}, AT),
        ({"time": "some day", "body": LEAD}, None),
        (LEAD, None),
    ],
    ids=range(7),
)
def test_the_time_nearest_around_a_lead_is_its_own(wrapped: Any, at: datetime | None) -> None:
    assert [found.at for found in leads_in(json.dumps(wrapped))] == [at]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["UserDetails", "LeadSource", "body", "$content", "time", "email"]), inner)
    ),
    max_leaves=20,
)


@hypothesis.settings(max_examples=80)
@hypothesis.given(JSON, st.sampled_from(["text", "base64", "file"]))
def test_any_json_gives_leads_or_none_and_never_an_error(value: Any, how: str) -> None:
    if how == "file":
        with suppress(LeadpipeError):
            assert all(len(item.key) == 64 for item in items_in(json.dumps(value).encode()))
    for found in leads_in(in_base64(value) if how == "base64" else json.dumps(value)):
        assert isinstance(json.loads(found.payload), dict)


@pytest.mark.parametrize("depth", [200, 900, 1000, 3000])
def test_a_lead_that_is_nested_as_deep_as_the_parser_goes_is_found_or_not(depth: int) -> None:
    text = json.dumps(LEAD)[:-1] + f', "x": {"[" * depth}{"]" * depth}}}'
    wrapped = f'{{"data": {text}}}'
    assert [json.loads(found.payload)["ActionCode"] for found in leads_in(wrapped)] in ([], ["INS"])
    with suppress(LeadpipeError):
        list(items_in(f"[{text}]".encode()))


@pytest.mark.parametrize("text", [None, 5, "", "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert time_in(text) is None


def test_a_time_without_a_zone_is_utc() -> None:
    assert time_in("2026-03-01T09:30:15") == time_in("2026-03-01T10:30:15+01:00") == AT
