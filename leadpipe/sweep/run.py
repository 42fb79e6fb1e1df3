"""What one sweep works with, and how much of its time a task may take."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from leadpipe.model.ports import Ports
from leadpipe.model.settings import Settings
from leadpipe.sweep.guard import Guard

# A sweep ends well before the next one begins; what it did not reach, the next one does.
LONGEST_SWEEP = timedelta(seconds=40)
# How much of the time that is left a task may take, so that those after it get some in every sweep.
SHARE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What it takes to deliver a lead. `chance`, 0 up to 1, spreads the next tries."""

    now: Callable[[], datetime]
    chance: float
    ports: Ports
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Resources):
    """One sweep. `until`: no further piece of work is begun after that. `hourly`: the rarer tasks are due too."""

    until: datetime
    hourly: bool

    def time_left(self) -> bool:
        return self.now() < self.until

    def guard(self, step: str) -> Guard:
        return Guard(step, self.time_left)

    def for_one_task(self) -> "Run":
        now = self.now()
        return replace(self, until=now + SHARE * max(self.until - now, timedelta(0)))


def today(run: Run) -> date:
    return run.now().astimezone(UTC).date()
