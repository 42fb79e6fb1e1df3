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
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from devkit.chaos.windows import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

# Every other public method of an adapter counts as a write, so that new ones are not missed.
READS = {
    "read", "events", "records", "records_before", "between", "due", "unforgotten", "first_day", "next_day", "ping",
    "depth", "receive", "arrivals", "has", "peek", "lead_ids", "of_leads_received",
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
# The write may have been made although no answer came.
UNSURE = {"dynamics.create", "canary.post", "notifier.send"}


@dataclass(slots=True)
class Chain:
    """One run of a flow. `last` is the last write, with its flow."""

    number: int
    flow: str
    last: tuple[str, str] | None = None


@dataclass(slots=True)
class Watch:
    """Thread-safe. `plan` says on which pass of a window the process dies."""

    plan: dict[Window, int]
    journal: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _here: threading.local = field(default_factory=threading.local)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _of_messages: dict[str, Chain] = field(default_factory=dict)
    _everywhere: Chain | None = None

    @contextmanager
    def run(self, flow: str, message_id: str | None = None) -> Iterator[None]:
        """Makes what this thread does one run. A message's run ends with the host's delete."""
        chain = Chain(next(self._numbers), flow)
        if message_id is not None:
            self._of_messages[message_id] = chain
        with self._in(chain):
            yield

    def run_everywhere(self, flow: str) -> None:
        """Makes all that this process does from now on, in any thread, one run."""
        self._everywhere = Chain(next(self._numbers), flow)

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
        with self._in(self._of_messages.pop(message_id, None)), self.writing("message.delete"):
            yield

    @contextmanager
    def writing(self, name: str) -> Iterator[None]:
        chain = self._chain()
        if chain is None:
            yield
            return
        self._pass(chain, name)
        if name in UNSURE:
            chain.last = (chain.flow, name)
        yield
        chain.last = (chain.flow, name)

    def _pass(self, chain: Chain, name: str) -> None:
        window = Window(chain.last[0], chain.last[1], name) if chain.last else None
        with self._lock:
            self._tell(
                process=os.getpid(),
                run=chain.number,
                flow=chain.flow,
                write=name,
                window=str(window) if window else None,
            )
            if window is not None and window in self.plan:
                self.plan[window] -= 1
                if self.plan[window] == 0:
                    self._tell(died=str(window))
                    die()

    def _tell(self, **line: object) -> None:
        with self.journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")

    def _chain(self) -> Chain | None:
        return getattr(self._here, "chain", None) or self._everywhere

    @contextmanager
    def _in(self, chain: Chain | None) -> Iterator[None]:
        outer, self._here.chain = self._chain(), chain
        try:
            yield
        finally:
            self._here.chain = outer


def die() -> None:
    """Ends the process at once, like a machine that dies: nothing is finished or flushed."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


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


def read_journal(path: Path) -> list[Mapping[str, Any]]:
    """Reads the journal, without a last line that is incomplete."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]
