"""leadpipe itself, as function_app.py runs it, over the fakes and their clock; remembers what it logs and answers."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

import function_app
from leadpipe.model.errors import SettingsError
from leadpipe.model.keys import EndpointKey
from leadpipe.model.ports import LeadQueue, Ledger, Ports
from leadpipe.model.settings import Area, Auth, Settings
from leadpipe.wrong_keys import WrongKeys
from tests.factories import payload, settings
from tests.fakes import World

MINUTE = timedelta(minutes=1)
# What the platform calls the levels of Python's logging in the column SeverityLevel.
SEVERITY = {logging.DEBUG: 0, logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3, logging.CRITICAL: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of AppTraces."""

    at: datetime
    text: str
    severity: int
    function: str = ""

    @property
    def event(self) -> str:
        return self.text.split()[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A row of AppRequests, as the host writes one for each run of an HTTP function."""

    at: datetime
    name: str
    code: int


class Recorder(logging.Handler):
    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(logging.INFO)
        self.lines: list[Line] = []
        self.function = ""
        self._now = now

    def emit(self, record: logging.LogRecord) -> None:
        severity = SEVERITY[record.levelno]
        line = Line(at=self._now(), text=record.getMessage(), severity=severity, function=self.function)
        self.lines.append(line)


class Product:
    """In place of `wiring`, it gives the functions the fakes of `world`. Each minute runs the sweep and what is due."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World()
        self.settings: Settings = settings()
        self.requests: list[Request] = []
        self.sweeps = True
        self._monkeypatch = monkeypatch
        self._wrong_keys = WrongKeys()
        self._recorder = Recorder(self.world.now)
        monkeypatch.setattr(function_app, "wiring", lambda: self)
        monkeypatch.setattr(function_app, "now", self.world.now)
        # Delivery spreads its next tries by chance; here every run of a scenario is the same.
        monkeypatch.setattr(function_app.random, "random", lambda: 0.5)

    def __enter__(self) -> Self:
        log = logging.getLogger("leadpipe")
        self._monkeypatch.setattr(log, "level", logging.INFO)
        log.addHandler(self._recorder)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("leadpipe").removeHandler(self._recorder)

    @property
    def lines(self) -> list[Line]:
        return self._recorder.lines

    # What function_app asks of the wiring

    def intake(self) -> tuple[Ledger, LeadQueue]:
        return self.world.ledger, self.world.queue

    def delivery(self) -> Ports:
        return self.world.ports

    def keys(self) -> tuple[EndpointKey, ...]:
        if not self.settings.keys:
            raise SettingsError("keys_settings", self.settings.faults_of(Area.KEYS))
        return self.settings.keys

    def wrong_keys(self) -> WrongKeys:
        return self._wrong_keys

    # What happens to it

    def checks_keys_itself(self) -> None:
        self._monkeypatch.setattr(function_app, "AUTH", Auth.KEYS)

    def post(self, body: bytes | None = None, **headers: str) -> int:
        """Posts a lead, or what is given, and returns the status of the answer."""
        sent = payload().encode() if body is None else body
        return self.answer(func.HttpRequest(method="POST", url="/api/leads", headers=headers, body=sent))

    def answer(self, request: func.HttpRequest) -> int:
        self._recorder.function = "leads"
        code = function_app.take_lead(request).status_code
        self.requests.append(Request(at=self.world.at, name="leads", code=code))
        return code

    def deliver(self) -> None:
        """Delivers what is due on the queue, as the host does at once."""
        self._recorder.function = "deliver"
        due = [message for message in self.world.queue.messages if message.at + message.delay <= self.world.at]
        self.world.queue.messages = [message for message in self.world.queue.messages if message not in due]
        for message in due:
            function_app.deliver_lead(func.QueueMessage(body=message.text))

    def sweep(self) -> None:
        self._recorder.function = "sweep"
        function_app.sweep_up(TimerRequest(past_due=False))

    def goes_on_for(self, span: timedelta) -> None:
        """Lets time pass, with a delivery and a sweep in each minute."""
        until = self.world.at + span
        while self.world.at < until:
            self.world.at += MINUTE
            self.deliver()
            if self.sweeps:
                self.sweep()
