"""Measures the time from process start to first 202, of leadpipe and the bare app in alternation.

A start is short enough for the ratio of the medians to be fair.
"""

import time
from collections.abc import Callable, Iterator
from statistics import median

from bench.app import App, Client, running
from bench.pairs import in_pairs
from bench.report import Row
from bench.stage import Stage

AT_MOST = 1.2


def measure(stage: Stage, *, pairs: int, warm_up: bool, say: Callable[[str], None]) -> Iterator[Row]:
    """`warm_up`: whether each app is started once before, which compiles and reads the libraries from disk."""
    for app in App if warm_up else ():
        first_answer(app, stage)
    runs = in_pairs(pairs, lambda app: first_answer(app, stage), tell=_told, say=say)
    ours, bare = (median(getattr(each, side) for each in runs) for side in ("ours", "bare"))
    ratio = ours / bare
    yield Row(
        name="fresh process to first 202",
        value=ratio,
        unit="x",
        ours=_told(ours),
        bare=_told(bare),
        target=f"<= {AT_MOST} x",
        reached=ratio <= AT_MOST,
    )


def first_answer(app: App, stage: Stage) -> float:
    """Gives the seconds from start to the first 202."""
    account = stage.fresh_account()
    started = time.monotonic()
    with running(app, stage, account.connection_string, leashed=False) as url:
        Client(url).post_lead()
        return time.monotonic() - started


def _told(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
