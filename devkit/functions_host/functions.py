"""Describes the functions of an app: what the worker found in it, and what the host needs to know of each."""

from dataclasses import dataclass
from typing import assert_never


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """`methods` None allows every method."""

    route: str
    methods: frozenset[str] | None
    auth_level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTrigger:
    queue: str
    connection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    schedule: str
    run_on_startup: bool
    use_monitor: bool


Trigger = HttpTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    name: str
    trigger: Trigger
    disabled: bool

    @property
    def binding(self) -> str:
        match self.trigger:
            case HttpTrigger():
                return "httpTrigger"
            case QueueTrigger():
                return "queueTrigger"
            case TimerTrigger():
                return "timerTrigger"
            case _:
                assert_never(self.trigger)
