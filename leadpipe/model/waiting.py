"""Sums up the leads that wait, and says when one has waited so long that a person has to look.

These two times are the only ones: `status`, `doctor`, `balance`, the sweep and the webhook all use them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from leadpipe.model.record import OPEN, QUEUED, Record, State

# A lead that has been failing for longer than this needs a person, whatever its reason.
LONGEST_FAILING = timedelta(days=1)
# An open lead that is so long past the time of its next try is overdue: the app or its sweep does not work.
TOO_LONG = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class Tally:
    """The leads in one state for one reason.

    `oldest`: when the first was received. `failing`: how many have been failing too long, the first of them since
    `failing_since`. `overdue`: how many are past the time of their next try, the first since `overdue_since`.
    `tried_at`: when the last of them was tried.
    """

    state: State
    reason: str
    leads: int = 0
    oldest: datetime
    failing: int = 0
    failing_since: datetime | None = None
    overdue: int = 0
    overdue_since: datetime | None = None
    tried_at: datetime

    def add(self, record: Record, at: datetime) -> None:
        self.leads += 1
        self.oldest = min(self.oldest, record.received_at)
        self.tried_at = max(self.tried_at, record.updated_at)
        if is_failing_too_long(record, at):
            self.failing += 1
            self.failing_since = _earlier(self.failing_since, record.failing_since)
        if is_overdue(record, at):
            self.overdue += 1
            self.overdue_since = _earlier(self.overdue_since, record.next_try_at or record.received_at)


Tallies = Mapping[tuple[State, str], Tally]


def tallies_of(records: Iterable[Record], at: datetime) -> dict[tuple[State, str], Tally]:
    """One tally for each state and reason."""
    found: dict[tuple[State, str], Tally] = {}
    for record in records:
        add(record, found, at)
    return found


def add(record: Record, tallies: dict[tuple[State, str], Tally], at: datetime) -> None:
    key = record.state, record.reason
    if key not in tallies:
        state, reason = key
        tallies[key] = Tally(state=state, reason=reason, oldest=record.received_at, tried_at=record.updated_at)
    tallies[key].add(record, at)


def together(one: Tally, other: Tally) -> Tally:
    """The tally of both."""
    return replace(
        one,
        leads=one.leads + other.leads,
        oldest=min(one.oldest, other.oldest),
        failing=one.failing + other.failing,
        failing_since=_earlier(one.failing_since, other.failing_since),
        overdue=one.overdue + other.overdue,
        overdue_since=_earlier(one.overdue_since, other.overdue_since),
        tried_at=max(one.tried_at, other.tried_at),
    )


def is_failing_too_long(record: Record, at: datetime) -> bool:
    since = record.failing_since
    return record.state in OPEN and since is not None and at - since > LONGEST_FAILING


def is_overdue(record: Record, at: datetime) -> bool:
    """Whether it should have been tried more than an hour ago. A resting lead without a next try is never overdue."""
    due = record.next_try_at
    if record.state in QUEUED:
        return (due or record.received_at) < at - TOO_LONG
    return record.state is State.FALLBACK and due is not None and due < at - TOO_LONG


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)
