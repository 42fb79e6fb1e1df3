"""What a run of `make chaos` does: how many leads, which faults and how many, and by which clock."""

from __future__ import annotations

import argparse
import math
import random
from typing import TYPE_CHECKING, Any

from devkit.chaos.watch import Death
from devkit.chaos.windows import Window, windows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

# The situations that a run causes; tests/faults covers all.
OF_THE_HOST = (
    "a lead is posted",
    "a lead is written",
    "only the message was kept",
    "the lead repeats another",
    "Dynamics fails for now",
    "the gate is shut",
    "the tables are away",
)
WITHOUT_MERGE = ("Dynamics was away too long",)
# A lead that is tried again is looked for first. In an outage that fails, so no create comes before the fallback row.
WITH_MERGE = ("a later action waits for its first lead", "no organisation is configured")
OF_THE_SWEEP_WITH_MERGE = ("Dynamics is back for a later action",)
OF_THE_SWEEP = (
    "the host gave up on a message",
    "a lead is overdue",
    "Dynamics is back",
    "the marketplace wrote a row",
)
# Faults of Dynamics: name -> the stand-in's fault; the options give rate and seed.
DYNAMICS: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429, "retry_after": 1},
    "5xx": {"kind": "status", "status": 503},
    "dropped": {"kind": "drop"},
    "lost": {"kind": "commit_then_drop"},
    "hanging": {"kind": "hang", "seconds": 3},
}
OUTAGES = ("dynamics", "table", "queue", "silent", "restart")


def some_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """Reads a comma-separated list, which may be empty."""

    def read(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := sorted({*names} - {*known}):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: some of {', '.join(known)} are expected")
        return names

    return read


def above_zero(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: a number above 0 is expected")
    return number


def whole(*, least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"{text}: a whole number from {least} on is expected")
        return number

    return read


def plan_of_host(*, merge: bool) -> list[Window]:
    return _plan_of((*OF_THE_HOST, *(WITH_MERGE if merge else WITHOUT_MERGE)))


def plan_of_sweep(*, merge: bool) -> list[Window]:
    return _plan_of((*OF_THE_SWEEP, *(OF_THE_SWEEP_WITH_MERGE if merge else ())))


def _plan_of(situations: Sequence[str]) -> list[Window]:
    return sorted({window for situation in situations for window in windows_of(situation)})


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make chaos",
        description="Posts leads while processes are killed and peers fail, and counts what became of every lead.",
        epilog="2,000 leads, 30 random kills: "
        "make chaos ARGS='--leads 2000 --pace 20 --kills 20 --worker-kills 10 --minutes 20'. "
        "Five real minutes without tables, then without queues: make chaos ARGS='--outage 300 --minutes 30'.",
    )
    option = parser.add_argument
    option("--leads", type=whole(least=1), default=300,
           help="how many; up to six times 30 more come while a death is missing (%(default)s)")  # fmt: skip
    option("--pace", type=above_zero, default=6.0, help="leads posted in a second (%(default)s)")
    option("--twice", type=float, default=0.10, help="share that is posted twice (%(default)s)")
    option("--merge", type=float, default=0.25,
           help="share of customers that act more than once; 0: without LEADPIPE_MERGE (%(default)s)")  # fmt: skip
    option(
        "--rows",
        type=whole(least=0),
        default=6,
        help="that the marketplace writes into its own table; more while a death needs one (%(default)s)",
    )
    option("--deaths", type=some_of([*Death]), default=",".join(Death),
           help="each once in each crash window; empty for none (%(default)s)")  # fmt: skip
    option("--kills", type=whole(least=0), default=6, help="of the host, at random moments (%(default)s)")
    option("--worker-kills", type=whole(least=0), default=3, help="of its worker, at random moments (%(default)s)")
    option("--timeout", type=above_zero, default=8.0,
           help="functionTimeout in seconds; host.json says 300 (%(default)s)")  # fmt: skip
    option(
        "--crashes", type=whole(least=0), default=3, help="leads whose first delivery crashes five times (%(default)s)"
    )
    option("--rate", type=float, default=0.05, help="share of the requests that each fault strikes (%(default)s)")
    option("--faults", type=some_of(DYNAMICS), default=",".join(DYNAMICS), help="at Dynamics (%(default)s)")
    option("--storage-rate", type=float, default=0.01,
           help="share of storage requests answered with 503 before the work, and after it (%(default)s)")  # fmt: skip
    option("--outages", type=some_of(OUTAGES), default=",".join(OUTAGES), help="away for a while (%(default)s)")
    option("--outage", type=above_zero, default=8.0, help="seconds without tables, then without queues (%(default)s)")
    option("--lease", type=float, default=5.0,
           help="seconds that a dead host's messages stay hidden; 600 on Azure (%(default)s)")  # fmt: skip
    option(
        "--hurry",
        type=float,
        default=5.0,
        help="divides leadpipe's waits between tries, and the host's own (%(default)s)",
    )
    option("--fallback-after", type=int, default=8, help="LEADPIPE_FALLBACK_AFTER in seconds (%(default)s)")
    option("--minutes", type=above_zero, default=10.0, help="the run fails when it takes longer (%(default)s)")
    option("--seed", type=int, default=random.randrange(10**6), help="of all that is drawn (a new one each time)")  # noqa: S311
    return parser.parse_args(arguments)
