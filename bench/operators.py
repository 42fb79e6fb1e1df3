"""Measures time and memory of the operators' commands on a large ledger, and the storage requests of an idle sweep.

The ledger has a week of leads: half are poisoned for four reasons, the others written, and the queues are empty. Each
command is a process of its own, so its time includes the interpreter's start. The sweeps are those of an hour, on a
clock that the measurement moves, so that tasks of every five minutes and of every hour count with their share.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bench.app import BenchError
from bench.counting_proxy import Counts, counting
from bench.filled_ledger import fill, leads
from bench.report import Row
from bench.stage import Account, Stage
from bench.used import Used, used_by
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.operations.cost import SWEEP_A_MINUTE
from leadpipe.sweep import LOOK_BACK_EVERY, sweep
from leadpipe.wiring import Wiring, now

AT_MOST_SECONDS = 10.0
AT_MOST_MEGABYTES = 250
SPAN = timedelta(days=6)
CAUSES = ("too_long", "plugin_refused", "duplicate_rule", "no_outcome")
# The command worked: 1 is "a person is needed", here for the poisoned leads.
COMMANDS = {
    "status": (["status"], 1),
    "leads --json": (["leads", "--json"], 0),
    "poison list": (["poison", "list"], 0),
    "balance": (["balance"], 0),
}


def measure(stage: Stage, *, records: int, minutes: int, say: Callable[[str], None]) -> Iterator[Row]:
    account = stage.fresh_account()
    say(f"  filling the ledger with {records} records")
    fill(account, leads(records, newest=datetime.now(UTC) - timedelta(hours=2), span=SPAN, settle=_settled))
    for name, (arguments, code) in COMMANDS.items():
        used = run_command(stage, account, arguments, code)
        yield row_of_command(f"leadpipe {name}, {records} records", used, seconds=AT_MOST_SECONDS)
    counts = _idle_sweeps(stage, account, minutes=minutes)
    a_minute = counts.total() / minutes
    yield Row(
        name=f"storage requests of an idle sweep, {records} records",
        value=a_minute,
        unit="requests",
        ours=", ".join(f"{count / minutes:.2f} {kind}" for kind, count in counts.most_common()),
        target=f"<= {SWEEP_A_MINUTE} on average",
        reached=a_minute <= SWEEP_A_MINUTE,
    )


def _settled(number: int, record: Record) -> Record:
    if number % 2:
        return replace(record, state=State.POISONED, reason=CAUSES[number // 2 % len(CAUSES)])
    return replace(record, state=State.WRITTEN, written_at=record.received_at + timedelta(seconds=2))


def run_command(stage: Stage, account: Account, arguments: list[str], code: int) -> Used:
    """Runs the command. Raises BenchError if it ends with another exit code."""
    output = stage.folder / "command.out"
    environment = {**os.environ, **stage.dynamics.settings, "AzureWebJobsStorage": account.connection_string}
    used, ended = used_by([sys.executable, "-m", "leadpipe", *arguments], environment=environment, output=output)
    if ended != code:
        raise BenchError(f"leadpipe {' '.join(arguments)} ended with {ended}:\n{output.read_text()[-2000:]}")
    return used


def row_of_command(name: str, used: Used, *, seconds: float) -> Row:
    return Row(
        name=name,
        value=used.seconds,
        unit="s",
        ours=f"{used.processor_seconds:.1f} s of processor, {used.megabytes:.0f} MB at most",
        target=f"<= {seconds:g} s, {AT_MOST_MEGABYTES} MB",
        reached=used.seconds <= seconds and used.megabytes <= AT_MOST_MEGABYTES,
    )


def _idle_sweeps(stage: Stage, account: Account, *, minutes: int) -> Counter[str]:
    """Counts the requests of a sweep in each of so many minutes. In the last one the hourly tasks are due again."""
    counts = Counts()
    with ExitStack() as proxies:
        through = account.connection_string
        for service in ("queue", "table"):
            direct = stage.azurite.url(service)
            through = through.replace(direct, proxies.enter_context(counting(direct, counts)))
        settings = Settings.from_environment({**stage.dynamics.settings, "AzureWebJobsStorage": through})
        ports = Wiring(settings).delivery()
        start = now()

        def sweep_at(at: datetime) -> None:
            sweep(now=lambda: at, chance=0.5, ports=ports, settings=settings)

        sweep_at(start)  # the first one reads the whole ledger, and does the hourly tasks
        counts.taken()
        for minute in range(1, minutes):
            sweep_at(start + timedelta(minutes=minute))
        sweep_at(start + LOOK_BACK_EVERY)
        return counts.taken()
