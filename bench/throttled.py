"""Measures how much of a throttle's allowance gets through, and how many requests are refused.

Dynamics allows so many requests in a sliding window and counts refused ones too. Leads are posted at a rate a quarter
higher. The stand-in counts two windows, from the first request on.
https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench.app import App, BenchError, Client, running
from bench.report import Row
from bench.stage import UNLIMITED, Stage

AT_LEAST_USED = 0.95
AT_MOST_REFUSED = 0.02
WINDOWS = 2
CLIENTS = 4
POSTED = 1.25  # leads for each allowed request
THROTTLED = 429


def measure(stage: Stage, *, requests: int, window: int) -> Iterator[Row]:
    """Allows `requests` in a window of so many seconds; Microsoft allows 6,000 in 300."""
    account = stage.fresh_account()
    stage.dynamics.forget()
    stage.dynamics.control("POST", "config", json={"requests_per_window": requests, "window_seconds": window})
    try:
        with running(App.OURS, stage, account.connection_string) as url:
            end = time.monotonic() + WINDOWS * window
            pause = CLIENTS * window / requests / POSTED
            with ThreadPoolExecutor(CLIENTS) as clients:
                posted = sum(clients.map(lambda _: _post(url, pause=pause, end=end), range(CLIENTS)))
            answers = _answers(stage)
    finally:
        stage.dynamics.control("POST", "config", json=UNLIMITED)
    refused = answers.pop(THROTTLED, 0)
    passed, allowance = answers.total(), requests * WINDOWS
    if posted < allowance:
        raise BenchError(
            f"{posted} leads were posted, fewer than the {allowance} that are let through: too busy a machine"
        )
    used, in_vain = passed / allowance, refused / (passed + refused)
    told = f"{requests} requests in {window} s, {WINDOWS} windows"
    yield Row(
        name="under a throttle: the allowance that got through",
        value=used,
        unit="of it",
        ours=f"{passed} of {allowance}; {told}",
        target=f">= {AT_LEAST_USED:g}",
        reached=used >= AT_LEAST_USED,
    )
    yield Row(
        name="under a throttle: refused, of all requests",
        value=in_vain,
        unit="of all",
        ours=f"{refused} of {passed + refused}",
        target=f"<= {AT_MOST_REFUSED:g}",
        reached=in_vain <= AT_MOST_REFUSED,
    )


def _post(url: str, *, pause: float, end: float) -> int:
    """Posts a lead each `pause` seconds until `end`, and gives their number."""
    client, begun, posted = Client(url), time.monotonic(), 0
    while begun + posted * pause < end:
        time.sleep(max(0.0, begun + posted * pause - time.monotonic()))
        client.post_lead()
        posted += 1
    return posted


def _answers(stage: Stage) -> Counter[int]:
    """Counts the requests for leads by status."""
    answers: Counter[int] = Counter()
    for each in stage.dynamics.control("GET", "requests")["counts"]:
        if each["path"].startswith("leads"):
            answers[each["status"]] += each["count"]
    return answers
