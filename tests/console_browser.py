"""A console on the fakes, and a client that behaves as a browser that was let in."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from werkzeug.test import Client, TestResponse

from leadpipe.console.door import LocalDoor
from leadpipe.console.site import Console
from leadpipe.model.ports import Ports
from leadpipe.model.settings import Settings
from tests.factories import settings

PORT = 7171
HOST = f"127.0.0.1:{PORT}"
ACTOR = "jane@desk"


class FakeTarget:
    """What a console works on, from ports that a test chooses."""

    local_url = "http://127.0.0.1:7071"

    def __init__(self, ports: Ports, chosen: Settings | None = None) -> None:
        self.ports = ports
        self.settings = chosen or settings()

    def without_dynamics(self) -> "FakeTarget":
        return FakeTarget(replace(self.ports, dynamics=None), replace(self.settings, dataverse=None))


def console_on(target: Any, now: Any) -> Console:
    return Console(target, door=LocalDoor(PORT, actor=ACTOR), now=now, environment={})


def local_door_of(console: Console) -> LocalDoor:
    assert isinstance(console.door, LocalDoor)
    return console.door


class Browser:
    """Sends what a browser sends: its host, its cookie, and where a form was posted from."""

    def __init__(self, console: Console, *, enters: bool = True) -> None:
        self.console = console
        self.client = Client(console)
        if enters:
            assert self.get(f"/enter?token={local_door_of(console).token}").status_code == 303

    def get(self, path: str, **headers: str) -> TestResponse:
        return self._send("GET", path, headers, {})

    def post(self, path: str, data: Mapping[str, Any] | None = None, **headers: str) -> TestResponse:
        return self._send("POST", path, {"Sec_Fetch_Site": "same-origin"} | headers, data or {})

    def follow(self, path: str, data: Mapping[str, Any] | None = None) -> str:
        """Posts the form, and gives the path that the browser is sent to."""
        answer = self.post(path, data)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def _send(self, method: str, path: str, headers: Mapping[str, str], data: Mapping[str, Any]) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in ({"Host": HOST} | dict(headers)).items() if value}
        host = named.pop("Host")
        asked = {"HTTP_HOST": host}
        return self.client.open(path, method=method, headers=named, data=data or None, environ_overrides=asked)


def finished(browser: Browser, plan: str) -> str:
    """The plan's page once its leads are done."""
    kept = browser.console.plans.get(plan.rpartition("/")[2])
    assert kept is not None
    assert kept.job is not None
    kept.job.wait(10)
    return browser.get(plan).text


def text_of(page: str) -> str:
    """The page as it reads, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<(svg|script|title).*?</\1>", "", page, flags=re.DOTALL)).split())
