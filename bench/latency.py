"""Measures the time from 202 to written, on an idle app with the polling of host.json.

Each lead comes when the host's pauses are longest. Several apps, each with its own account, run at the same time; each
has at most one lead.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median, quantiles

from bench.app import App, Client, running, until
from bench.report import Row
from bench.stage import Stage

AT_MOST_SECONDS = 3.0
# The host's pauses are 0.1, 0.2, 0.3, 0.5, 0.9, 1.7 and then 2 s, ±20 %.
IDLE_SECONDS = 4.0
_POLLING = 2.0


def measure(stage: Stage, *, apps: int, leads: int, idle: float = IDLE_SECONDS) -> Iterator[Row]:
    """Measures `leads` on each app."""
    with ThreadPoolExecutor(apps) as threads:
        runs = threads.map(lambda _: _seconds_of(stage, leads=leads, idle=idle), range(apps))
        seconds = [each for run in runs for each in run]
    p95 = quantiles(seconds, n=20, method="inclusive")[-1]
    yield Row(
        name="accept to written, idle, p95",
        value=p95,
        unit="s",
        ours=f"median {median(seconds):.2f} s",
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
            until(partial(account.is_written, lead_id), "the lead is written")
            found.append(time.monotonic() - accepted)
    return found[1:]  # the first one also signed in
