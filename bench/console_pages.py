"""Measures the console's pages over a large ledger, in this process and without a browser.

The sweep has run once, as it has wherever there are so many leads; the first page is measured after its first reading.
"""

import os
import time
from collections.abc import Iterator

from werkzeug.test import Client

from bench.app import BenchError
from bench.report import Row
from bench.stage import Account, Stage
from leadpipe.console.door import LocalDoor
from leadpipe.console.site import Console
from leadpipe.model.settings import Settings
from leadpipe.operations.target import Target
from leadpipe.sweep import sweep
from leadpipe.wiring import now

FIRST_PAGE_SECONDS, LIST_SECONDS = 1.0, 0.5
LISTS = (
    "/leads",
    "/leads?state=poisoned",
    "/leads?state=written&q=nobody",
    "/causes",
    "/fallback",
    "/rejected",
    "/activity",
)
_PORT = 7171


def measure(stage: Stage, account: Account, *, records: int) -> Iterator[Row]:
    settings = Settings.from_environment({**stage.dynamics.settings, "AzureWebJobsStorage": account.connection_string})
    target = Target(settings)
    sweep(now=now, chance=0.5, ports=target.ports, settings=settings)
    door = LocalDoor(_PORT, actor="bench")
    console = Console(target, door=door, now=now, environment=dict(os.environ))
    client = Client(console)
    _get(client, f"/enter?token={door.token}", status=303)
    first = _get(client, "/")
    yield _row(
        f"console, first page, {records} records", _get(client, "/"), FIRST_PAGE_SECONDS, f"{first:.2f} s at first"
    )
    times = {path: _get(client, path) for path in LISTS}
    slowest = max(times, key=lambda path: times[path])
    yield _row(f"console, slowest list, {records} records", times[slowest], LIST_SECONDS, slowest)


def _get(client: Client, path: str, *, status: int = 200) -> float:
    """How long the page took. Raises BenchError for another answer."""
    begun = time.monotonic()
    answer = client.get(path, environ_overrides={"HTTP_HOST": f"127.0.0.1:{_PORT}"})
    if answer.status_code != status:
        raise BenchError(f"the console answered {path} with {answer.status}")
    return time.monotonic() - begun


def _row(name: str, seconds: float, at_most: float, ours: str) -> Row:
    return Row(name=name, value=seconds, unit="s", ours=ours, target=f"<= {at_most:g} s", reached=seconds <= at_most)
