"""Which messages on the queue have no record, and that the others are not taken for such."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import RecordDamaged
from leadpipe.model.ports import Marks
from leadpipe.model.record import Record, State
from leadpipe.operations.messages import FULL_HEAD, STALE_COPIES, YOUNG, WithoutRecord, messages_without_record
from tests.factories import lead_id, payload, record
from tests.fakes import NOW, Message, World

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
OLD = NOW - YOUNG
LATER = timedelta(minutes=10)


def found(world: World) -> WithoutRecord:
    return messages_without_record(queue=world.queue, ledger=world.ledger, marks=world.marks, at=NOW)


def put(world: World, number: int = 1, *, delay: timedelta = timedelta(0), attempt: int = 1) -> str:
    """An old message of that lead; with a delay it cannot be seen."""
    lead = lead_id(number=number)
    text = Envelope.for_payload(lead, payload(), attempt=attempt).to_text()
    world.queue.messages.append(Message(text, delay, OLD))
    return lead


def kept(world: World, number: int = 1, **fields: object) -> Record:
    """A record that changed long ago."""
    made = record(lead_id(number=number), **{"updated_at": NOW - timedelta(days=1), **fields})
    world.ledger.rows[made.lead_id] = made
    return made


def test_an_empty_queue_has_none_and_asks_nothing_else() -> None:
    world = World()
    assert found(world) == WithoutRecord()
    assert world.journal == ["queue.depth"]


def test_a_message_at_the_head_whose_lead_has_no_record_is_named() -> None:
    world = World()
    lead = put(world)
    assert found(world) == WithoutRecord(seen=(lead,))
    assert found(world).total == 1


def test_two_messages_of_one_lead_are_one_lead() -> None:
    world = World()
    lead = put(world)
    put(world, attempt=2)
    assert found(world) == WithoutRecord(seen=(lead,))


@pytest.mark.parametrize("state", State)
def test_a_message_at_the_head_whose_lead_has_a_record_is_not_counted(state: State) -> None:
    world = World()
    put(world)
    kept(world, state=state)
    assert found(world) == WithoutRecord()


def test_a_message_that_was_put_a_moment_ago_may_have_its_record_in_the_next() -> None:
    world = World()
    put(world)
    world.queue.messages = [replace(message, at=OLD + SECOND) for message in world.queue.messages]
    assert found(world) == WithoutRecord()
    put(world, 2, delay=LATER)
    assert found(world) == WithoutRecord(unseen=1)


def test_a_text_that_is_no_envelope_is_named_by_its_message() -> None:
    world = World()
    world.queue.messages = [Message("rubbish", at=OLD)]
    assert found(world) == WithoutRecord(seen=("message q0",))


def test_a_message_of_a_newer_leadpipe_is_none() -> None:
    world = World()
    world.queue.messages = [Message('{"v": 2}', at=OLD)]
    assert found(world) == WithoutRecord()


def test_a_message_whose_record_is_damaged_is_none() -> None:
    world = World()
    put(world)
    world.ledger.failing = [RecordDamaged("20260314/x: Attempt is of another type")]
    assert found(world) == WithoutRecord()


def test_messages_that_wait_for_their_time_are_counted_against_the_records_that_have_one() -> None:
    world = World()
    for number in range(5):
        put(world, number, delay=LATER)
    for number in range(3):
        kept(world, number, state=State.DEFERRED)
    assert found(world) == WithoutRecord(unseen=2)


def test_those_seen_are_not_counted_again() -> None:
    world = World()
    seen = put(world)
    put(world, 2, delay=LATER)
    put(world, 3, delay=LATER)
    kept(world, 3, state=State.DEFERRED)
    assert found(world) == WithoutRecord(seen=(seen,), unseen=1)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"state": State.WRITTEN, "updated_at": NOW - YOUNG + SECOND}, 1),  # its message is about to end
        ({"state": State.WRITTEN, "updated_at": NOW - YOUNG}, 0),
        ({"state": State.WRITTEN, "attempt": 2, "updated_at": NOW - STALE_COPIES + SECOND}, 1),  # a copy may be left
        ({"state": State.WRITTEN, "attempt": 2, "updated_at": NOW - STALE_COPIES}, 0),
        ({"state": State.DEFERRED, "attempt": 2, "updated_at": NOW - STALE_COPIES + SECOND}, 2),
        ({"state": State.DEFERRED, "attempt": 2, "updated_at": NOW - STALE_COPIES}, 1),
        ({"state": State.FALLBACK, "updated_at": NOW - STALE_COPIES}, 0),
        ({"state": State.POISONED, "updated_at": NOW - STALE_COPIES}, 0),
    ],
)
def test_a_record_explains_as_many_messages_as_may_be_left_of_it(fields: dict[str, object], expected: int) -> None:
    world = World()
    for number in range(4):
        put(world, number, delay=LATER)
    kept(world, **fields)
    assert found(world) == WithoutRecord(unseen=4 - expected)


def test_a_queue_that_nobody_works_off_holds_every_message_that_was_ever_put() -> None:
    """Delivery is switched off, and the sweep puts each overdue lead again and again."""
    world = World()
    leads = range(FULL_HEAD)
    for attempt in (1, 2, 3):
        for number in leads:
            put(world, number, attempt=attempt)
    for number in leads:
        kept(world, number, attempt=3)
    assert found(world) == WithoutRecord()
    put(world, 99, delay=LATER)
    assert found(world) == WithoutRecord(unseen=1)


def test_a_queue_that_empties_while_the_ledger_is_read_is_not_held_against_it() -> None:
    world = World()
    put(world, 1, delay=LATER)
    put(world, 2, delay=LATER)
    kept(world, 1)
    moving = world.ledger.moving

    def delivered(*arguments: object, **options: object) -> object:
        world.queue.messages.pop()
        return moving(*arguments, **options)  # type: ignore[arg-type]

    world.ledger.moving = delivered  # type: ignore[method-assign, assignment]
    assert found(world) == WithoutRecord()


def test_damaged_records_explain_a_message_each() -> None:
    world = World()
    put(world, 1, delay=LATER)
    put(world, 2, delay=LATER)
    kept(world, 3, state=State.WRITTEN)
    fake_moving = world.ledger.moving

    def moving(*arguments: object, damage: list[str]) -> object:
        damage.append("20260314/x: Attempt is of another type")
        return fake_moving(*arguments, damage=damage)  # type: ignore[arg-type]

    world.ledger.moving = moving  # type: ignore[method-assign, assignment]
    assert found(world) == WithoutRecord(unseen=1)


@pytest.mark.parametrize("watermark", [None, NOW.date() - timedelta(days=9)])
def test_open_leads_of_long_ago_explain_their_messages(watermark: object) -> None:
    world = World()
    world.marks.marks = Marks(watermark=watermark)  # type: ignore[arg-type]
    old = record(lead_id(timedelta(days=-9)), state=State.DEFERRED, updated_at=NOW - timedelta(days=1))
    world.ledger.rows[old.lead_id] = old
    put(world, delay=LATER)
    assert found(world) == WithoutRecord()
