"""Estimates how long a plan will take: by the last run like it, else by how fast storage answered.

Where Dynamics is asked, never faster than Dynamics allows.
"""

from dataclasses import dataclass
from datetime import timedelta

from leadpipe.console.plans import Verb
from leadpipe.operations.batch import AT_ONCE

# What Dynamics allows one user on one server: 6,000 requests in five minutes.
# https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
OF_DYNAMICS = 6000 / 300
# How much longer a lead takes than the look at it, which is one request to storage. A drain takes one after the other.
_TIMES_A_LOOK = {Verb.REPLAY: 4, Verb.DISCARD: 3, Verb.ERASE: 5, Verb.COMPLETE: 3, Verb.DRAIN: 5 * AT_ONCE}
_ASKS_DYNAMICS = frozenset({Verb.REPLAY, Verb.DISCARD, Verb.DRAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """`pace`: leads a second."""

    span: timedelta
    pace: float
    why: str


def estimate(verb: Verb, leads: int, *, last_run: float | None, looked: float) -> Estimate:
    """`last_run`: the pace of the last run like it; `looked`: the pace at which the plan's leads were looked at."""
    if last_run:
        pace, why = last_run, "the pace of the last run"
    else:
        pace, why = looked / _TIMES_A_LOOK[verb], "judged by how fast storage answers"
    if verb in _ASKS_DYNAMICS and pace > OF_DYNAMICS:
        pace, why = OF_DYNAMICS, "as Dynamics allows"
    return Estimate(span=timedelta(seconds=leads / pace), pace=pace, why=why)
