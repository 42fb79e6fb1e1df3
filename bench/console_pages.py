"""Measures the console's pages over a large ledger, in this process and without a browser.

The sweep has run once, as it has wherever there are so many leads. The first page counts the days a few at a view; it
is measured once all 14 are counted. Of three readings of a list, each without what the one before remembered, the
middle one counts: a busy machine makes one of them slow.
"""

import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

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
FIRST_PAGE, LONGER = "/", "/?days=90"
LISTS = (
    "/leads",
    "/leads?state=poisoned",
    "/leads?state=written&q=nobody",
    "/causes",
    "/fallback",
    "/rejected",
    "/activity",
)
_READINGS = 3
_MOST_VIEWS = 200
_PORT = 7171


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How long a page took, and how much of it this process worked. `goes_on`: days are still to be counted."""

    seconds: float
    worked: float
    goes_on: bool


def measure(stage: Stage, account: Account, *, records: int) -> Iterator[Row]:
    settings = Settings.from_environment({**stage.dynamics.settings, "AzureWebJobsStorage": account.connection_string})
    target = Target(settings)
    sweep(now=now, chance=0.5, ports=target.ports, settings=settings)
    door = LocalDoor(_PORT, actor="bench")
    console = Console(target, door=door, now=now, environment=dict(os.environ))
    client = Client(console)
    _view(client, f"/enter?token={door.token}", status=303)
    counting = {path: _until_counted(client, path) for path in (FIRST_PAGE, LONGER)}
    first = _middle([_view(client, FIRST_PAGE) for _ in range(_READINGS)])
    days = ", ".join(
        f"{days} days counted in {len(views)} views, {max(view.seconds for view in views):.2f} s at most"
        for days, views in zip((14, 90), counting.values(), strict=True)
    )
    yield _row(f"console, first page, {records} records", first, FIRST_PAGE_SECONDS, days)
    times = {path: _middle([*_fresh_views(console, client, path)]) for path in LISTS}
    slowest = max(times, key=lambda path: times[path].seconds)
    yield _row(f"console, slowest list, {records} records", times[slowest], LIST_SECONDS, slowest)


def _until_counted(client: Client, path: str) -> list[View]:
    views = [_view(client, path)]
    while views[-1].goes_on and len(views) < _MOST_VIEWS:
        views.append(_view(client, path))
    return views


def _fresh_views(console: Console, client: Client, path: str) -> Iterator[View]:
    for _ in range(_READINGS):
        console.counts.forget()
        yield _view(client, path)


def _middle(views: list[View]) -> View:
    seconds = statistics.median_low([view.seconds for view in views])
    return next(view for view in views if view.seconds == seconds)


def _view(client: Client, path: str, *, status: int = 200) -> View:
    """Raises BenchError for another answer."""
    begun, worked = time.monotonic(), time.process_time()
    answer = client.get(path, environ_overrides={"HTTP_HOST": f"127.0.0.1:{_PORT}"})
    seconds, worked = time.monotonic() - begun, time.process_time() - worked
    if answer.status_code != status:
        raise BenchError(f"the console answered {path} with {answer.status}")
    return View(seconds=seconds, worked=worked, goes_on="still to be counted" in answer.text)


def _row(name: str, view: View, at_most: float, ours: str) -> Row:
    return Row(
        name=name,
        value=view.seconds,
        unit="s",
        ours=f"{ours}; {view.worked:.2f} s of work",
        target=f"<= {at_most:g} s",
        reached=view.seconds <= at_most,
    )
