"""Walking through the days that have leads, as far as the time allows, and going on from there in the next sweep."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from leadpipe.model.lead_id import ONE_DAY
from leadpipe.sweep.guard import Guard
from leadpipe.sweep.run import Run

# Days that are looked at together, in a handful of requests.
STRETCH = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How far a task has come through the days. `done_before`: nothing is left to do on the days before that one.

    `goes_on_from`: where the next sweep goes on, None once the walk has come to its end.
    """

    done_before: date
    goes_on_from: date | None


def walked(walk: Walk, end: date, step: Callable[[date, date], date | None], guard: Guard, run: Run) -> Walk:
    """Goes on with the walk until the day `end`, which is not looked at, or until the guard ends it.

    It jumps from one day with leads to the next and looks at a week together, so years without leads cost nothing.
    `step` does the work of these days, and gives the first one on which something is left to do.
    """
    done_before, place = walk.done_before, walk.goes_on_from or walk.done_before
    while guard.goes_on():
        first = run.ports.ledger.next_day(place)
        if first is None or first >= end:
            return Walk(done_before=max(done_before, end) if done_before >= place else done_before, goes_on_from=None)
        last = min(first + STRETCH, end) - ONE_DAY
        left = left_after(step, first, last, guard)
        if not guard.goes_on():
            break  # nobody knows whether the step did all of it
        if done_before >= place:
            done_before = left or last + ONE_DAY
        place = last + ONE_DAY
    return Walk(done_before=done_before, goes_on_from=place)


def left_after(step: Callable[[date, date], date | None], first: date, last: date, guard: Guard) -> date | None:
    """The first day on which something is left to do; the first of all where anything failed."""
    failed, left = guard.failed, None
    with guard.item(day=first):
        left = step(first, last)
    return first if guard.failed > failed else left
