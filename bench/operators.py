"""Measures time and memory of the operators' commands on a large ledger, and the storage requests of an idle sweep.

The ledger has a week of leads: half are poisoned for four reasons, the others written, and the queues are empty. Each
command is a process of its own, so its time includes the interpreter's start.
"""

import itertools
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from azure.data.tables import TableServiceClient

from bench.app import ROOT, BenchError
from bench.counting_proxy import Counts, counting
from bench.leads import next_lead
from bench.report import Row
from bench.stage import LEDGER, Account, Stage
from leadpipe.model.lead_id import ENTROPY_BYTES, new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.storage.rows import row_of_record
from leadpipe.sweep import sweep
from leadpipe.wiring import Wiring, now

AT_MOST_SECONDS = 10.0
AT_MOST_MEGABYTES = 250
AT_MOST_REQUESTS = 8
SPAN = timedelta(days=6)
CAUSES = ("too_long", "plugin_refused", "duplicate_rule", "no_outcome")
# The command worked: 1 is "a person is needed", here for the poisoned leads.
COMMANDS = {
    "status": (["status"], 1),
    "leads --json": (["leads", "--json"], 0),
    "poison list": (["poison", "list"], 0),
    "balance": (["balance"], 0),
}


def measure(stage: Stage, *, records: int, say: Callable[[str], None]) -> Iterator[Row]:
    account = stage.fresh_account()
    say(f"  filling the ledger with {records} records")
    _fill(account, records)
    for name, (arguments, code) in COMMANDS.items():
        seconds, megabytes = _run(stage, account, arguments, code)
        yield Row(
            name=f"leadpipe {name}, {records} records",
            value=seconds,
            unit="s",
            ours=f"{megabytes:.0f} MB at most",
            target=f"<= {AT_MOST_SECONDS:g} s, {AT_MOST_MEGABYTES} MB",
            reached=seconds <= AT_MOST_SECONDS and megabytes <= AT_MOST_MEGABYTES,
        )
    counts = _idle_sweep(stage, account)
    yield Row(
        name=f"storage requests of an idle sweep, {records} records",
        value=counts.total(),
        unit="requests",
        ours=", ".join(f"{count} {kind}" for kind, count in counts.items()),
        target=f"<= {AT_MOST_REQUESTS}",
        reached=counts.total() <= AT_MOST_REQUESTS,
    )


def _fill(account: Account, records: int) -> None:
    with TableServiceClient.from_connection_string(account.connection_string) as service:
        table = service.get_table_client(LEDGER)
        rows = sorted((row_of_record(each) for each in _records(records)), key=lambda row: str(row["PartitionKey"]))
        for _, day in itertools.groupby(rows, key=lambda row: row["PartitionKey"]):
            while some := list(itertools.islice(day, 100)):
                table.submit_transaction([("create", row) for row in some])


def _records(count: int) -> Iterator[Record]:
    chance = random.Random(7)  # noqa: S311 - the same ledger each time
    newest = datetime.now(UTC) - timedelta(hours=2)
    for number in range(count):
        lead_id = new_lead_id(newest - SPAN * number / count, chance.randbytes(ENTROPY_BYTES))
        record = replace(Record.accepted(lead_id, next_lead().decode()), next_try_at=None)
        if number % 2:
            yield replace(record, state=State.POISONED, reason=CAUSES[number // 2 % len(CAUSES)])
        else:
            yield replace(record, state=State.WRITTEN, written_at=record.received_at + timedelta(seconds=2))


def _run(stage: Stage, account: Account, arguments: list[str], code: int) -> tuple[float, float]:
    """Gives the seconds and the largest resident memory in MB."""
    output = stage.folder / "command.out"
    environment = {**os.environ, **stage.dynamics.settings, "AzureWebJobsStorage": account.connection_string}
    with output.open("w") as told:
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "leadpipe", *arguments], cwd=ROOT, env=environment, stdout=told, stderr=told
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != code:
        raise BenchError(
            f"leadpipe {' '.join(arguments)} ended with {process.returncode}:\n{output.read_text()[-2000:]}"
        )
    return seconds, usage.ru_maxrss / 1024


def _idle_sweep(stage: Stage, account: Account) -> Counter[str]:
    counts = Counts()
    with ExitStack() as proxies:
        through = account.connection_string
        for service in ("queue", "table"):
            direct = stage.azurite.url(service)
            through = through.replace(direct, proxies.enter_context(counting(direct, counts)))
        settings = Settings.from_environment({**stage.dynamics.settings, "AzureWebJobsStorage": through})
        ports = Wiring(settings).delivery()
        for _ in range(2):  # the first one reads the whole ledger
            counts.taken()
            sweep(now=now, chance=0.5, ports=ports, settings=settings)
        return counts.taken()
