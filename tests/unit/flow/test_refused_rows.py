"""A store that answers and will not take a row: that is no outage, so no lead may go round and round with it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.delivery import deliver
from leadpipe.intake import take
from leadpipe.ledger_writes import TRIES_AT_A_RECORD, write
from leadpipe.model.change import Deferred, Replayed
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import NotKept, RecordDamaged, RowRefused, StorageFailed, Transient
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Arrival, Marks
from leadpipe.model.record import LONGEST_BYTES, ROW_REFUSED, Record, State
from leadpipe.model.settings import Settings
from leadpipe.sweep import sweep
from leadpipe.sweep.poison_queue import ROUNDS
from tests.factories import payload
from tests.fakes import NOW, World

SETTINGS = Settings(storage=None, dataverse=None)
REFUSED = RowRefused("row_refused", "the table leadledger answered 400 PropertyValueTooLarge")
AWAY = StorageFailed("storage_unreachable")
BODY = payload().encode()
# Fits the record, but not the message.
BIG = b'{"Description": "' + b'\\"' * 15000 + b'"}'


def post(world: World, body: bytes = BODY) -> str:
    return take(body, at=NOW, entropy=bytes(range(10)), ledger=world.ledger, queue=world.queue, elapsed=lambda: 0.0)


def accepted(world: World, posted: str = "", after: timedelta = timedelta(0)) -> Record:
    lead_id = new_lead_id(NOW + after, bytes(10))
    record = world.ledger.insert(Record.accepted(lead_id, posted or payload()))
    assert record is not None
    return record


def refusing_rows(world: World, failure: StorageFailed = REFUSED, *, smallest_too: bool = False) -> None:
    """The ledger refuses every new row, or takes only the smallest ones."""
    insert = world.ledger.insert

    def refuse(record: Record) -> Record | None:
        if smallest_too or record.reason != ROW_REFUSED:
            raise failure
        return insert(record)

    world.ledger.insert = refuse  # type: ignore[method-assign]


def run(world: World, record: Record, *, attempt: int = 1) -> Record:
    text = Envelope.for_payload(record.lead_id, record.text, attempt=attempt).to_text()
    deliver(text, dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=SETTINGS)
    return world.ledger.rows[record.lead_id]


def swept(world: World) -> None:
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=SETTINGS)


# Intake


def test_a_lead_whose_row_the_ledger_refuses_still_goes_on_the_queue() -> None:
    world = World()
    world.ledger.failing = [REFUSED]
    lead_id = post(world)
    assert world.ledger.rows == {}
    assert Envelope.from_text(world.queue.messages[0].text).lead_id == lead_id


def test_a_lead_whose_message_the_queue_refuses_is_kept_in_its_record() -> None:
    world = World()
    world.queue.failing = [REFUSED]
    assert world.ledger.rows[post(world)].state is State.ACCEPTED


@pytest.mark.parametrize("queue_fails", [REFUSED, AWAY, ValueError("kind")])
def test_a_lead_that_neither_store_takes_as_it_is_is_kept_by_the_smallest_row(queue_fails: Exception) -> None:
    world = World()
    world.ledger.failing, world.queue.failing = [REFUSED], [queue_fails]  # type: ignore[list-item]
    record = world.ledger.rows[post(world)]
    assert (record.state, record.reason, record.detail) == (State.POISONED, ROW_REFUSED, REFUSED.detail)
    assert (record.payload, record.email, record.fingerprint) == (BODY, "", "")


def test_a_lead_too_large_for_a_message_is_kept_by_the_smallest_row() -> None:
    world = World()
    world.ledger.failing = [REFUSED]
    assert world.ledger.rows[post(world, BIG)].payload == BIG
    assert world.queue.messages == []


def test_only_when_the_smallest_row_is_refused_too_the_lead_is_not_accepted() -> None:
    world = World()
    world.ledger.failing = [REFUSED] * 4
    world.queue.failing = [REFUSED] * 2
    with pytest.raises(NotKept):
        post(world)


def test_a_ledger_that_is_away_is_not_asked_for_the_smallest_row() -> None:
    world = World()
    world.ledger.failing, world.queue.failing = [AWAY, AWAY], [AWAY, AWAY]
    with pytest.raises(NotKept):
        post(world)
    assert world.ledger.rows == {}


# Delivery: the record


def test_a_message_whose_record_cannot_be_made_gets_the_smallest_one_which_a_person_sees() -> None:
    world = World()
    record = Record.accepted(new_lead_id(NOW, bytes(10)), payload())
    refusing_rows(world)
    kept = run(world, record)
    assert (kept.state, kept.reason, kept.payload) == (State.POISONED, ROW_REFUSED, payload().encode())
    assert world.queue.messages == []
    assert world.dynamics.leads == {}


def test_a_replay_of_the_smallest_row_makes_it_the_lead_that_was_posted() -> None:
    world = World()
    smallest = Record.accepted(new_lead_id(NOW, bytes(10)), payload()).smallest("400")
    kept = world.ledger.insert(smallest)
    assert kept is not None
    replayed = write(kept, Replayed(actor="jane"), world.now, ledger=world.ledger)
    assert (replayed.state, replayed.payload, replayed.email) == (State.ACCEPTED, payload(), "jane.doe@fabrikam.com")
    assert run(world, replayed, attempt=2).state is State.WRITTEN


@pytest.mark.parametrize(("attempt", "puts"), [(1, 1), (TRIES_AT_A_RECORD - 1, 1), (TRIES_AT_A_RECORD, 0)])
def test_a_record_that_cannot_be_made_for_an_hour_for_whatever_reason_is_made_smaller(attempt: int, puts: int) -> None:
    world = World()
    record = Record.accepted(new_lead_id(NOW, bytes(10)), payload())
    refusing_rows(world, StorageFailed("storage_error", "the ledger answered 400 SomethingNew"))
    text = Envelope.for_payload(record.lead_id, record.text, attempt=attempt).to_text()
    deliver(text, dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=SETTINGS)
    assert len(world.queue.messages) == puts
    assert len(world.ledger.rows) == 1 - puts


def test_an_outage_of_an_hour_and_more_makes_no_record_smaller() -> None:
    world = World()
    record = Record.accepted(new_lead_id(NOW, bytes(10)), payload())
    refusing_rows(world, AWAY)
    text = Envelope.for_payload(record.lead_id, record.text, attempt=TRIES_AT_A_RECORD).to_text()
    deliver(text, dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=SETTINGS)
    assert (len(world.queue.messages), world.ledger.rows) == (1, {})


def test_a_lead_whose_smallest_row_is_refused_too_goes_on_in_its_message(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    record = Record.accepted(new_lead_id(NOW, bytes(10)), payload())
    refusing_rows(world, smallest_too=True)
    text = Envelope.for_payload(record.lead_id, record.text, attempt=1).to_text()
    deliver(text, dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=SETTINGS)
    assert [Envelope.from_text(message.text).attempt for message in world.queue.messages] == [2]
    assert world.queue.messages[0].delay > timedelta(0)
    assert "row_refused" in caplog.text


# Delivery: what becomes of it


def refusing_writes(world: World, *, times: int = 1) -> None:
    """The next writes to the ledger are refused; what is read and inserted is not."""
    left = [REFUSED] * times
    fake_write = world.ledger.write

    def write_(*arguments: object) -> Record:
        if left:
            raise left.pop()
        return fake_write(*arguments)  # type: ignore[arg-type]

    world.ledger.write = write_  # type: ignore[method-assign]


def test_a_lead_in_dynamics_whose_record_refuses_it_is_poisoned_and_found_by_replay() -> None:
    world = World()
    record = accepted(world)
    refusing_writes(world)
    kept = run(world, record)
    assert (kept.state, kept.reason, kept.detail) == (State.POISONED, ROW_REFUSED, REFUSED.detail)
    assert kept.payload == payload()
    replayed = write(kept, Replayed(actor="jane"), world.now, ledger=world.ledger)
    assert run(world, replayed, attempt=2).state is State.WRITTEN
    assert [*world.dynamics.leads] == [record.lead_id]


def test_a_deferral_whose_record_is_refused_is_poisoned_and_its_copy_ends() -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [Transient("dynamics_unreachable")]
    refusing_writes(world)
    assert run(world, record).state is State.POISONED
    (copy,) = world.queue.messages
    deliver(copy.text, dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=SETTINGS)
    assert world.dynamics.leads == {}


def test_a_record_that_takes_no_change_at_all_leaves_the_lead_in_a_delayed_message() -> None:
    world = World()
    record = accepted(world)
    refusing_writes(world, times=2)
    assert run(world, record).state is State.ACCEPTED
    assert [Envelope.from_text(message.text).attempt for message in world.queue.messages] == [2]


def test_a_claim_that_is_refused_poisons_the_lead() -> None:
    world = World()
    record = accepted(world)
    world.claims.failing = [REFUSED]
    assert (run(world, record).reason, world.dynamics.leads) == ("row_refused", {})


def test_a_fallback_row_that_is_refused_does_not_hide_that_the_lead_rests(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.dynamics = None  # type: ignore[assignment]
    record = accepted(world)
    world.fallback.failing = [REFUSED]
    kept = run(world, record)
    assert (kept.state, kept.reason) == (State.FALLBACK, "no_dynamics")
    assert world.fallback.rows == {}
    assert "row_refused" in caplog.text
    assert "step=fallback" in caplog.text


def test_a_fallback_table_that_is_away_is_an_outage_all_the_same() -> None:
    world = World()
    world.dynamics = None  # type: ignore[assignment]
    record = accepted(world)
    world.fallback.failing = [AWAY]
    assert run(world, record).state is State.ACCEPTED
    assert len(world.queue.messages) == 1


# A damaged record


def test_a_lead_whose_claim_is_held_by_a_damaged_record_repeats_that_one() -> None:
    world = World()
    first, second = accepted(world), accepted(world, after=timedelta(minutes=1))
    world.claims.take(Claim(fingerprint=first.fingerprint, lead_id=first.lead_id, received_at=first.received_at))
    fake_read = world.ledger.read

    def read(lead_id: str) -> Record | None:
        if lead_id == first.lead_id:
            raise RecordDamaged("20260314/x: Attempt is of another type")
        return fake_read(lead_id)

    world.ledger.read = read  # type: ignore[method-assign]
    kept = run(world, second)
    assert (kept.state, kept.duplicate_of) == (State.DUPLICATE, first.lead_id)


def test_a_lead_with_a_damaged_record_comes_back_until_its_row_is_corrected() -> None:
    world = World()
    record = accepted(world)
    world.ledger.failing = [RecordDamaged("20260314/x: Attempt is of another type")]
    run(world, record)
    assert [Envelope.from_text(message.text).attempt for message in world.queue.messages] == [2]


def test_a_payload_that_was_kept_as_bytes_is_delivered_as_the_text_that_it_is() -> None:
    world = World()
    record = accepted(world)
    world.ledger.rows[record.lead_id] = kept = replace(record, payload=b"\xef\xbb\xbf" + BODY)
    assert run(world, kept).state is State.WRITTEN


# The sweep


def test_another_round_that_the_ledger_refuses_poisons_the_lead() -> None:
    world = World()
    record = accepted(world)
    world.poison_queue.holding(Envelope.for_payload(record.lead_id, record.text, attempt=1).to_text())
    refusing_writes(world)
    swept(world)
    assert (world.ledger.rows[record.lead_id].reason, world.queue.messages) == (ROW_REFUSED, [])


def test_a_last_round_that_the_ledger_refuses_poisons_the_lead() -> None:
    world = World()
    record = accepted(world)
    world.ledger.rows[record.lead_id] = kept = replace(record, rounds=ROUNDS)
    world.poison_queue.holding(Envelope.for_payload(kept.lead_id, kept.text, attempt=1).to_text())
    refusing_writes(world)
    swept(world)
    assert world.ledger.rows[record.lead_id].reason == ROW_REFUSED


def test_an_overdue_lead_whose_record_takes_no_new_time_is_poisoned() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + timedelta(hours=1)
    refusing_writes(world)
    swept(world)
    assert (world.ledger.rows[record.lead_id].reason, world.queue.messages) == (ROW_REFUSED, [])


def arrived(world: World, posted: str) -> None:
    world.marks.marks = Marks(taken_in_until=NOW, version="v0")
    world.fallback.from_the_marketplace = [Arrival(key="ab" * 32, at=NOW, payload=posted)]


def test_a_row_of_the_marketplace_whose_record_is_refused_is_kept_by_the_smallest_one() -> None:
    world = World()
    arrived(world, payload())
    refusing_rows(world)
    swept(world)
    (kept,) = world.ledger.rows.values()
    assert (kept.state, kept.reason, kept.payload) == (State.POISONED, ROW_REFUSED, payload().encode())
    assert world.queue.messages == []


def test_a_marketplace_row_too_large_for_the_ledger_is_poisoned_with_its_start() -> None:
    world = World()
    arrived(world, payload(Description="ж" * LONGEST_BYTES))
    swept(world)
    (kept,) = world.ledger.rows.values()
    assert (kept.state, kept.reason) == (State.POISONED, "too_large")
    assert isinstance(kept.payload, str)
    assert payload(Description="ж" * LONGEST_BYTES).startswith(kept.payload)


def test_a_queued_lead_without_a_next_try_is_found_by_the_sweep() -> None:
    world = World()
    record = accepted(world)
    deferred = write(
        record,
        Deferred(reason="throttled", attempt=2, next_try_at=NOW + timedelta(minutes=1)),
        world.now,
        ledger=world.ledger,
    )
    world.ledger.rows[record.lead_id] = replace(deferred, next_try_at=None)
    world.at = NOW + timedelta(hours=1)
    swept(world)
    assert [Envelope.from_text(message.text).attempt for message in world.queue.messages] == [3]
