"""What the sweep brings back."""

from datetime import timedelta

import pytest

from leadpipe.delivery import deliver, write
from leadpipe.model.change import Poisoned
from leadpipe.model.envelope import Envelope
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.sweep import LONGEST_WAIT, OVERDUE_AFTER, queue_again, sweep
from tests.fakes import NOW, World

PAYLOAD = '{"UserDetails": {"LastName": "Doe"}}'
OVERDUE = OVERDUE_AFTER + timedelta(seconds=1)


def accepted(world: World, *, number: int = 1, after: timedelta = timedelta(0)) -> Record:
    record = world.ledger.insert(Record.accepted(new_lead_id(NOW + after, bytes([number] * 10)), PAYLOAD))
    assert record is not None
    return record


def attempts(world: World) -> list[int]:
    return [Envelope.from_text(message.text).attempt for message in world.queue.messages]


def test_a_record_without_a_message_is_put_on_the_queue_and_delivered() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + OVERDUE
    sweep(now=world.now, ports=world.ports)
    (message,) = world.queue.messages
    deliver(
        message.text,
        dequeue_count=1,
        chance=0.5,
        now=world.now,
        ports=world.ports,
        settings=Settings(storage=None, dataverse=None),
    )
    assert world.ledger.rows[record.lead_id].state is State.WRITTEN


def test_a_record_that_was_tried_lately_is_left_alone() -> None:
    world = World()
    accepted(world)
    world.at = NOW + OVERDUE_AFTER
    sweep(now=world.now, ports=world.ports)
    assert world.queue.messages == []


def test_yesterdays_records_are_looked_at_too() -> None:
    world = World()
    accepted(world)
    world.at = NOW + timedelta(days=1)
    sweep(now=world.now, ports=world.ports)
    assert attempts(world) == [2]


def test_the_attempt_is_raised_before_the_message_is_put_so_that_older_copies_are_stale() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + OVERDUE
    world.journal.clear()
    queue_again(record, now=world.now, ledger=world.ledger, queue=world.queue)
    assert world.journal == ["ledger.write", "queue.put"]
    assert world.ledger.rows[record.lead_id].attempt == 2


def test_the_wait_doubles_up_to_an_hour() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + OVERDUE
    queue_again(record, now=world.now, ledger=world.ledger, queue=world.queue)
    again = world.ledger.rows[record.lead_id]
    assert again.next_try_at == world.at + 2 * OVERDUE
    world.at += timedelta(hours=5)
    queue_again(again, now=world.now, ledger=world.ledger, queue=world.queue)
    assert world.ledger.rows[record.lead_id].next_try_at == world.at + LONGEST_WAIT


def test_a_record_settled_since_it_was_listed_is_not_queued() -> None:
    world = World()
    record = accepted(world)
    write(record, Poisoned(reason="x"), world.now, ledger=world.ledger)
    queue_again(record, now=world.now, ledger=world.ledger, queue=world.queue)
    assert world.queue.messages == []


def test_a_record_deleted_since_it_was_listed_is_passed_over() -> None:
    world = World()
    record = accepted(world)
    listed = [record]
    world.ledger.overdue = lambda *_: iter(listed)  # type: ignore[method-assign]
    del world.ledger.rows[record.lead_id]
    sweep(now=world.now, ports=world.ports)
    assert world.queue.messages == []


def test_a_task_that_fails_is_logged_and_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.ledger.down = True
    sweep(now=world.now, ports=world.ports)
    assert caplog.text.count("sweep_failed") == 2
