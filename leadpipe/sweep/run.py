"""Holds what one sweep works with, and divides its time between the tasks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from leadpipe.model.ports import LeadQueue, Ports
from leadpipe.model.settings import Settings
from leadpipe.sweep.guard import Guard

# A sweep ends well before the next one begins. The next one does the rest.
LONGEST_SWEEP = timedelta(seconds=40)
# The share of the remaining time that a task may take, so that later tasks get some in every sweep.
SHARE = 0.75


class Head:
    """The head of the queue `leads`, peeked at once in a sweep, and only if something asks."""

    def __init__(self, queue: LeadQueue) -> None:
        self._queue = queue
        self._oldest: datetime | None = None
        self._peeked = False

    def oldest(self) -> datetime | None:
        """When the oldest of the visible messages there was put; None if there are none. Raises StorageFailed."""
        if not self._peeked:
            self._oldest = min((message.inserted_at for message in self._queue.peek()), default=None)
            self._peeked = True
        return self._oldest


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What it takes to deliver a lead. `chance`, from 0 up to 1, spreads the next tries."""

    now: Callable[[], datetime]
    chance: float
    ports: Ports
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Resources):
    """One sweep. `until`: no piece of work begins after that. `hourly`: the hourly tasks are due too.

    `at_once`: how many resting leads are delivered at the same time, once Dynamics has answered for one.
    """

    until: datetime
    hourly: bool
    head: Head
    at_once: int = 1

    def time_left(self) -> bool:
        return self.now() < self.until

    def guard(self, task: str) -> Guard:
        return Guard(task, self.time_left)

    def for_one_task(self) -> "Run":
        now = self.now()
        return replace(self, until=now + SHARE * max(self.until - now, timedelta(0)))


def today(run: Run) -> date:
    return run.now().astimezone(UTC).date()
