"""The counts of each state beside a list, and how far they reach."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from leadpipe.model.record import Record, State
from leadpipe.operations import ledger_pages, state_counts
from leadpipe.operations.find import Search
from leadpipe.operations.state_counts import FURTHEST_BACK, StateCounts, counts_of
from tests.factories import lead_id, record
from tests.fakes import NOW, World


def world_with(*states: State, apart: timedelta = timedelta(hours=5), **fields: object) -> World:
    """A lead for each state, the first of them now."""
    world = World()
    for place, state in enumerate(states):
        one = record(lead_id(NOW - place * apart - record().received_at, place), state=state, **fields)
        world.ledger.rows[one.lead_id] = one
    return world


def counted(world: World, search: Search | None = None) -> StateCounts:
    return counts_of(world.ledger, search or Search(), at=NOW)


def test_each_state_is_counted_whichever_the_filter_chooses() -> None:
    world = world_with(State.WRITTEN, State.DEFERRED, State.WRITTEN, State.FALLBACK, State.POISONED)
    found = counted(world, Search(states=frozenset({State.POISONED})))
    assert dict(found.states) == {State.WRITTEN: 2, State.DEFERRED: 1, State.FALLBACK: 1, State.POISONED: 1}
    assert (found.leads, found.open, found.is_cut, found.since) == (5, 2, False, NOW - FURTHEST_BACK)


def test_since_holds_to_the_second() -> None:
    world = world_with(*[State.WRITTEN] * 9, apart=timedelta(days=1))
    since = NOW - timedelta(days=3)
    assert counted(world, Search(since=since)).leads == 4
    assert counted(world, Search(since=since + timedelta(seconds=1))).leads == 3


@pytest.mark.parametrize(
    "search",
    [Search(reasons=frozenset({"refused"})), Search(text="FABRIKAM", reasons=frozenset({"refused", "too_long"}))],
)
def test_the_other_filters_count(search: Search) -> None:
    world = world_with(State.POISONED, State.POISONED, reason="refused", company="Fabrikam")
    other = record(lead_id(NOW - timedelta(hours=1) - record().received_at, 9), reason="", company="Contoso", email="")
    world.ledger.rows[other.lead_id] = other
    assert +counted(world, search).states == {State.POISONED: 2}


@pytest.mark.parametrize("text", ["", "fabrikam"])
def test_no_more_leads_are_looked_at_than_it_says(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(state_counts, "MOST_COMPARED" if text else "MOST_COUNTED", 3)
    world = world_with(*[State.WRITTEN] * 5)
    found = counted(world, Search(text=text))
    assert (found.leads, found.looked_at, found.is_cut) == (3, 3, True)
    assert found.since == NOW - timedelta(hours=10)


def test_a_burst_of_leads_behind_quiet_days_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_counts, "MOST_COUNTED", 10)
    monkeypatch.setattr(ledger_pages, "MOST_AT_ONCE", 10)
    world = world_with(*[State.WRITTEN] * 200, apart=timedelta(seconds=1))
    read = []
    whole = world.ledger.between

    def between(*days: date, **options: Any) -> Iterator[Record]:
        for one in whole(*days, **options):
            read.append(one)
            yield one

    monkeypatch.setattr(world.ledger, "between", between)
    found = counts_of(world.ledger, Search(), at=NOW + timedelta(days=20))
    assert (found.leads, found.is_cut) == (10, True)
    assert len(read) <= 4 * 10


def test_canaries_are_not_counted_among_leads() -> None:
    world = world_with(State.KEPT, is_test=True, source="canary", fingerprint="")
    assert counted(world).leads + counted(world, Search(canaries=True)).leads == 1
