"""Records every write of a process in a journal before it is made, and ends the process in a crash window.

leadpipe has no hooks for this: this wraps the adapters' methods, in a process that exists only for it.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import os
import pkgutil
import signal
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn

from devkit.chaos.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

# Every other public method of an adapter counts as a write, so that new ones are not missed.
READS = {
    "read", "events", "records", "records_before", "between", "due", "unforgotten", "first_day", "next_day", "ping",
    "depth", "receive", "arrivals", "has", "note_on", "peek", "lead_ids", "of_leads_received",
    "key_of", "quotes", "all_rows",
}  # fmt: skip
PORTS = {
    "AzureLedger": "ledger",
    "AzureLeadQueue": "queue",
    "AzureClaims": "claims",
    "AzureFallback": "fallback",
    "AzureForeignQueue": "foreign_queue",
    "AzureForeignTable": "foreign_table",
    "AzurePoisonQueue": "poison_queue",
    "AzureMarks": "marks",
    "AzureAttention": "attention",
    "AzureCanaryMarks": "canary_marks",
    "EndpointClient": "canary",
    "WebhookNotifier": "notifier",
    "DataverseClient": "dynamics",
}
MODULES = ("leadpipe.storage", "leadpipe.dataverse", "leadpipe.endpoint", "leadpipe.webhook")
# Windows has only the second.
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
# The host's own end of a message.
DELETE = "message.delete"
# The write may have been made although no answer came.
UNSURE = {"dynamics.create", "dynamics.note", "canary.post", "notifier.send"}


class Death(StrEnum):
    """How a run is ended. A sweep or a command is a process of its own: for it the first two are the same."""

    HOST = "host"  # the process dies, and with the worker its host
    WORKER = "worker"  # only the process dies that runs the functions
    TIMEOUT = "timeout"  # the run hangs until functionTimeout, and the host ends its worker


# What can end in a window, and the pass on which it does.
Planned = tuple[Window, Death]
Plan = dict[Planned, int]


def options_of(plan: Plan) -> list[str]:
    """The plan as options of devkit.chaos.watched."""
    return [part for (window, death), nth in plan.items() for part in ("--die", f"{nth}@{death}@{window}")]


@dataclass(slots=True)
class Chain:
    """One run of a flow. `last` is the last write, with its flow."""

    process: int
    number: int
    flow: str
    last: tuple[str, str] | None = None


@dataclass(slots=True)
class Watch:
    """Thread-safe. `plan` says on which pass of a window which death comes. `host`: of a worker, the host's process."""

    plan: Plan
    journal: Path
    host: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _here: threading.local = field(default_factory=threading.local)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _ends: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _everywhere: Chain | None = None
    _news: News = field(init=False)

    def __post_init__(self) -> None:
        self._news = News(self.journal)

    @contextmanager
    def run(self, flow: str, message_id: str | None = None) -> Iterator[None]:
        """Makes what this thread does one run. A message's run ends with the host's delete."""
        chain = Chain(os.getpid(), next(self._numbers), flow)
        with self._in(chain):
            try:
                yield
                if message_id is not None:
                    self._pass(chain, DELETE, deaths=(Death.WORKER, Death.TIMEOUT))
            finally:
                if message_id is not None:
                    self._tell(message=message_id, process=chain.process, run=chain.number, last=chain.last)

    def run_everywhere(self, flow: str) -> None:
        """Makes all that this process does from now on, in any thread, one run."""
        self._everywhere = Chain(os.getpid(), next(self._numbers), flow)

    @contextmanager
    def task(self, flow: str) -> Iterator[None]:
        """Makes what this thread does part of another flow of the same run."""
        chain = self._chain()
        if chain is None:
            yield
            return
        outer, chain.flow = chain.flow, flow
        try:
            yield
        finally:
            chain.flow = outer

    @contextmanager
    def end_of_message(self, message_id: str) -> Iterator[None]:
        """Makes the host's delete the last write of the run that a worker has made of the message."""
        with self._lock:
            self._ends |= {line["message"]: line for line in self._news.read() if "message" in line}
            end = self._ends.pop(message_id, None)
        last = end and end["last"]
        chain = Chain(end["process"], end["run"], last[0], (last[0], last[1])) if end and last else None
        with self._in(chain), self.writing(DELETE):
            yield

    def note_worker(self) -> None:
        self._tell(worker=os.getpid())

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        chain = self._chain()
        if chain is None:
            yield
            return
        self._note(chain, name)
        self._pass(chain, name, deaths=(Death.HOST,) if name == DELETE else tuple(Death))
        if name in UNSURE:
            chain.last = (chain.flow, name)
        yield
        chain.last = (chain.flow, name)

    def _note(self, chain: Chain, name: str) -> None:
        window = window_before(chain, name)
        self._tell(
            process=chain.process, run=chain.number, flow=chain.flow, write=name, window=str(window) if window else None
        )

    def _pass(self, chain: Chain, name: str, *, deaths: Sequence[Death]) -> None:
        """Dies, if this is the pass of the gap before `name` that was planned."""
        window = window_before(chain, name)
        if window is None:
            return
        with self._lock:
            for death in deaths:
                if (window, death) in self.plan:
                    self.plan[window, death] -= 1
            due = next((death for death in deaths if self.plan.get((window, death)) == 0), None)
        if due is Death.TIMEOUT:
            self._tell(hangs=str(window), process=os.getpid())
            hang()
        elif due is not None:
            self._tell(died=str(window), by=due)
            die(self.host if due is Death.HOST else None)

    def _tell(self, **line: object) -> None:
        tell(self.journal, **line)

    def _chain(self) -> Chain | None:
        return getattr(self._here, "chain", None) or self._everywhere

    @contextmanager
    def _in(self, chain: Chain | None) -> Iterator[None]:
        outer, self._here.chain = self._chain(), chain
        try:
            yield
        finally:
            self._here.chain = outer


