import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.envelope import LARGEST_ATTEMPT, MAX_BYTES, RESERVED_KEYS, VERSION, Envelope
from leadpipe.model.errors import NewerEnvelope, NotAnEnvelope
from leadpipe.model.lead_id import received_at
from leadpipe.model.record import MOST_ATTEMPTS
from tests.factories import LEAD_ID, RECEIVED_AT, envelope, lead_id, payload

MOMENTS = st.timedeltas().filter(lambda after: 1970 < (RECEIVED_AT.year + after.days / 365) < 9998)


def message(**fields: Any) -> str:
    """A message as leadpipe writes it, with other fields; an Ellipsis leaves one out."""
    whole = {"v": VERSION, "lead_id": LEAD_ID, "received_at": "2026-03-14", "attempt": 1, "payload": "{}", **fields}
    return json.dumps({name: value for name, value in whole.items() if value is not ...})


def test_the_message_is_json_that_can_be_read_by_eye() -> None:
    assert Envelope(lead_id=LEAD_ID, attempt=2, payload='{"Company": "山田"}').to_text() == (
        f'{{"v":1,"lead_id":"{LEAD_ID}","received_at":"2026-03-14T09:26:53.589+00:00","attempt":2,'
        '"payload":"{\\"Company\\": \\"山田\\"}"}'
    )


def test_no_key_at_the_top_is_one_that_the_host_would_take_for_its_own() -> None:
    host_keys = {
        "id",
        "dequeuecount",
        "expirationtime",
        "insertiontime",
        "nextvisibletime",
        "popreceipt",
        "queuetrigger",
    }

    assert host_keys == RESERVED_KEYS
    assert host_keys.isdisjoint(key.lower() for key in json.loads(envelope().to_text()))


def test_what_a_payload_calls_its_keys_does_not_matter() -> None:
    posted = payload(id="1", popReceipt="2")

    assert Envelope.from_text(envelope(posted=posted).to_text()).payload == posted


@given(
    st.builds(
        Envelope, lead_id=st.builds(lead_id, MOMENTS), attempt=st.integers(1, 10**6), payload=st.none() | st.text()
    )
)
def test_what_was_put_is_what_is_read(sent: Envelope) -> None:
    assert Envelope.from_text(sent.to_text()) == sent


@given(st.text(st.sampled_from('a"\\\n山🙂'), max_size=50), st.integers(1, 3000))
def test_a_message_is_never_larger_than_the_queue_takes(text: str, times: int) -> None:
    put = Envelope.for_payload(LEAD_ID, text * times, attempt=1)

    assert len(put.to_text().encode()) <= MAX_BYTES


def test_a_payload_that_fits_to_the_last_byte_travels_along() -> None:
    room = MAX_BYTES - len(Envelope(lead_id=LEAD_ID, attempt=1, payload="").to_text())

    assert Envelope.for_payload(LEAD_ID, "x" * room, attempt=1).payload == "x" * room
    assert Envelope.for_payload(LEAD_ID, "x" * (room + 1), attempt=1).payload is None


def test_a_payload_left_out_is_no_key_at_all() -> None:
    assert "payload" not in json.loads(Envelope(lead_id=LEAD_ID, attempt=1, payload=None).to_text())


def test_the_time_of_receipt_comes_from_the_lead_id() -> None:
    assert Envelope.from_text(message(received_at="yesterday")).received_at == received_at(LEAD_ID) == RECEIVED_AT


def test_an_older_version_is_read() -> None:
    assert Envelope.from_text(message(v=VERSION - 1)).lead_id == LEAD_ID


def test_a_message_can_number_more_tries_than_a_record_may_have() -> None:
    assert MOST_ATTEMPTS + 10**6 < Envelope.from_text(message(attempt=LARGEST_ATTEMPT)).attempt < 2**31


def test_keys_that_are_unknown_do_no_harm() -> None:
    assert Envelope.from_text(message(trace="abc")).lead_id == LEAD_ID


@pytest.mark.parametrize("missing", [..., None], ids=["left out", "null"])
def test_a_message_may_come_without_its_payload(missing: Any) -> None:
    assert Envelope.from_text(message(payload=missing)).payload is None


def test_a_lone_surrogate_in_the_payload_becomes_a_replacement_character() -> None:
    assert Envelope.from_text(message(payload="\ud800")).payload == "\ufffd"


def test_a_newer_version_is_told_apart_before_anything_else_is_read() -> None:
    with pytest.raises(NewerEnvelope, match="version 2"):
        Envelope.from_text(json.dumps({"v": 2, "lead_id": ["of", "another", "kind"]}))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("lead", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"v": ' + "9" * 5000 + "}", "not JSON"),
        ("\ufeff" + message(), "not JSON"),
        ("[]", "not a JSON object"),
        ('"lead"', "not a JSON object"),
        ("{}", "no version"),
        (message(v="1"), "no version"),
        (message(v=1.0), "no version"),
        (message(v=True), "no version"),
        ('{"v": NaN}', "no version"),
        (message(lead_id=...), "no lead id"),
        (message(lead_id=7), "no lead id"),
        (message(lead_id=LEAD_ID.upper()), "no lead id"),
        (message(lead_id="d9428888-122b-11e1-b85c-61cd3cbb3210"), "no lead id"),
        (message(attempt=...), "attempt"),
        (message(attempt="1"), "attempt"),
        (message(attempt=True), "attempt"),
        (message(attempt=1.5), "attempt"),
        (message(attempt=0), "attempt"),
        (message(attempt=-1), "attempt"),
        (message(attempt=1e9), "attempt"),
        (message(attempt=LARGEST_ATTEMPT + 1), "attempt"),
        (message(attempt=2**31), "attempt"),
        (message(attempt=10**400), "attempt"),
        (message(v=-1), "no version"),
        (message(v=2**31), "no version"),
        (message(lead_id="00000000-0000-0000-0000-000000000000"), "no lead id"),
        (message(lead_id="ffffffff-ffff-ffff-ffff-ffffffffffff"), "no lead id"),
        (message(payload={"Company": "x"}), "payload is not text"),
        (payload(), "no version"),
    ],
)
def test_what_leadpipe_did_not_write_is_no_envelope(text: str, why: str) -> None:
    with pytest.raises(NotAnEnvelope, match=why):
        Envelope.from_text(text)


@given(st.text(st.characters()))
def test_any_text_is_an_envelope_or_said_to_be_none(text: str) -> None:
    with pytest.raises(NotAnEnvelope):
        Envelope.from_text(text)
