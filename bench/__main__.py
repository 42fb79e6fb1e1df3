"""`python -m bench`: what leadpipe costs, beside an app that does the least and beside the targets.

    requests      storage and Dataverse requests for one lead, counted by a proxy and by the stand-in
    log-lines     lines of the log for one lead, for one sweep and for an hour of them; waits for the next full minute
    cold-start    a fresh process to its first 202, against the bare app
    throughput    leads/s through intake and through delivery, against the bare app
    latency       accept to written, idle
    operators     status, leads, poison list and balance over 10,000 records, and the idle sweeps of an hour there
    large-ledger  status, report and the console's pages over 100,000 records, of which 10,000 are of the last week
    throttle      what gets through and what is refused while Dynamics throttles

Everything runs on this machine: Azurite, the stand-in of Dynamics with its limits raised, and one process for each app
under devkit's functions host. The bare app is `bench/bare/function_app.py`. Compare ratios, not the absolute numbers.
It takes some twelve minutes, longer on a busy machine; what a busy machine misses is worth another run.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from azure.core.exceptions import AzureError
from requests import RequestException

from bench import cold_start, large_ledger, latency, log_lines, operators, requests_per_lead, throttled, throughput
from bench.app import BenchError
from bench.report import Row, as_json, table
from bench.stage import Stage, stage
from devkit.azurite.install import InstallError
from devkit.launcher.part import PartError

EPILOG = "exit codes: 0 all targets are reached (or --quick), 1 one is missed or could not be measured, 2 usage"
Measure = Callable[[Stage], Iterator[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything; `clients` post at the same time."""

    counted_leads: int = 5
    sweeps: bool = True
    warm_up: bool = True
    starts: int = 15
    pairs: int = 9
    leads: int = 160
    clients: int = 8
    idle_apps: int = 3
    idle_leads: int = 20
    idle_seconds: float = latency.IDLE_SECONDS
    records: int = 10_000
    minutes: int = 60
    many_records: int = 100_000
    window_requests: int = 600
    window_seconds: int = 100


QUICK = Size(
    counted_leads=2,
    sweeps=False,
    warm_up=False,
    starts=1,
    pairs=1,
    leads=12,
    clients=2,
    idle_apps=1,
    idle_leads=2,
    idle_seconds=0.5,
    records=200,
    minutes=6,
    many_records=300,
    window_requests=8,
    window_seconds=3,
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    measures = _measures(QUICK if options.quick else _full(options))
    rows: list[Row] = []
    try:
        with tempfile.TemporaryDirectory(prefix="leadpipe-bench-") as folder, stage(Path(folder)) as built:
            for name in options.only or measures:
                say(f"{name} …")
                rows += measures[name](built)
    except KeyboardInterrupt:
        return 130
    except (BenchError, InstallError, PartError, AzureError, RequestException, OSError) as error:
        say(f"bench: {error}")
        return 1
    print(as_json(rows) if options.json else table(rows))
    missed = not all(row.reached for row in rows)
    return 1 if missed and not options.quick else 0


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _measures(size: Size) -> dict[str, Measure]:
    return {
        "requests": lambda stage: requests_per_lead.measure(stage, leads=size.counted_leads, say=say),
        "log-lines": lambda stage: log_lines.measure(stage, leads=size.counted_leads, sweeps=size.sweeps),
        "cold-start": lambda stage: cold_start.measure(stage, pairs=size.starts, warm_up=size.warm_up, say=say),
        "throughput": lambda stage: throughput.measure(
            stage, pairs=size.pairs, leads=size.leads, clients=size.clients, say=say
        ),
        "latency": lambda stage: latency.measure(
            stage, apps=size.idle_apps, leads=size.idle_leads, idle=size.idle_seconds
        ),
        "operators": lambda stage: operators.measure(stage, records=size.records, minutes=size.minutes, say=say),
        "large-ledger": lambda stage: large_ledger.measure(stage, records=size.many_records, say=say),
        "throttle": lambda stage: throttled.measure(stage, requests=size.window_requests, window=size.window_seconds),
    }


def _full(options: argparse.Namespace) -> Size:
    return Size(starts=options.starts, pairs=options.pairs, leads=options.leads, clients=options.clients)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    size = Size()
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("--only", action="append", choices=[*_measures(size)], help="one measurement; may be given again")
    option("--quick", action="store_true", help="a little of everything: shows that it runs, times mean nothing")
    option("--json", action="store_true", help="the rows as a JSON array")
    option("--starts", type=_count, default=size.starts, metavar="N", help="pairs of cold starts (%(default)s)")
    option("--pairs", type=_count, default=size.pairs, metavar="N", help="pairs of throughput runs (%(default)s)")
    option("--leads", type=_count, default=size.leads, metavar="N", help="leads in a throughput run (%(default)s)")
    option("--clients", type=_count, default=size.clients, metavar="N", help="that post at the same time (%(default)s)")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError("from 1 to 10000")
    return value


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
