"""What is true when the marketplace gets its answer."""

import base64
from collections.abc import Iterator
from itertools import repeat

import pytest

from leadpipe.intake import FAST_FAILURE_SECONDS, take
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import InvalidLead, NotKept, StorageFailed
from leadpipe.model.lead import MAX_PAYLOAD_BYTES
from leadpipe.model.record import State
from tests.fakes import NOW, World

BODY = '{"UserDetails": {"LastName": "Жанна"}}'.encode()
# Fits the record, but not the message: every quotation mark takes two bytes more there.
BIG = b'{"Description": "' + b'\\"' * 15000 + b'"}'
AWAY = StorageFailed("storage_unreachable")


def post(world: World, body: bytes = BODY, *, clock: Iterator[float] | None = None, key_name: str = "") -> str:
    elapsed = clock or repeat(0.0)
    return take(
        body,
        at=NOW,
        entropy=bytes(range(10)),
        ledger=world.ledger,
        queue=world.queue,
        key_name=key_name,
        elapsed=lambda: next(elapsed),
    )


def test_the_record_comes_first_then_the_message() -> None:
    world = World()
    lead_id = post(world)
    assert world.journal == ["ledger.insert", "queue.put"]
    record = world.ledger.rows[lead_id]
    assert (record.state, record.received_at, record.payload) == (State.ACCEPTED, NOW, BODY.decode())
    assert Envelope.from_text(world.queue.messages[0].text) == Envelope(
        lead_id=lead_id, attempt=1, payload=BODY.decode()
    )


def test_the_key_of_the_post_is_in_its_record_and_costs_no_request() -> None:
    world = World()
    lead_id = post(world, key_name="partner-center")
    assert world.journal == ["ledger.insert", "queue.put"]
    assert world.ledger.rows[lead_id].key_name == "partner-center"
    assert Envelope.from_text(world.queue.messages[0].text).key_name == "partner-center"


def test_the_key_of_a_post_that_is_no_lead_is_in_its_record_too() -> None:
    world = World()
    with pytest.raises(InvalidLead):
        post(world, b"[]", key_name="partner-center")
    (record,) = world.ledger.rows.values()
    assert (record.reason, record.key_name) == ("not_an_object", "partner-center")


def test_a_ledger_that_is_away_leaves_the_lead_in_its_message() -> None:
    world = World()
    world.ledger.down = True
    lead_id = post(world)
    assert Envelope.from_text(world.queue.messages[0].text).lead_id == lead_id


def test_a_queue_that_is_away_leaves_the_lead_in_its_record_which_the_sweep_finds() -> None:
    world = World()
    world.queue.down = True
    lead_id = post(world)
    assert world.ledger.rows[lead_id].next_try_at == NOW


def test_with_neither_store_nobody_is_told_that_the_lead_is_safe() -> None:
    world = World()
    world.ledger.down = world.queue.down = True
    with pytest.raises(NotKept):
        post(world)


ANYTHING = [
    AttributeError("'NoneType' object has no attribute 'headers'"),
    ValueError("x"),
    RecursionError(),
    OSError(),
]


@pytest.mark.parametrize("error", ANYTHING, ids=lambda error: type(error).__name__)
def test_whatever_a_ledger_raises_the_queue_is_still_tried(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.ledger.failing = [error]
    lead_id = post(world)
    assert Envelope.from_text(world.queue.messages[0].text).lead_id == lead_id
    assert f"step=record reason={type(error).__name__}" in caplog.text


@pytest.mark.parametrize("error", ANYTHING, ids=lambda error: type(error).__name__)
def test_whatever_a_queue_raises_the_record_is_enough(error: Exception) -> None:
    world = World()
    world.queue.failing = [error]
    assert world.ledger.rows[post(world)].state is State.ACCEPTED


def test_a_store_that_refuses_is_logged_with_what_it_said(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.ledger.failing = [StorageFailed("storage_keys_off", "403 KeyBasedAuthenticationNotPermitted")]
    post(world)
    assert 'reason=storage_keys_off detail="403 KeyBasedAuthenticationNotPermitted"' in caplog.text


def test_when_both_fail_fast_both_are_tried_once_more() -> None:
    world = World()
    world.ledger.failing, world.queue.failing = [AWAY], [AWAY]
    post(world)
    assert world.journal == ["ledger.insert", "queue.put"]


def test_when_both_fail_slowly_there_is_no_time_for_another_try() -> None:
    world = World()
    world.ledger.failing, world.queue.failing = [AWAY], [AWAY]
    with pytest.raises(NotKept):
        post(world, clock=iter([0.0, FAST_FAILURE_SECONDS]))


def test_one_store_that_took_the_lead_is_enough_and_nothing_is_tried_again() -> None:
    world = World()
    world.queue.failing = [AWAY]
    post(world)
    assert world.journal == ["ledger.insert"]


def test_a_message_too_small_for_the_payload_leans_on_the_record() -> None:
    world = World()
    lead_id = post(world, BIG)
    assert Envelope.from_text(world.queue.messages[0].text).payload is None
    assert world.ledger.rows[lead_id].payload == BIG.decode()


def test_a_message_that_leans_on_a_record_which_was_not_written_is_not_sent() -> None:
    world = World()
    world.ledger.down = True
    with pytest.raises(NotKept):
        post(world, BIG)
    assert world.queue.messages == []


def test_an_insert_whose_reply_was_lost_still_counts_as_the_lead_being_kept() -> None:
    world = World()
    world.ledger.losing, world.queue.failing = [AWAY], [AWAY]
    lead_id = post(world)
    assert world.ledger.rows[lead_id].state is State.ACCEPTED


def test_what_is_no_lead_is_kept_as_rejected_bytes() -> None:
    world = World()
    with pytest.raises(InvalidLead) as refused:
        post(world, b"\xff\xfe{")
    (record,) = world.ledger.rows.values()
    assert (record.state, record.reason, record.payload) == (State.REJECTED, "not_utf8", b"\xff\xfe{")
    assert refused.value.slug == "not_utf8"
    assert world.queue.messages == []


def test_of_what_is_too_large_the_start_is_kept() -> None:
    world = World()
    with pytest.raises(InvalidLead, match="too_large"):
        post(world, b"x" * (MAX_PAYLOAD_BYTES + 1))
    (record,) = world.ledger.rows.values()
    assert record.payload == b"x" * MAX_PAYLOAD_BYTES


def test_the_largest_lead_is_accepted() -> None:
    world = World()
    body = b'{"Description": "' + b"x" * (MAX_PAYLOAD_BYTES - 19) + b'"}'
    assert len(body) == MAX_PAYLOAD_BYTES
    assert post(world, body) in world.ledger.rows


def test_an_empty_body_leaves_nothing_to_keep() -> None:
    world = World()
    with pytest.raises(InvalidLead, match="empty_body"):
        post(world, b"")
    assert world.ledger.rows == {}


def test_a_rejected_post_that_cannot_be_kept_is_not_answered_as_if_it_was() -> None:
    world = World()
    world.ledger.down = True
    with pytest.raises(NotKept):
        post(world, b"[]")


def test_nothing_posted_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world = World()
    post(world)
    with pytest.raises(InvalidLead):
        post(world, b'{"UserDetails": {"LastName": "secret-name"}')
    world.ledger.down = True
    post(world)
    assert "lead_accepted" in caplog.text
    assert "lead_rejected" in caplog.text
    assert "lead_not_kept" in caplog.text
    assert "Жанна" not in caplog.text
    assert "secret-name" not in caplog.text
    assert base64.b64encode(BODY).decode() not in caplog.text
