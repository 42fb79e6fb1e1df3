"""One bad item among twenty good ones, in each loop of the sweep: it stops nothing, and is still there afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from leadpipe.ledger_writes import write
from leadpipe.model.change import ToFallback, Written
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import RowRefused, StorageFailed, Transient
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Arrival, SeenMessage
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.sweep import sweep
from leadpipe.sweep.guard import OUTAGE
from leadpipe.sweep.overdue import OVERDUE_AFTER
from tests.factories import payload
from tests.fakes import NOW, World

SETTINGS = Settings(storage=None, dataverse=None)
DAY = timedelta(days=1)
GOOD = 20
FAILURES = [
    StorageFailed("storage_error", "Jane Doe"),
    RowRefused("row_refused", "the table leadledger answered 400 PropertyValueTooLarge"),
    StorageFailed("record_damaged", "20260314/…"),
    TypeError("Jane Doe"),
]


def run(world: World) -> None:
    world.journal.clear()
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=SETTINGS)


def accepted(world: World, number: int, *, after: timedelta = timedelta(0)) -> Record:
    lead_id = new_lead_id(NOW + after + timedelta(seconds=number), bytes([number] * 10))
    record = world.ledger.insert(Record.accepted(lead_id, payload(FirstName=f"number {number}")))
    assert record is not None
    return record


def failing(method: Callable[..., Any], is_bad: Callable[..., bool], failure: Exception) -> Callable[..., Any]:
    """The method of a port, which fails for the bad item."""

    def call(*arguments: Any, **options: Any) -> Any:
        if is_bad(*arguments, **options):
            raise failure
        return method(*arguments, **options)

    return call


@dataclass(frozen=True)
class Loop:
    """A loop of the sweep: its items, what makes one of them bad, and whether an item is done."""

    step: str
    #: Makes an item; gives its name in the log, and says whether it is done.
    item: Callable[[World, int], tuple[str, Callable[[], bool]]]
    #: Makes the item of that number fail.
    spoil: Callable[[World, int, Exception], None]
    #: What happens before the sweep.
    before: Callable[[World], None] = lambda _world: None


def number_of(record: Record) -> int:
    return int(record.name.split()[1])


# poison queue


def given_up_on(world: World, number: int) -> tuple[str, Callable[[], bool]]:
    record = accepted(world, number)
    message = world.poison_queue.holding(Envelope.for_payload(record.lead_id, str(record.payload), attempt=1).to_text())
    return f"message={message.id}", lambda: message.id not in {held.id for held in world.poison_queue.messages}


def rubbish(world: World, number: int) -> tuple[str, Callable[[], bool]]:
    message = world.poison_queue.holding(f"rubbish {number}")
    return f"message={message.id}", lambda: message.id not in {held.id for held in world.poison_queue.messages}


def spoil_write(world: World, number: int, failure: Exception) -> None:
    def is_bad(before: Record, *_: Any) -> bool:
        return number_of(before) == number

    world.ledger.write = failing(world.ledger.write, is_bad, failure)  # type: ignore[method-assign]


def spoil_put(world: World, number: int, failure: Exception) -> None:
    def is_bad(text: str, **_: Any) -> bool:
        return f"number {number}\\" in text

    world.queue.put = failing(world.queue.put, is_bad, failure)  # type: ignore[method-assign]


def spoil_insert(world: World, number: int, failure: Exception) -> None:
    def is_bad(record: Record) -> bool:
        return record.payload in (f"rubbish {number}".encode(), posted_by(number), posted_by(number).encode())

    world.ledger.insert = failing(world.ledger.insert, is_bad, failure)  # type: ignore[method-assign]


def spoil_delete(world: World, number: int, failure: Exception) -> None:
    def is_bad(message: SeenMessage) -> bool:
        return message.text == f"rubbish {number}"

    world.poison_queue.delete = failing(world.poison_queue.delete, is_bad, failure)  # type: ignore[method-assign]


# overdue


def overdue(world: World, number: int) -> tuple[str, Callable[[], bool]]:
    record = accepted(world, number)
    return f"lead_id={record.lead_id}", lambda: any(record.lead_id in message.text for message in world.queue.messages)


def later(world: World) -> None:
    world.at = NOW + OVERDUE_AFTER + timedelta(minutes=1)


def much_later(world: World) -> None:
    world.at = NOW + 40 * DAY


def spoil_read(world: World, number: int, failure: Exception) -> None:
    def is_bad(lead_id: str, **_: Any) -> bool:
        record = world.ledger.rows.get(lead_id)
        return record is not None and number_of(record) == number

    world.ledger.read = failing(world.ledger.read, is_bad, failure)  # type: ignore[method-assign]


# leftovers


def left_behind(world: World, number: int) -> tuple[str, Callable[[], bool]]:
    record = accepted(world, number)
    write(record, Written(), world.now, ledger=world.ledger)
    world.fallback.rows[record.lead_id] = record
    return f"lead_id={record.lead_id}", lambda: record.lead_id not in world.fallback.rows


def spoil_remove(world: World, number: int, failure: Exception) -> None:
    def is_bad(lead_id: str) -> bool:
        return number_of(world.ledger.rows[lead_id]) == number

    world.fallback.remove = failing(world.fallback.remove, is_bad, failure)  # type: ignore[method-assign]


# fallback


def resting(world: World, number: int) -> tuple[str, Callable[[], bool]]:
    record = accepted(world, number)
    world.fallback.keep(record)
    change = ToFallback(reason="dynamics_unreachable", next_try_at=record.received_at)
    write(record, change, lambda: record.received_at, ledger=world.ledger)
    return f"lead_id={record.lead_id}", lambda: world.ledger.rows[record.lead_id].state is State.WRITTEN


def spoil_create(world: World, number: int, failure: Exception) -> None:
    def is_bad(lead_id: str, _lead: object) -> bool:
        return number_of(world.ledger.rows[lead_id]) == number

    world.dynamics.create = failing(world.dynamics.create, is_bad, failure)  # type: ignore[method-assign]


# arrivals


def posted_by(number: int) -> str:
    return payload(FirstName=f"number {number}", Company="row")


def arrived(world: World, number: int) -> tuple[str, Callable[[], bool]]:
    posted = posted_by(number)
    key = sha256(bytes([number])).hexdigest()
    world.fallback.from_the_marketplace.append(Arrival(key=key, at=NOW + timedelta(seconds=number), payload=posted))
    return f"row={key}", lambda: any(record.payload == posted for record in world.ledger.rows.values())


def spoil_claim(world: World, number: int, failure: Exception) -> None:
    key = sha256(bytes([number])).hexdigest()
    world.claims.take = failing(world.claims.take, lambda claim: claim.fingerprint == key, failure)  # type: ignore[method-assign]


def swept_once(world: World) -> None:
    arrivals, world.fallback.from_the_marketplace = world.fallback.from_the_marketplace, []
    run(world)
    world.fallback.from_the_marketplace = arrivals
    world.at += timedelta(minutes=1)


# retention


def settled_long_ago(world: World, number: int) -> tuple[str, Callable[[], bool]]:
    record = write(accepted(world, number, after=number * DAY / 3), Written(), world.now, ledger=world.ledger)
    return f"lead_id={record.lead_id}", lambda: world.ledger.rows[record.lead_id].payload is None


def spoil_details(world: World, number: int, failure: Exception) -> None:
    def is_bad(lead_id: str) -> bool:
        return number_of(world.ledger.rows[lead_id]) == number

    world.ledger.forget_details = failing(world.ledger.forget_details, is_bad, failure)  # type: ignore[method-assign]


def after_the_time_of_keeping(world: World) -> None:
    world.at = NOW + 110 * DAY


LOOPS = {
    "a message whose lead cannot be written": Loop("poison_queue", given_up_on, spoil_write),
    "a message that cannot be put again": Loop("poison_queue", given_up_on, spoil_put),
    "rubbish that cannot be kept": Loop("poison_queue", rubbish, spoil_insert),
    "rubbish that cannot be deleted": Loop("poison_queue", rubbish, spoil_delete),
    "an overdue lead that cannot be read": Loop("overdue", overdue, spoil_read, later),
    "an overdue lead that cannot be written": Loop("overdue", overdue, spoil_write, later),
    "an overdue lead that cannot be put": Loop("overdue", overdue, spoil_put, later),
    "a lead overdue for long that cannot be read": Loop("look_back", overdue, spoil_read, much_later),
    "a lead overdue for long that cannot be written": Loop("look_back", overdue, spoil_write, much_later),
    "a row that cannot be removed": Loop("look_back", left_behind, spoil_remove),
    "a settled lead that cannot be read": Loop("look_back", left_behind, spoil_read),
    "a resting lead that cannot be read": Loop("fallback", resting, spoil_read, later),
    "a resting lead that cannot be settled": Loop("fallback", resting, spoil_write, later),
    "a row that cannot be claimed": Loop("arrivals", arrived, spoil_claim, swept_once),
    "a row that cannot be recorded": Loop("arrivals", arrived, spoil_insert, swept_once),
    "a row that cannot be put": Loop("arrivals", arrived, spoil_put, swept_once),
    "a settled lead that cannot be forgotten": Loop(
        "retention", settled_long_ago, spoil_details, after_the_time_of_keeping
    ),
    "a settled lead that cannot be written any more": Loop(
        "retention", settled_long_ago, spoil_write, after_the_time_of_keeping
    ),
}


# A row that the ledger refuses is recorded by a smaller one, which is no failure of the loop.
FAILING = [
    (name, failure)
    for name in LOOPS
    for failure in FAILURES
    if name != "a row that cannot be recorded" or not isinstance(failure, RowRefused)
]


@pytest.mark.parametrize("place", [0, 10, GOOD])
@pytest.mark.parametrize(("name", "failure"), FAILING, ids=str)
def test_one_bad_item_among_twenty_stops_none_of_them_and_is_named(
    name: str, failure: Exception, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    world, loop = World(), LOOPS[name]
    items = [loop.item(world, number) for number in range(1, GOOD + 2)]
    loop.before(world)
    loop.spoil(world, place + 1, failure)
    run(world)
    bad, _ = items.pop(place)
    assert [item for item, is_done in items if not is_done()] == []
    named = [line for line in caplog.messages if f"sweep_item_failed step={loop.step} " in line and bad in line]
    assert len(named) == 1, caplog.text
    assert "Jane" not in caplog.text
    assert "sweep_failed" not in caplog.text


@pytest.mark.parametrize("name", [name for name in LOOPS if LOOPS[name].spoil is not spoil_read])
def test_an_outage_ends_a_loop_early(name: str, caplog: pytest.LogCaptureFixture) -> None:
    world, loop = World(), LOOPS[name]
    for number in range(1, 60):
        loop.item(world, number)
    loop.before(world)
    for number in range(1, 60):
        loop.spoil(world, number, StorageFailed("storage_unreachable"))
    run(world)
    assert caplog.text.count(f"sweep_item_failed step={loop.step} ") in {OUTAGE, OUTAGE + 1}
    assert caplog.text.count(f"sweep_failed step={loop.step} reason=storage_unreachable") == 1


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_poison_message_that_could_not_be_kept_is_tried_again_when_seen_again(failure: Exception) -> None:
    world = World()
    rubbish(world, 1)
    insert = world.ledger.insert
    spoil_insert(world, 1, failure)
    run(world)
    assert len(world.poison_queue.messages) == 1
    world.ledger.insert = insert  # type: ignore[method-assign]
    world.at += timedelta(minutes=1)
    run(world)
    assert world.poison_queue.messages == []
    assert [record.reason for record in world.ledger.rows.values()] == ["not_an_envelope"]


def test_a_hundred_bad_messages_do_not_hide_the_one_behind_them() -> None:
    world = World()
    for number in range(100):
        rubbish(world, number)
    _, is_done = given_up_on(world, 1)
    insert = world.ledger.insert

    def refuses(record: Record) -> Record | None:
        if isinstance(record.payload, bytes):
            raise RowRefused("row_refused")
        return insert(record)

    world.ledger.insert = refuses  # type: ignore[method-assign]
    run(world)
    assert is_done()
    assert len(world.poison_queue.messages) == 100


TIMES = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1601, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    NOW + 8 * DAY,
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]


@pytest.mark.parametrize("at", TIMES, ids=str)
@pytest.mark.parametrize("text", ["rubbish", "\0", "x" * 65_000, "", '{"v": 1}', "é\ud800"])
def test_rubbish_is_kept_whatever_time_its_message_says_and_once(text: str, at: datetime) -> None:
    world = World()
    message = world.poison_queue.holding(text, at)
    run(world)
    world.poison_queue.messages = [message]
    world.at += timedelta(minutes=1)
    run(world)
    (record,) = world.ledger.rows.values()
    assert (record.state, record.reason, record.payload) == (
        State.POISONED,
        "not_an_envelope",
        text.encode("utf-8", "replace"),
    )
    assert record.received_at.date() == NOW.date()
    assert world.poison_queue.messages == []


@pytest.mark.parametrize(
    "at", [datetime(1970, 1, 1, tzinfo=UTC), NOW + 2 * DAY, datetime(9999, 12, 31, tzinfo=UTC)], ids=str
)
def test_a_message_whose_lead_cannot_have_been_received_is_kept_as_rubbish(at: datetime) -> None:
    world = World()
    text = Envelope.for_payload(new_lead_id(at, bytes(10)), payload(), attempt=1).to_text()
    world.poison_queue.holding(text)
    run(world)
    (record,) = world.ledger.rows.values()
    assert (record.state, record.reason, record.payload) == (State.POISONED, "not_an_envelope", text.encode())
    assert (world.poison_queue.messages, world.queue.messages) == ([], [])


def test_a_row_that_could_not_be_taken_in_holds_the_mark_until_it_is() -> None:
    world = World()
    items = [arrived(world, number) for number in range(1, 5)]
    swept_once(world)
    take = world.claims.take
    spoil_claim(world, 2, TypeError())
    run(world)
    assert world.marks.marks.taken_in_until == NOW + timedelta(seconds=2)
    world.at += timedelta(hours=3)
    run(world)
    assert world.marks.marks.taken_in_until == NOW + timedelta(seconds=2)
    world.claims.take = take  # type: ignore[method-assign]
    run(world)
    assert all(is_done() for _, is_done in items)
    assert world.marks.marks.taken_in_until == NOW + timedelta(seconds=4)


def test_a_row_that_is_known_to_be_taken_in_is_not_asked_for_again() -> None:
    world = World()
    arrived(world, 1)
    swept_once(world)
    run(world)
    assert "claims.take" in world.journal
    run(world)
    assert "claims.take" not in world.journal
    world.taken_in.clear()  # as in another process
    run(world)
    assert "claims.take" in world.journal
    assert len(world.ledger.rows) == 1


def test_a_stretch_of_days_that_cannot_be_listed_stops_none_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    for days in (0, 20, 40):
        accepted(world, 1 + days, after=days * DAY)
    world.at = NOW + 60 * DAY
    between = world.ledger.between

    def is_bad(first: date, last: date, **_: Any) -> bool:
        return first <= NOW.date() <= last

    world.ledger.between = failing(between, is_bad, TypeError("Jane Doe"))  # type: ignore[method-assign]
    run(world)
    assert len(world.queue.messages) == 2
    assert "sweep_item_failed step=look_back day=2026-03-14 reason=TypeError" in caplog.text
    assert world.marks.marks.watermark == NOW.date()
    assert world.marks.marks.looked_back_at == world.at


def test_a_crash_of_the_probe_does_not_end_the_drain_but_a_general_failure_does() -> None:
    world = World()
    items = [resting(world, number) for number in range(1, 4)]
    later(world)
    spoil_create(world, 1, RuntimeError())
    run(world)
    assert [is_done() for _, is_done in items] == [False, True, True]
    world = World()
    items = [resting(world, number) for number in range(1, 4)]
    later(world)
    world.dynamics.failing = [Transient("dynamics_unreachable")]
    spoil_write(world, 1, TypeError())
    run(world)
    assert [is_done() for _, is_done in items] == [False, False, False]
    assert world.dynamics.asked == 1


def test_rows_of_the_fallback_table_that_name_no_lead_are_left_alone() -> None:
    world = World()
    _, is_done = left_behind(world, 1)
    world.fallback.lead_ids = lambda *_, **__: iter(["jane@fabrikam.com", *world.fallback.rows])  # type: ignore[method-assign]
    run(world)
    assert is_done()


# Marks


@pytest.mark.parametrize(
    "mark",
    [
        "watermark",
        "looked_back_at",
        "looking_from",
        "taken_in_until",
        "forgotten_before",
        "probes_fail_since",
        "next_probe_at",
    ],
)
def test_a_damaged_mark_is_named_replaced_and_loses_nothing(mark: str, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    run(world)
    record = accepted(world, 1)
    _, is_taken_in = arrived(world, 2)
    world.at += 5 * DAY
    world.marks.marks = replace(world.marks.marks, **{mark: None}, damaged=frozenset({mark}))  # type: ignore[arg-type]
    caplog.clear()
    run(world)
    assert f"mark_damaged mark={mark}" in caplog.messages
    assert world.marks.marks.damaged == frozenset()
    assert any(record.lead_id in message.text for message in world.queue.messages)
    assert is_taken_in()
    caplog.clear()
    world.at += timedelta(minutes=1)
    run(world)
    assert "mark_damaged" not in caplog.text


def test_marks_that_cannot_be_written_stop_no_task(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    record = accepted(world, 1)
    later(world)
    world.marks.write = failing(world.marks.write, lambda *_: True, StorageFailed("storage_error"))  # type: ignore[method-assign]
    run(world)
    assert any(record.lead_id in message.text for message in world.queue.messages)
    assert "sweep_failed step=marks reason=storage_error" in caplog.text
    assert "sweep_failed step=look_back reason=storage_error" in caplog.text


def test_marks_that_somebody_else_wrote_meanwhile_are_read_again_and_kept() -> None:
    world = World()
    run(world)
    world.at += timedelta(hours=1)
    due = world.ledger.due

    def lowered(*arguments: Any, **options: Any) -> Any:
        world.marks.write(world.marks.marks, world.marks.marks.back_to(date(2026, 1, 1)))
        world.ledger.due = due  # type: ignore[method-assign]
        return due(*arguments, **options)

    world.ledger.due = lowered  # type: ignore[method-assign]
    run(world)
    assert world.marks.marks.watermark == date(2026, 1, 1)
    world.at += timedelta(hours=1)
    run(world)
    assert world.marks.marks.watermark == NOW.date() - DAY
