"""A page of leads: where it begins, where it ends, and how far it looks."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.model.lead_id import received_at
from leadpipe.model.record import State
from leadpipe.operations import ledger_pages
from leadpipe.operations.find import Search
from leadpipe.operations.listing import FURTHEST_BACK, page_of
from tests.factories import lead_id, record
from tests.fakes import NOW, World

TODAY = NOW.date()
ANYBODY, NOBODY = Search(), Search(text="nobody")


def ledger_with(afters: Iterable[timedelta]) -> World:
    world = World()
    for number, after in enumerate(afters):
        one = record(lead_id(after, number))
        world.ledger.rows[one.lead_id] = replace(one, version=f"v{number}")
    return world


def all_pages(world: World, search: Search = ANYBODY, size: int = 3) -> list[str]:
    found, after = list[str](), ""
    while True:
        page = page_of(world.ledger, search, today=TODAY, after=after, size=size)
        found += [one.lead_id for one in page.records]
        after = page.older
        if not after:
            return found


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 6, 7])
def test_pages_together_have_each_lead_once_newest_first(number: int) -> None:
    world = ledger_with(timedelta(hours=-9 * place) for place in range(number))
    assert all_pages(world) == sorted(world.ledger.rows, reverse=True)


def test_leads_of_one_millisecond_are_neither_lost_nor_shown_twice() -> None:
    world = ledger_with([timedelta(0)] * 8 + [timedelta(days=-2)] * 5)
    found = all_pages(world)
    assert (len(found), {*found}) == (13, {*world.ledger.rows})


def test_leads_of_a_wrong_clocks_future_come_first_and_once() -> None:
    world = ledger_with([timedelta(days=400), timedelta(0), timedelta(hours=-1), timedelta(days=3), timedelta(days=-1)])
    assert all_pages(world, size=2) == sorted(world.ledger.rows, reverse=True)


def test_a_page_that_is_full_by_the_last_lead_has_none_after_it() -> None:
    world = ledger_with(timedelta(minutes=-place) for place in range(3))
    page = page_of(world.ledger, ANYBODY, today=TODAY, size=3)
    assert (len(page.records), page.older, page.is_cut) == (3, "", False)


def test_a_search_ends_after_so_many_leads_and_goes_on_behind_them() -> None:
    world = ledger_with(timedelta(minutes=-place) for place in range(10))
    ids = sorted(world.ledger.rows, reverse=True)
    page = page_of(world.ledger, NOBODY, today=TODAY, most_passed_over=4)
    assert (page.records, page.older, page.is_cut) == ([], ids[3], True)
    assert page.back_to == received_at(ids[3])


def test_a_search_looks_back_three_months_and_then_asks() -> None:
    world = ledger_with([timedelta(0), timedelta(days=-400)])
    old = min(world.ledger.rows)
    world.ledger.rows[old] = replace(world.ledger.rows[old], email="nobody@example.com")
    page = page_of(world.ledger, NOBODY, today=TODAY)
    assert (page.records, page.is_cut) == ([], True)
    assert page.back_to is not None
    assert page.back_to.date() == TODAY - FURTHEST_BACK
    assert all_pages(world, NOBODY) == [old]


def test_a_lead_at_the_edge_of_a_look_back_is_found_once() -> None:
    edge = NOW - FURTHEST_BACK - record().received_at
    world = ledger_with([timedelta(days=-500), edge, edge - timedelta(days=1), edge + timedelta(days=1)])
    for lead, one in world.ledger.rows.items():
        world.ledger.rows[lead] = replace(one, state=State.DISCARDED)
    assert all_pages(world, Search(states=frozenset({State.DISCARDED}))) == sorted(world.ledger.rows, reverse=True)


@pytest.mark.parametrize("quiet", [0, 1, 6, 40, 90])
@pytest.mark.parametrize("many", [3, 30])
def test_many_leads_behind_quiet_days_come_in_their_order(
    monkeypatch: pytest.MonkeyPatch, quiet: int, many: int
) -> None:
    monkeypatch.setattr(ledger_pages, "MOST_AT_ONCE", 5)
    afters = [timedelta(hours=-1), timedelta(days=-quiet)]
    world = ledger_with([*afters, *(timedelta(days=-quiet - 1, minutes=-place) for place in range(many))])
    assert all_pages(world, size=4) == sorted(world.ledger.rows, reverse=True)