def window_before(chain: Chain, name: str) -> Window | None:
    """The gap between the last write of the run and this one."""
    return Window(*chain.last, name) if chain.last else None


def die(host: int | None) -> None:
    """Ends the process at once, and the host before, like a machine that dies: nothing is finished or flushed."""
    if host is not None:
        os.kill(host, KILL)
    os.kill(os.getpid(), KILL)


def hang() -> NoReturn:
    while True:
        threading.Event().wait()


def end_what_hangs(news: News, process: int) -> bool:
    """Notes that those runs of this process in the news which hang are ended for their time; False if none does."""
    hung = [line["hangs"] for line in news.read() if "hangs" in line and line["process"] == process]
    for window in hung:
        tell(news.journal, died=window, by=Death.TIMEOUT)
    return bool(hung)


def tell(journal: Path, **line: object) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def deaths(journal: Path) -> Counter[Planned]:
    return Counter((Window.parse(line["died"]), Death(line["by"])) for line in read_journal(journal) if "died" in line)


def remaining(plan: Plan, journal: Path) -> Plan:
    """Leaves out the deaths that have been died."""
    died = deaths(journal)
    return {planned: nth for planned, nth in plan.items() if not died[planned]}


def watch_stores(watch: Watch) -> None:
    for adapter in _adapters():
        for method, function in inspect.getmembers(adapter, inspect.isfunction):
            if not method.startswith("_") and method not in READS:
                setattr(adapter, method, _watched(watch, f"{PORTS[adapter.__name__]}.{method}", function))


def watch_sweep(watch: Watch) -> None:
    from leadpipe import sweep

    for name, task in sweep.TASKS.items():
        sweep.TASKS[name] = _in_task(watch, name, task)


def _adapters() -> Iterator[type]:
    for package in MODULES:
        for found in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            module = importlib.import_module(found.name)
            for name, adapter in inspect.getmembers(module, inspect.isclass):
                ours = adapter.__module__ == module.__name__
                if ours and (name in PORTS or name.startswith("Azure")):
                    yield adapter


def _watched(watch: Watch, name: str, write: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(write)
    def watched(*arguments: Any, **options: Any) -> Any:
        with watch.writing(name):
            return write(*arguments, **options)

    return watched


def _in_task(watch: Watch, name: str, task: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*arguments: Any) -> Any:
        with watch.task(name):
            return task(*arguments)

    return watched


class News:
    """Reads each line of a journal once, and a last one that is incomplete when it is whole."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self._read = 0

    def read(self) -> list[Mapping[str, Any]]:
        if not self.journal.exists():
            return []
        with self.journal.open("rb") as journal:
            journal.seek(self._read)
            whole, newline, _ = journal.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]


def read_journal(path: Path) -> list[Mapping[str, Any]]:
    """Reads the journal, without a last line that is incomplete."""
    return News(path).read()
