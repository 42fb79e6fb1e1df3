"""Keeps when a timer last ran and runs next, in a file that survives the process (StorageScheduleMonitor.cs)."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from devkit.functions_host.schedule import Schedule

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerStatus:
    last: datetime = NEVER
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        """Give the JSON that functions see as `schedule_status`."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }

    @classmethod
    def from_json(cls, document: dict[str, str]) -> "TimerStatus":
        return cls(
            last=datetime.fromisoformat(document["Last"]),
            next=datetime.fromisoformat(document["Next"]),
            last_updated=datetime.fromisoformat(document["LastUpdated"]),
        )


class StatusFile:
    """One file for each timer, replaced as a whole. An unreadable one counts as missing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> TimerStatus | None:
        try:
            return TimerStatus.from_json(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, status: TimerStatus) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        written = self._path.with_suffix(".new")
        written.write_text(json.dumps(status.as_json()), encoding="utf-8")
        os.replace(written, self._path)  # noqa: PTH105 - reads as what it is: atomic


def first_status(recorded: TimerStatus | None, schedule: Schedule, now: datetime) -> TimerStatus:
    """Give the status at start (ScheduleMonitor.cs, CheckPastDueAsync); `next` before `now` means past due.

    A schedule that has changed since starts anew and is not past due.
    """
    if recorded is None:
        return TimerStatus(next=schedule.after(now), last_updated=now)
    basis = recorded.last if recorded.last != NEVER else recorded.last_updated
    expected = schedule.after(basis)
    if recorded.next == expected:
        return recorded
    if now > expected:
        basis, expected = now, schedule.after(now)
    return TimerStatus(next=expected, last_updated=basis)
