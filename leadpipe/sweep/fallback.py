"""Delivers the leads in the fallback table.

While Dynamics is away they go one at a time, each as a probe, with pauses that grow to five minutes. Two marks hold the
pauses, because each sweep may run in a process of its own. Once a probe gets through, all go, several at once. A lead
whose failure concerns it alone rests for a time of its own and holds up no other.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from leadpipe.delivery import Try, deliver_record
from leadpipe.model.gate import SLACK
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Marks
from leadpipe.model.record import IN_DYNAMICS, Record, State
from leadpipe.model.schedule import probe_pause
from leadpipe.sweep.run import Resources, Run

FALLBACK_BATCH = 1000
# As many as the host delivers from one batch of messages.
AT_ONCE = 8
# Until the next sweep has sent its probe, with time to spare.
RESERVED_FOR = timedelta(seconds=75)
# What a sweep saw counts for the next one.
SEEN_LASTS = timedelta(seconds=75)


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A lead that found Dynamics away: when its try began, and since when Dynamics has been away as far as it knows."""

    tried_at: datetime
    since: datetime


def drain_fallback(marks: Marks, run: Run) -> Marks:
    """Delivers the resting leads, unless Dynamics is away. Then one of them goes as the probe, if its time has come."""
    gate = run.ports.gate
    if run.ports.dynamics is None:
        return marks
    if marks.next_probe_at is not None and run.now() < marks.next_probe_at:
        gate.reserve(run.now() + RESERVED_FOR)
        return marks
    resting = [] if nothing_rests(run) else in_order(oldest(marks, run))
    if resting and gate.is_shut(run.now(), resting=True):
        gate.reserve(run.now() + RESERVED_FOR)
        return marks
    drain = Drain(run)
    drain.deliver_all(record.lead_id for record in resting)
    if drain.away is not None:
        gate.reserve(run.now() + RESERVED_FOR)
        return failed_probe(marks, drain.away, got_through=drain.got_through)
    if drain.got_through or not resting:
        return replace(marks, probes_fail_since=None, next_probe_at=None)
    return marks


def nothing_rests(run: Run) -> bool:
    """Whether this process's last sweep saw no resting lead. One that came since then waits until the next sweep."""
    seen_at = run.ports.seen.nothing_rests_at
    return seen_at is not None and timedelta(0) <= run.now() - seen_at < SEEN_LASTS


def failed_probe(marks: Marks, away: Away, *, got_through: bool) -> Marks:
    """Says when the next probe goes. `got_through`: Dynamics took other leads just before, so it went away now."""
    since = away.tried_at if got_through else marks.probes_fail_since or away.since
    next_probe_at = away.tried_at + probe_pause(away.tried_at - since) - SLACK
    return replace(marks, probes_fail_since=since, next_probe_at=next_probe_at)


def oldest(marks: Marks, run: Run) -> list[Record]:
    """The resting leads of the oldest days, of which no day is incomplete, up to a batch."""
    first, states = marks.watermark or EPOCH.date(), frozenset({State.FALLBACK})
    due = run.ports.ledger.due(first, run.now(), states=states, go_on=run.time_left)
    found: list[Record] = []
    for _, of_a_day in groupby(due, key=lambda record: record.received_at.date()):
        found += of_a_day
        if len(found) >= FALLBACK_BATCH:
            break
    return sorted(found, key=lambda record: record.lead_id)[:FALLBACK_BATCH]


def in_order(resting: list[Record]) -> list[Record]:
    """Oldest first, but the probe is the one tried longest ago, so that a lead that always fails holds up no other."""
    probe = min(resting, key=lambda record: record.updated_at, default=None)
    return resting if probe is None else [probe, *(record for record in resting if record is not probe)]


class Drain:
    """Delivers leads until one finds Dynamics away. Thread-safe."""

    def __init__(self, run: Run) -> None:
        self.got_through = False
        self.away: Away | None = None
        self._run = run
        self._guard = run.guard("fallback")

    def deliver_all(self, lead_ids: Iterable[str]) -> None:
        """Delivers one after the other until one gets through, then several at once."""
        waiting = iter(lead_ids)
        for lead_id in waiting:
            self.deliver(lead_id)
            if self.away is not None:
                return
            if self.got_through and self._run.at_once > 1:
                break
        with ThreadPoolExecutor(self._run.at_once) as pool:
            list(pool.map(self.deliver, waiting))

    def deliver(self, lead_id: str) -> None:
        """Delivers the lead, unless the drain is over."""
        if not self._goes_on():
            return
        tried_at, record, settled = self._run.now(), None, False
        with self._guard.item(lead_id=lead_id):
            record = deliver_from_fallback(lead_id, self._run)
            settled = record is None or record.state is not State.FALLBACK
        if record is not None and record.state in IN_DYNAMICS:
            self.got_through = True
        if not settled and self._found_away(record):
            since = record.failing_since if record is not None else None
            self.away = Away(tried_at=tried_at, since=since or tried_at)

    def _found_away(self, record: Record | None) -> bool:
        gate = self._run.ports.gate
        if gate.is_throttled():
            return False
        return gate.in_doubt(self._run.now()) or (record is not None and record.awaits_dynamics)

    def _goes_on(self) -> bool:
        if self.away is not None or not self._guard.goes_on():
            return False
        return not self._run.ports.gate.is_shut(self._run.now(), resting=True)


def deliver_from_fallback(lead_id: str, run: Run) -> Record | None:
    """Delivers the lead and returns its record; None if somebody else settled it, or it has no record."""
    record = run.ports.ledger.read(lead_id)
    if record is None or record.state is not State.FALLBACK:
        return None
    return deliver_resting(record, run)


def deliver_resting(record: Record, resources: Resources) -> Record:
    a_try = Try(attempt=record.attempt, first=False, chance=resources.chance, now=resources.now)
    return deliver_record(record, a_try, ports=resources.ports, settings=resources.settings)
