"""The gate: a process stops asking Dynamics for a while. When the time is over, it lets one lead through first.

open ──429──▶ shut for its Retry-After ──time is over──▶ one probe ──answered──▶ open
  │                                                          │
  └─ sign-in, rights, three failures in a row ─▶ shut ◀──────┘ failed: for twice as long, up to five minutes

While leads rest in the fallback table, the sweep's probe goes first, because the sweep comes only once a minute.
"""

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from leadpipe.model.errors import Blocked, DeliveryFailed, Transient

FIRST_PAUSE = timedelta(seconds=10)
# From the start of one probe to the start of the next, so that a probe that hangs makes no pause longer.
LONGEST_PAUSE = timedelta(minutes=5)
# The sweep may send its probe this much early. It comes once a minute and never at quite the same second, and a probe
# that is refused for a second waits for a whole minute more.
SLACK = timedelta(seconds=10)
# How long after the sweep's place the others come back, so that they find its answer.
BEHIND_THE_SWEEP = timedelta(seconds=15)
# A failure so soon after an answer to another lead is taken for that lead's own.
ANSWERED_LATELY = timedelta(minutes=1)
FAILURES_IN_A_ROW = 3
# Failures of one lead may be that lead's own fault. It takes this many leads to blame the connection.
LEADS_IN_A_ROW = 2
# The others wait at least so long for the probe's answer. A probe that has not answered by then counts as lost.
PROBE_WAIT = timedelta(seconds=5)
PROBE_LOST = timedelta(minutes=2)
# A full sliding window frees a few places a second, and asks for one second's pause each time. Leads that come back
# at once are mostly refused, so the pause grows until this many answers come between two pauses.
WORTH_A_PAUSE = 300
LONGEST_BREATHER = timedelta(seconds=30)
# Dynamics did answer; the organisation's own code failed on this lead.
_ANSWERED = frozenset({"plugin_crashed", "plugin_timeout"})
# This lead alone may be the reason, until a second lead fails as well.
_PERHAPS_OF_THIS_LEAD = frozenset({"unforeseen"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """Nothing passes the gate before `until`. The waiting leads show the reason that shut it."""

    until: datetime
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The gate's generation when the lead passed; results of an older generation are ignored. `at`: when it passed."""

    generation: int
    probe: bool
    lead_id: str
    at: datetime


class Gate:
    """Thread-safe; one for each process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = 0
        self._failures = 0
        self._failing: set[str] = set()
        self._doubt = False
        self._pause = timedelta(0)
        self._answers = 0
        self._breather = timedelta(0)
        self._shut: Shut | None = None
        self._sweep_from: datetime | None = None  # None: nothing is reserved for the sweep, as under a throttle
        self._reserved_until: datetime | None = None
        self._probe_since: datetime | None = None
        self._answered_at: datetime | None = None

    def enter(self, lead_id: str, now: datetime, *, resting: bool = False) -> Ticket | Shut:
        """Returns a ticket, whose holder must report the result, or the time until which to wait.

        `resting`: the lead comes from the fallback table, so a place that is reserved for the sweep is its own.
        """
        with self._lock:
            waiting = self._waiting(now, resting)
            if waiting is not None:
                return waiting
            probe = self._shut is not None
            self._probe_since = now if probe else None
            return Ticket(generation=self._generation, probe=probe, lead_id=lead_id, at=now)

    def reserve(self, until: datetime) -> None:
        """Keeps the next probe for the sweep until that time, if the gate is shut because Dynamics is away."""
        with self._lock:
            self._reserved_until = until

    def is_shut(self, now: datetime, *, resting: bool = False) -> bool:
        """Whether a lead would have to wait now."""
        with self._lock:
            return self._waiting(now, resting) is not None

    def is_throttled(self) -> bool:
        """Whether a 429 shut the gate, and no lead has got through since: Dynamics is there, and has enough to do."""
        with self._lock:
            return self._shut is not None and self._sweep_from is None

    def in_doubt(self, now: datetime) -> bool:
        """Whether the gate is shut, or the last result was a failure that may concern every lead."""
        with self._lock:
            return self._doubt or self._waiting(now, resting=False) is not None

    def answered(self, ticket: Ticket) -> None:
        """Dynamics took the lead, or refused that one lead."""
        with self._lock:
            self._answers += 1
            self._answered_at = max(ticket.at, self._answered_at or ticket.at)
            if ticket.generation == self._generation:
                self._open()

    def failed(self, ticket: Ticket, failure: DeliveryFailed, now: datetime) -> None:
        """Dynamics did not take the lead. A failure that concerns every lead may shut the gate."""
        with self._lock:
            if ticket.generation != self._generation:
                return
            if not _concerns_all(failure):
                self._open()
            elif failure.slug == "throttled":
                self._close(failure, now + self._throttled(_retry_after(failure) or FIRST_PAUSE))
            else:
                self._failures += 1
                self._failing.add(ticket.lead_id)
                several = len(self._failing) >= LEADS_IN_A_ROW
                self._doubt = self._doubt or several or not self._perhaps_of_this_lead(ticket, failure)
                in_a_row = self._failures >= FAILURES_IN_A_ROW and several
                if ticket.probe or isinstance(failure, Blocked) or in_a_row:
                    # The pause begins with the try, so after one that hung for long it has to be longer than that.
                    self._pause = min(max(2 * self._pause, FIRST_PAUSE, 2 * (now - ticket.at)), LONGEST_PAUSE)
                    earliest = now + (_retry_after(failure) or FIRST_PAUSE)
                    planned = ticket.at + self._pause
                    self._close(failure, max(planned, earliest), sweep_from=max(planned - SLACK, earliest))

    def _waiting(self, now: datetime, resting: bool) -> Shut | None:
        if self._shut is None:
            return None
        opens_at = self._opens_at(self._shut.until, now, resting)
        if now < opens_at:
            return replace(self._shut, until=opens_at)
        if self._probe_since is not None and now - self._probe_since < PROBE_LOST:
            # A probe that has been silent for long will stay so for a while, so the others wait longer each time.
            wait = max(PROBE_WAIT, now - self._probe_since)
            return Shut(until=now + wait, reason=self._shut.reason, detail=self._shut.detail)
        return None

    def _opens_at(self, until: datetime, now: datetime, resting: bool) -> datetime:
        """When it opens for this lead: a little earlier for the sweep's, and later for others if that has the place."""
        if self._sweep_from is None:
            return until
        if resting:
            return self._sweep_from
        if self._reserved_until is None or now >= self._reserved_until:
            return until
        return max(until + BEHIND_THE_SWEEP, self._reserved_until)

    def _perhaps_of_this_lead(self, ticket: Ticket, failure: DeliveryFailed) -> bool:
        lately = self._answered_at is not None and ticket.at - self._answered_at < ANSWERED_LATELY
        return lately or failure.slug in _PERHAPS_OF_THIS_LEAD

    def _throttled(self, asked: timedelta) -> timedelta:
        """The pause after a 429: as long as asked for, and longer if too few answers came since the last one."""
        if self._answers < WORTH_A_PAUSE:
            self._breather = min(max(2 * self._breather, timedelta(seconds=1)), LONGEST_BREATHER)
        elif self._answers > 10 * WORTH_A_PAUSE:
            self._breather = timedelta(0)
        self._answers = 0
        return max(asked, self._breather)

    def _close(self, failure: DeliveryFailed, until: datetime, *, sweep_from: datetime | None = None) -> None:
        self._generation += 1
        self._probe_since = None
        self._sweep_from = sweep_from
        self._shut = Shut(until=until, reason=failure.slug, detail=failure.detail)

    def _open(self) -> None:
        self._failures = 0
        self._failing = set()
        self._doubt = False
        self._pause = timedelta(0)
        self._shut = None
        self._reserved_until = None
        self._probe_since = None


def _concerns_all(failure: DeliveryFailed) -> bool:
    if isinstance(failure, Blocked):
        return not failure.lead_only
    return isinstance(failure, Transient) and failure.slug not in _ANSWERED


def _retry_after(failure: DeliveryFailed) -> timedelta:
    return (failure.retry_after if isinstance(failure, Transient) else None) or timedelta(0)
