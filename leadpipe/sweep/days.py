"""Walks through the days that have leads until the time is up; the next sweep goes on from there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from leadpipe.model.lead_id import ONE_DAY
from leadpipe.sweep.guard import Guard
from leadpipe.sweep.run import Run

# How many days are read together, in a handful of requests.
STRETCH = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How far a task has come through the days. `done_before`: no day before this one has anything left to do.

    `goes_on_from`: the day from which the next sweep goes on; None once the walk is complete.
    """

    done_before: date
    goes_on_from: date | None


def walk_on(walk: Walk, end: date, work: Callable[[date, date], date | None], guard: Guard, run: Run) -> Walk:
    """Goes on with the walk up to the day before `end`, or until the guard ends it.

    It jumps from one day with leads to the next and takes a week at a time, so years without leads cost nothing.
    `work` does what is to be done on some days, and returns the first of them that has something left to do.
    """
    done_before, place = walk.done_before, walk.goes_on_from or walk.done_before
    while guard.goes_on():
        first = run.ports.ledger.next_day(place)
        if first is None or first >= end:
            return Walk(done_before=max(done_before, end) if done_before >= place else done_before, goes_on_from=None)
        last = min(first + STRETCH, end) - ONE_DAY
        left = first_day_left(work, first, last, guard)
        if not guard.goes_on():
            break  # the work on these days may be incomplete
        if done_before >= place:
            done_before = left or last + ONE_DAY
        place = last + ONE_DAY
    return Walk(done_before=done_before, goes_on_from=place)


def first_day_left(work: Callable[[date, date], date | None], first: date, last: date, guard: Guard) -> date | None:
    """Does the work of these days. Returns the first day with something left to do; `first` if anything failed."""
    failed, left = guard.failed, None
    with guard.item(day=first):
        left = work(first, last)
    return first if guard.failed > failed else left
