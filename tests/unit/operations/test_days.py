"""What became of the leads of each day: counted once, and again only when a day has changed."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from leadpipe.model.record import State
from leadpipe.operations import days as days_of_the_ledger
from leadpipe.operations.days import DayCount, DayCounts, signs_of
from tests.factories import lead_id, record
from tests.fakes import NOW, World

TODAY = NOW.date()
DAY = timedelta(days=1)
UNSETTLED = frozenset({State.ACCEPTED, State.DEFERRED, State.FALLBACK, State.POISONED})


def put(world: World, ago: int, number: int = 1, **fields: object) -> list[str]:
    """So many leads of that day."""
    place = len(world.ledger.rows)
    made = [record(lead_id(-ago * DAY, place + each), **fields) for each in range(number)]
    world.ledger.rows |= {one.lead_id: replace(one, version="v") for one in made}
    return [one.lead_id for one in made]


def counted(known: DayCounts, world: World, span: int = 5) -> dict[date, DayCount]:
    records = sorted(world.ledger.rows.values(), key=lambda one: one.lead_id)
    unsettled = [one for one in records if one.state in UNSETTLED]
    world.journal.clear()
    found = known.of(
        [TODAY - number * DAY for number in range(span)],
        world.ledger,
        signs=signs_of(unsettled, records[-1] if records else None),
        expected={TODAY - 3 * DAY: 7},
        at=NOW,
    )
    return {each.day: each for each in found}


def reads(world: World) -> int:
    return world.journal.count("ledger.between")


def test_a_day_has_its_outcomes_and_how_long_its_leads_took() -> None:
    world = World()
    for seconds in (1, 2, 30):
        (made,) = put(world, 1, state=State.WRITTEN)
        received = world.ledger.rows[made].received_at
        world.ledger.rows[made] = replace(world.ledger.rows[made], written_at=received + timedelta(seconds=seconds))
    put(world, 1, state=State.DEFERRED)
    put(world, 1, 2, state=State.REJECTED, reason="invalid_json")
    put(world, 1, is_test=True)
    day = counted(DayCounts(), world)[TODAY - DAY]
    assert (dict(day.outcomes), day.posts, day.leads) == ({"written": 3, "open": 1, "rejected": 2}, 6, 4)
    assert day.latency is not None
    assert (day.latency.p50.total_seconds(), day.latency.p95.total_seconds()) == (2, 30)


def test_a_lead_written_before_it_came_took_no_time() -> None:
    world = World()
    (made,) = put(world, 0, state=State.WRITTEN)
    early = world.ledger.rows[made].received_at - timedelta(seconds=5)
    world.ledger.rows[made] = replace(world.ledger.rows[made], written_at=early)
    latency = counted(DayCounts(), world)[TODAY].latency
    assert latency is not None
    assert latency.slowest == timedelta(0)


def test_days_that_have_not_changed_are_not_read_again() -> None:
    world, known = World(), DayCounts()
    put(world, 0, 2)
    put(world, 2, 3, state=State.WRITTEN)
    first = counted(known, world)
    assert reads(world) > 0
    assert (counted(known, world), reads(world)) == (first, 0)


def test_a_lead_that_came_or_was_settled_makes_its_day_be_read_again() -> None:
    world, known = World(), DayCounts()
    put(world, 0)
    (poisoned,) = put(world, 2, state=State.POISONED)
    counted(known, world)
    world.ledger.rows[poisoned] = replace(world.ledger.rows[poisoned], state=State.WRITTEN)
    assert (dict(counted(known, world)[TODAY - 2 * DAY].outcomes), reads(world)) == ({"written": 1}, 1)
    put(world, 0)
    assert (counted(known, world)[TODAY].leads, reads(world)) == (2, 1)


def test_an_open_lead_that_is_poisoned_counts_as_poisoned() -> None:
    world, known = World(), DayCounts()
    (deferred,) = put(world, 1, state=State.DEFERRED)
    counted(known, world)
    world.ledger.rows[deferred] = replace(world.ledger.rows[deferred], state=State.POISONED)
    assert dict(counted(known, world)[TODAY - DAY].outcomes) == {"poisoned": 1}


@pytest.mark.parametrize(("ago", "hours", "again"), [(0, 0.9, 0), (0, 1.1, 1), (4, 3.9, 0), (4, 4.1, 1)])
def test_what_changes_unseen_is_seen_after_an_hour_for_each_day_of_age(ago: int, hours: float, again: int) -> None:
    world, known = World(), DayCounts()
    (made,) = put(world, ago, state=State.WRITTEN)
    day, signs = TODAY - ago * DAY, signs_of([], world.ledger.rows[made])
    for at in (NOW, NOW + timedelta(hours=hours)):
        world.journal.clear()
        known.of([day], world.ledger, signs=signs, expected={}, at=at)
    assert reads(world) == again


def test_what_a_person_decides_here_is_seen_at_once() -> None:
    world, known = World(), DayCounts()
    (rejected,) = put(world, 3, state=State.REJECTED)
    counted(known, world)
    world.ledger.rows[rejected] = replace(world.ledger.rows[rejected], state=State.DISCARDED)
    known.count_again([TODAY - 9 * DAY, TODAY - 3 * DAY])
    assert dict(counted(known, world)[TODAY - 3 * DAY].outcomes) == {"discarded": 1}


def test_one_view_reads_so_many_leads_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days_of_the_ledger, "MOST_READ", 4)
    monkeypatch.setattr(days_of_the_ledger, "_PAGE", 4)
    world, known = World(), DayCounts()
    for ago in range(5):
        put(world, ago, 3, state=State.WRITTEN)
    views = [[day.is_counted for day in counted(known, world).values()] for _ in range(3)]
    assert views == [[True, True, False, False, False], [True, True, True, True, False], [True] * 5]


def test_a_day_that_is_not_read_yet_has_what_the_sweep_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days_of_the_ledger, "MOST_READ", 0)
    found = counted(DayCounts(), World())
    assert [(day.is_counted, day.leads) for day in found.values()] == [(False, n) for n in (0, 0, 0, 7, 0)]


def test_years_without_leads_cost_a_few_readings() -> None:
    world = World()
    found = counted(DayCounts(), world, span=1000)
    assert all(day.is_counted and not day.posts for day in found.values())
    assert reads(world) < 10


@pytest.mark.parametrize("burst", [2, 3])
def test_of_a_day_with_very_many_leads_the_others_are_not_counted(monkeypatch: pytest.MonkeyPatch, burst: int) -> None:
    monkeypatch.setattr(days_of_the_ledger, "MOST_OF_A_DAY", 10)
    world = World()
    put(world, burst, 12, state=State.WRITTEN)
    put(world, burst + 1, 4, state=State.WRITTEN)
    found = counted(DayCounts(), world, span=7)
    assert [(day.posts, day.is_cut) for day in found.values()][burst : burst + 2] == [(10, True), (4, False)]


def test_each_day_is_counted_as_a_reading_of_all_of_them_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_PAGE": 40, "MOST_READ": 100, "MOST_OF_A_DAY": 150}.items():
        monkeypatch.setattr(days_of_the_ledger, name, value)
    world, known = World(), DayCounts()
    numbers = [3, 0, 0, 40, 1, 90, 0, 0, 0, 0, 0, 0, 2, 149, 5, 1]
    for ago, number in enumerate(numbers):
        put(world, ago, number, state=State.WRITTEN)
    for _ in range(4):
        found = counted(known, world, span=len(numbers))
    assert [day.posts for day in found.values()] == numbers
    assert not any(day.is_cut for day in found.values())
