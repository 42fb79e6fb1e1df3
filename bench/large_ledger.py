"""Measures `status`, `report` and the console's pages over a ledger of three months.

A tenth of its leads are of the last week. `status` reads the last week, and of the days before only what waits or is
poisoned. `report` reads thirty days.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench import console_pages
from bench.filled_ledger import fill, leads
from bench.operators import CAUSES, row_of_command, run_command
from bench.report import Row
from bench.stage import Stage
from leadpipe.model.record import Record, State

WEEK = timedelta(days=6)
BEFORE = timedelta(days=83)
LAST_WEEK_SHARE = 10
RARELY = 100
# The command, the exit code when it works (here poisoned leads wait for a person), and the seconds that it may take.
COMMANDS = {"status": (1, 3.0), "report": (0, 10.0)}


def measure(stage: Stage, *, records: int, say: Callable[[str], None]) -> Iterator[Row]:
    account = stage.fresh_account()
    begun = time.monotonic()
    fill(account, _records(records))
    say(f"  {records} records filled in {time.monotonic() - begun:.0f} s")
    for command, (code, seconds_at_most) in COMMANDS.items():
        used = run_command(stage, account, [command], code)
        yield row_of_command(f"leadpipe {command}, {records} records", used, seconds=seconds_at_most)
    yield from console_pages.measure(stage, account, records=records)


def _records(count: int) -> Iterator[Record]:
    newest, of_the_week = datetime.now(UTC) - timedelta(hours=2), count // LAST_WEEK_SHARE
    return itertools.chain(
        leads(of_the_week, newest=newest, span=WEEK, settle=_settled),
        leads(count - of_the_week, newest=newest - WEEK - timedelta(days=1), span=BEFORE, settle=_settled),
    )


def _settled(number: int, record: Record) -> Record:
    if number % RARELY == 0:
        return replace(record, state=State.POISONED, reason=CAUSES[number // RARELY % len(CAUSES)])
    return replace(record, state=State.WRITTEN, written_at=record.received_at + timedelta(seconds=2))
