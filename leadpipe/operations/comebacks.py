"""Finds causes that came back: a lead was replayed, and then the same happened to it again.

Each lead's own history says so. Histories are read one by one, so only a few of each cause are looked at, and what was
found is remembered until the lead is tried again.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from leadpipe.model.ports import Ledger
from leadpipe.model.record import Event, Record, State
from leadpipe.operations.batch import AT_ONCE

MOST_OF_A_CAUSE = 12
MOST_AT_ONCE = 60
MOST_REMEMBERED = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comeback:
    """So many leads of a cause came back, the last of them after a replay at that time."""

    leads: int
    replayed_at: datetime


def came_back(record: Record, events: Sequence[Event]) -> datetime | None:
    """When the lead was last replayed, if it is poisoned now for the reason for which it was poisoned before that."""
    replays = [place for place, event in enumerate(events) if event.event == "replayed"]
    if record.state is not State.POISONED or not replays:
        return None
    before = [event.reason for event in events[: replays[-1]] if event.state is State.POISONED]
    return events[replays[-1]].at if before and before[-1] == record.reason else None


class Comebacks:
    """Thread-safe. Lives as long as its process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, int], datetime | None] = {}

    def of(self, records: Iterable[Record], ledger: Ledger) -> dict[str, Comeback]:
        """By reason. Looks at the newest leads of each that were tried more than once."""
        tried: dict[str, list[Record]] = {}
        for record in sorted(records, key=lambda record: record.lead_id, reverse=True):
            if record.state is State.POISONED and record.attempt > 1:
                tried.setdefault(record.reason, []).append(record)
        chosen = [record for group in tried.values() for record in group[:MOST_OF_A_CAUSE]][:MOST_AT_ONCE]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            times = [*pool.map(lambda record: self._replayed_at(record, ledger), chosen)]
        found: dict[str, list[datetime]] = {}
        for record, at in zip(chosen, times, strict=True):
            if at is not None:
                found.setdefault(record.reason, []).append(at)
        return {reason: Comeback(leads=len(group), replayed_at=max(group)) for reason, group in found.items()}

    def _replayed_at(self, record: Record, ledger: Ledger) -> datetime | None:
        key = record.lead_id, record.attempt
        with self._lock:
            if key in self._known:
                return self._known[key]
        at = came_back(record, ledger.events(record.lead_id, damage=[]))
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = at
        return at
