"""Lists who did what: the decisions about the leads of a span of days, the newest first."""

from dataclasses import dataclass
from datetime import date, timedelta

from leadpipe.model.ports import Ledger
from leadpipe.model.record import Event

# A decision is kept beside its lead, so decisions are found by when their leads were received.
SPAN = timedelta(days=31)
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The decisions about leads received from `first` to `last`. `left_out`: how many older ones are not in it."""

    events: list[Event]
    first: date
    last: date
    left_out: int = 0


def activity_until(ledger: Ledger, last: date) -> Activity:
    first = last - SPAN + timedelta(days=1)
    found = sorted(ledger.decisions(first, last, damage=[]), key=lambda event: event.at, reverse=True)
    return Activity(events=found[:MOST_SHOWN], first=first, last=last, left_out=max(0, len(found) - MOST_SHOWN))
