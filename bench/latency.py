"""Measures the time from 202 to written, on an idle app with the polling of host.json.

Each lead comes when the host's pauses are longest. Several apps, each with its own account, run at the same time; each
has at most one lead.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from bench.app import App, BenchError, Client, running, until
from bench.report import Row
from bench.stage import Stage
from leadpipe.model.latency import latency_of

AT_MOST_SECONDS = 0.7
# The host's pauses are 0.1, 0.2, 0.3 and then 0.5 s.
IDLE_SECONDS = 2.0
_POLLING = 0.5


def measure(stage: Stage, *, apps: int, leads: int, idle: float = IDLE_SECONDS) -> Iterator[Row]:
    """Measures `leads` on each app."""
    with ThreadPoolExecutor(apps) as threads:
        runs = threads.map(lambda _: _seconds_of(stage, leads=leads, idle=idle), range(apps))
        seconds = [each for run in runs for each in run]
    found = latency_of(timedelta(seconds=each) for each in seconds)
    if found is None:
        raise BenchError("no lead was measured")
    p95 = found.p95.total_seconds()
    yield Row(
        name="accept to written, idle, p95",
        value=p95,
        unit="s",
        ours=f"median {found.p50.total_seconds():.2f} s, slowest {found.slowest.total_seconds():.2f} s",
        target=f"<= {AT_MOST_SECONDS:g} s",
        reached=p95 <= AT_MOST_SECONDS,
    )


def _seconds_of(stage: Stage, *, leads: int, idle: float) -> list[float]:
    account = stage.fresh_account()
    found = []
    with running(App.OURS, stage, account.connection_string) as url:
        client = Client(url)
        for number in range(leads + 1):
            # Each lead comes at another moment between two polls.
            time.sleep(idle + _POLLING * number / (leads + 1))
            lead_id = client.post_lead()
            accepted = time.monotonic()
            until(partial(account.is_written, lead_id), "the lead is written", pause=0.02)
            found.append(time.monotonic() - accepted)
    return found[1:]  # the first one also signed in
