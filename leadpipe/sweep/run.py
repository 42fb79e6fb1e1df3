"""Holds what one sweep works with, and divides its time between the tasks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from leadpipe.model.ports import Ports
from leadpipe.model.settings import Settings
from leadpipe.sweep.guard import Guard

# A sweep ends well before the next one begins. The next one does the rest.
LONGEST_SWEEP = timedelta(seconds=40)
# The share of the remaining time that a task may take, so that later tasks get some in every sweep.
SHARE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What it takes to deliver a lead. `chance`, from 0 up to 1, spreads the next tries."""

    now: Callable[[], datetime]
    chance: float
    ports: Ports
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Resources):
    """One sweep. `until`: no piece of work begins after that. `hourly`: the hourly tasks are due too."""

    until: datetime
    hourly: bool

    def time_left(self) -> bool:
        return self.now() < self.until

    def guard(self, task: str) -> Guard:
        return Guard(task, self.time_left)

    def for_one_task(self) -> "Run":
        now = self.now()
        return replace(self, until=now + SHARE * max(self.until - now, timedelta(0)))


def today(run: Run) -> date:
    return run.now().astimezone(UTC).date()
