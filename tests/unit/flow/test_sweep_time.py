"""Sweeps whose time is always too short: each does a part, the next goes on from there, and no task starves another."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from leadpipe.ledger_writes import write
from leadpipe.model.change import Poisoned, ToFallback, Written
from leadpipe.model.envelope import Envelope
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Arrival
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.sweep import sweep
from leadpipe.sweep.days import STRETCH
from leadpipe.sweep.run import LONGEST_SWEEP
from tests.factories import payload
from tests.fakes import NOW, World

SETTINGS = Settings(storage=None, dataverse=None)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
STORES = ("queue", "ledger", "claims", "fallback", "poison_queue", "marks", "dynamics")


def slow(world: World, store: str, *methods: str, by: timedelta) -> None:
    """From now on each call of these methods takes so long."""

    def slowed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            world.at += by
            return method(*arguments, **options)

        return call

    for name in methods:
        setattr(getattr(world, store), name, slowed(getattr(getattr(world, store), name)))


def run(world: World) -> timedelta:
    """One sweep; how long it took. The next one begins a minute after it at the earliest."""
    began = world.at
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=SETTINGS)
    took = world.at - began
    world.at = max(world.at, began + MINUTE)
    return took


def accepted(world: World, number: int, *, after: timedelta = timedelta(0)) -> Record:
    lead_id = new_lead_id(NOW + after, number.to_bytes(10, "big"))
    record = world.ledger.insert(Record.accepted(lead_id, payload(FirstName=f"number {number}")))
    assert record is not None
    return record


def states(world: World) -> set[State]:
    return {record.state for record in world.ledger.rows.values()}


def queued(world: World) -> set[str]:
    return {Envelope.from_text(message.text).lead_id for message in world.queue.messages}


# Where each loop stands when its time is over: the call that takes all of it, and what has to be true in the end.


def overdue(world: World) -> Callable[[], bool]:
    ids = {accepted(world, number).lead_id for number in range(6)}
    world.at = NOW + HOUR
    return lambda: queued(world) == ids


def overdue_for_months(world: World) -> Callable[[], bool]:
    ids = {accepted(world, days, after=days * DAY).lead_id for days in (0, 1, 9, 30, 90, 91)}
    world.at = NOW + 120 * DAY
    return lambda: queued(world) == ids and world.marks.marks.looking_from is None


def rows_left_behind(world: World) -> Callable[[], bool]:
    for days in (0, 1, 9, 30, 90, 91):
        record = write(accepted(world, days, after=days * DAY), Written(), world.now, ledger=world.ledger)
        world.fallback.rows[record.lead_id] = record
    world.at = NOW + 120 * DAY
    return lambda: world.fallback.rows == {} and world.marks.marks.watermark == world.at.date() - DAY


def given_up_on(world: World) -> Callable[[], bool]:
    for number in range(6):
        record = accepted(world, number)
        text = Envelope.for_payload(record.lead_id, str(record.payload), attempt=1).to_text()
        world.poison_queue.holding(text if number % 2 else f"rubbish {number}")
    return lambda: world.poison_queue.messages == []


def resting(world: World) -> Callable[[], bool]:
    for number in range(6):
        record = accepted(world, number)
        world.fallback.keep(record)
        change = ToFallback(reason="dynamics_unreachable", next_try_at=NOW)
        write(record, change, world.now, ledger=world.ledger)
    world.at = NOW + HOUR
    return lambda: states(world) == {State.WRITTEN}


def arrived(world: World) -> Callable[[], bool]:
    run(world)
    for number in range(6):
        key = sha256(bytes([number])).hexdigest()
        arrival = Arrival(key=key, at=NOW + number * SECOND, payload=payload(FirstName=f"row {number}"))
        world.fallback.from_the_marketplace.append(arrival)
    return lambda: len(world.ledger.rows) == 6 and world.marks.marks.taken_in_until == NOW + 5 * SECOND


def settled_long_ago(world: World) -> Callable[[], bool]:
    for days in (0, 1, 9, 30, 90, 91):
        write(accepted(world, days, after=days * DAY), Written(), world.now, ledger=world.ledger)
    world.at = NOW + 250 * DAY
    cutoff = (world.at - SETTINGS.retention).date()
    return lambda: (
        {record.payload for record in world.ledger.rows.values()} == {None}
        and world.marks.marks.forgotten_before == cutoff
    )


WORK: dict[str, tuple[Callable[[World], Callable[[], bool]], str, tuple[str, ...]]] = {
    "overdue, reading": (overdue, "ledger", ("read",)),
    "overdue, writing": (overdue, "ledger", ("write",)),
    "overdue, putting": (overdue, "queue", ("put",)),
    "overdue, listing": (overdue, "ledger", ("due",)),
    "overdue for months, looking for the next day": (overdue_for_months, "ledger", ("next_day",)),
    "overdue for months, listing": (overdue_for_months, "ledger", ("between",)),
    "overdue for months, reading": (overdue_for_months, "ledger", ("read",)),
    "overdue for months, putting": (overdue_for_months, "queue", ("put",)),
    "rows left behind, listing": (rows_left_behind, "fallback", ("lead_ids",)),
    "rows left behind, reading": (rows_left_behind, "ledger", ("read",)),
    "rows left behind, removing": (rows_left_behind, "fallback", ("remove",)),
    "poison queue, receiving": (given_up_on, "poison_queue", ("receive",)),
    "poison queue, deleting": (given_up_on, "poison_queue", ("delete",)),
    "poison queue, putting": (given_up_on, "queue", ("put",)),
    "poison queue, keeping": (given_up_on, "ledger", ("insert",)),
    "fallback, listing": (resting, "ledger", ("due",)),
    "fallback, creating": (resting, "dynamics", ("create",)),
    "fallback, removing": (resting, "fallback", ("remove",)),
    "arrivals, listing": (arrived, "fallback", ("arrivals",)),
    "arrivals, claiming": (arrived, "claims", ("take",)),
    "arrivals, recording": (arrived, "ledger", ("insert",)),
    "arrivals, putting": (arrived, "queue", ("put",)),
    "retention, looking for the next day": (settled_long_ago, "ledger", ("next_day",)),
    "retention, listing": (settled_long_ago, "ledger", ("unforgotten",)),
    "retention, forgetting": (settled_long_ago, "ledger", ("forget_details",)),
    "retention, writing": (settled_long_ago, "ledger", ("write",)),
}


@pytest.mark.parametrize("by", [3 * SECOND, 11 * SECOND], ids=["slow", "very slow"])
@pytest.mark.parametrize("name", WORK)
def test_a_sweep_whose_time_is_always_too_short_comes_to_the_end_all_the_same(name: str, by: timedelta) -> None:
    world = World()
    prepare, store, methods = WORK[name]
    is_done = prepare(world)
    slow(world, store, *methods, by=by)
    took = [run(world)]
    while not is_done() and len(took) < 60:
        took.append(run(world))
    assert is_done(), len(took)
    assert max(took) <= LONGEST_SWEEP + 7 * by


@pytest.mark.parametrize(
    "name", [name for name in WORK if name.split(", ")[1] in {"putting", "claiming", "forgetting"}]
)
def test_items_that_each_take_all_of_the_time_are_done_one_in_each_sweep(name: str) -> None:
    world = World()
    prepare, store, methods = WORK[name]
    is_done = prepare(world)
    slow(world, store, *methods, by=LONGEST_SWEEP)
    for _ in range(14):
        run(world)
    assert is_done()


def test_no_task_takes_the_time_of_all_that_follow() -> None:
    world = World()
    resting(world)
    for number in range(100, 300):
        world.poison_queue.holding(f"rubbish {number}")
    slow(world, "poison_queue", "delete", by=SECOND)
    run(world)
    assert world.poison_queue.messages != []
    assert State.WRITTEN in states(world)


def test_an_unfinished_walk_goes_on_with_the_next_sweep_not_an_hour_later() -> None:
    world = World()
    is_done = settled_long_ago(world)
    slow(world, "ledger", "forget_details", by=LONGEST_SWEEP)
    run(world)
    assert world.marks.marks.forgetting_from is not None
    began = world.at
    while not is_done():
        run(world)
    assert world.at - began < HOUR
    assert world.marks.marks.forgetting_from is None


def test_a_poisoned_lead_does_not_keep_retention_from_the_days_behind_it() -> None:
    """What it left alone holds the mark back, and what is done already costs nothing when the walk passes again."""
    world = World()
    write(accepted(world, 1), Poisoned(reason="x"), world.now, ledger=world.ledger)
    for days in range(1, 60):
        write(accepted(world, days + 1, after=days * DAY), Written(), world.now, ledger=world.ledger)
    world.at = NOW + 200 * DAY
    slow(world, "ledger", "forget_details", by=SECOND)
    for _ in range(4):
        run(world)
    kept = [record.state for record in world.ledger.rows.values() if record.payload is not None]
    assert kept == [State.POISONED]
    assert world.marks.marks.forgotten_before == NOW.date()
    world.at += HOUR
    world.journal.clear()
    run(world)
    assert "ledger.forget_details" not in world.journal


def test_what_a_task_achieved_is_kept_when_a_later_one_dies() -> None:
    world = World()

    class Died(BaseException):
        pass

    def die(*_: object, **__: object) -> object:
        raise Died

    world.fallback.arrivals = die  # type: ignore[method-assign, assignment]
    with pytest.raises(Died):
        run(world)
    assert world.marks.marks.looked_back_at == world.at
    assert world.marks.marks.watermark == NOW.date() - DAY


def test_an_outage_in_the_middle_of_a_walk_keeps_the_place() -> None:
    world = World()
    accepted(world, 1)
    for number in range(2, 12):
        accepted(world, number, after=2 * STRETCH)
    world.at = NOW + 60 * DAY
    put, calls = world.queue.put, [0]

    def down_after_the_first(text: str, *, delay: timedelta = timedelta(0)) -> None:
        calls[0] += 1
        world.queue.down = calls[0] > 1
        put(text, delay=delay)

    world.queue.put = down_after_the_first  # type: ignore[method-assign]
    run(world)
    assert world.marks.marks.watermark == NOW.date()
    assert world.marks.marks.looking_from == NOW.date() + STRETCH
    assert world.marks.marks.looked_back_at is None


# Records of 1970 and 9999


CRAZY = [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]


@pytest.mark.parametrize("change", [None, Written(), Poisoned(reason="x"), "rests"])
def test_records_of_1970_and_9999_cost_a_handful_of_requests_and_hold_nothing_up(change: Any) -> None:
    world = World()
    ids = {new_lead_id(at, bytes(10)) for at in (*CRAZY, NOW)}
    for number, lead_id in enumerate(sorted(ids)):
        record = world.ledger.insert(Record.accepted(lead_id, payload(FirstName=f"number {number}")))
        assert record is not None
        made = ToFallback(reason="throttled", next_try_at=record.received_at) if change == "rests" else change
        if made is not None:
            write(record, made, lambda: NOW, ledger=world.ledger)
    world.at = NOW + 100 * DAY
    for _ in range(3):
        world.journal.clear()
        run(world)
        assert len(world.journal) < 70
        world.at += HOUR
    today = new_lead_id(NOW, bytes(10))
    if change is None:
        assert {today, min(ids)} <= queued(world)
    if change == "rests":
        assert world.ledger.rows[today].state is State.WRITTEN
    if change == Written():
        assert world.ledger.rows[today].payload is None
        assert world.marks.marks.forgotten_before == (world.at - HOUR - 90 * DAY).date()


def test_days_without_leads_cost_nothing() -> None:
    world = World()
    for days in (0, 20_000):
        write(accepted(world, days + 1, after=days * DAY), Written(), world.now, ledger=world.ledger)
    world.at = NOW + 20_300 * DAY
    world.journal.clear()
    run(world)
    assert len(world.journal) < 55
    assert world.marks.marks.forgotten_before == (world.at - MINUTE - 90 * DAY).date()
    assert world.marks.marks.watermark == (world.at - DAY).date()
    assert world.marks.marks.watermark > date(2080, 1, 1)
