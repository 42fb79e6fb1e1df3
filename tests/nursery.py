"""Processes that start in a tenth of a second: forks of one that has imported everything and done nothing.

Each is a process of its own with a command line and environment of its own, and dies alone. Starting some 300 of them
the ordinary way would take longer than all else that the tests do. A host's workers are forks too.
"""

import gc
import importlib
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from devkit.chaos import watched
from devkit.functions_host.link import Link
from devkit.functions_host.worker_process import Started, WorkerProcess
from tests import forked_python
from tests.forks import Forks
from tests.host_process import DEADLINE, ROOT, until

IMPORTED = (
    "azure.data.tables",
    "azure.functions",
    "azure.identity",
    "azure.storage.queue",
    "devkit.chaos.watched",
    "devkit.functions_host.__main__",
    "devkit.functions_host.worker.__main__",
    "devkit.standin.__main__",
    "function_app",
    "leadpipe.cli.app",
    "leadpipe.console.server",
    "leadpipe.dataverse.client",
    "leadpipe.mapping.default",
    "leadpipe.storage.attention",
    "leadpipe.storage.canary_marks",
    "leadpipe.storage.marks",
    "leadpipe.sweep",
    "leadpipe.wiring",
    "msal",
    "netrc",
    "tests.azure_cli",
    "typer._adapters",
)

HOST, WATCHED = "devkit.functions_host.__main__", "devkit.chaos.watched"
# What `python -m` runs of a package.
MAINS = {"devkit.functions_host.worker": "devkit.functions_host.worker.__main__"}

# A line of the log may follow on the same line.
_ADDRESS = re.compile(r"listening (http://[\d.]+:\d+)\D")


@dataclass
class Child:
    pid: int
    output: Path
    returncode: int | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait(self) -> int:
        assert self._ended.wait(DEADLINE), f"it does not end: {self.said}"
        assert self.returncode is not None
        return self.returncode

    def listening(self) -> str:
        """The address of a host that is up; empty where it died as planned before it could say so.

        A message that waits already may be delivered, up to the planned death, before the host says that it listens.
        """
        until(lambda: _ADDRESS.search(self.said) is not None or self._ended.is_set(), "the host's start")
        assert not self._ended.is_set() or self.returncode == -signal.SIGKILL, self.said
        said = _ADDRESS.search(self.said)
        return said[1] if said else ""

    def kill(self) -> None:
        if not self._ended.is_set():
            # It may have ended a moment ago.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def end(self, code: int) -> None:
        self.returncode = code
        self._ended.set()


class Nursery:
    """`python`: a command that takes what Python takes, and forks as well."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="nursery-")
        self._address = str(Path(self._folder.name) / "socket")
        self.python = str(Path(self._folder.name) / "python")
        script = forked_python.SCRIPT.format(python=sys.executable, file=forked_python.__file__, socket=self._address)
        Path(self.python).write_text(script, encoding="utf-8")
        Path(self.python).chmod(0o700)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.nursery", str(listener.fileno()), self.python],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[listener.fileno()],
            )
        self._born: list[Child] = []
        self._birth = threading.Condition()
        self._waiting: Path | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, program: str, arguments: list[str], *, environment: dict[str, str], output: Path) -> Child:
        """`python -m PROGRAM ARGUMENT…`; what it says on stdout and stderr is added to the file `output`."""
        assert self._process.stdin is not None
        output.touch()
        with self._birth:
            self._waiting = output
            before = len(self._born)
            order = {
                "program": program,
                "arguments": arguments,
                "environment": environment,
                "output": str(output),
                "address": self._address,
            }
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            assert self._birth.wait_for(lambda: len(self._born) > before, DEADLINE)
            return self._born[-1]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(DEADLINE)
        self._reader.join()
        self._process.stdout.close()
        self._folder.cleanup()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            news = json.loads(line)
            with self._birth:
                if "born" in news:
                    assert self._waiting is not None
                    self._born.append(Child(news["born"], self._waiting))
                    self._birth.notify_all()
                else:
                    next(child for child in self._born if child.pid == news["ended"]).end(news["code"])


def main() -> None:
    """Forks for each line that comes in, says which child was born and how one ended, and ends with its input.

    Without threads, which a fork would leave half behind.
    """
    forks = Forks(int(sys.argv[1]), python=sys.argv[2])
    for name in IMPORTED:
        __import__(name)
    build_commands_once()
    gc.collect()
    gc.freeze()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    orders = b""
    while True:
        ready, _, _ = select.select([0, woken, *forks.watched], [], [])
        if woken in ready:
            os.read(woken, 1000)
            tell_of_ends(forks)
            continue
        forks.look(ready, as_born)
        if 0 in ready:
            read = os.read(0, 1 << 20)
            if not read:
                return
            *whole, orders = (orders + read).split(b"\n")
            for order in whole:
                bear(json.loads(order))


def build_commands_once() -> None:
    import typer.main

    from tests.command_line import command_line, get_command

    command_line()
    typer.main.get_command = get_command


def bear(order: dict[str, Any]) -> None:
    pid = os.fork()
    if pid == 0:
        as_born()
        live(order)
    say(born=pid)


def as_born() -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Which functions it registers hangs on the environment; and another app's file has the same name.
    sys.modules.pop("function_app")


def tell_of_ends(forks: Forks) -> None:
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if not forks.ended(pid, code):
                say(ended=pid, code=code)


def say(**news: Any) -> None:
    os.write(1, (json.dumps(news) + "\n").encode())


def live(order: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(order["environment"])
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    random.seed()
    WorkerProcess.start = partial(forked_worker, order["address"])  # type: ignore[method-assign, assignment]
    code = importlib.import_module(order["program"]).main(order["arguments"])
    watched.end(code)


def forked_worker(address: str, command: Sequence[str]) -> Started:
    """In place of devkit.functions_host.worker_process.start_process: the nursery forks, since the host has threads."""
    module, *arguments = command
    begin = f"import sys; from {MAINS.get(module, module)} import main as begin"
    (reads, host_writes), (host_reads, writes) = os.pipe(), os.pipe()
    wanted = ("-c", f"{begin}; begin(sys.argv[1:])", *arguments)
    nursery, pid = forked_python.ask(address, wanted, {0: reads, 1: writes, 2: 2})
    for given in (reads, writes):
        os.close(given)
    link = Link(reader=os.fdopen(host_reads, "rb"), writer=os.fdopen(host_writes, "wb"))
    return Started(pid=pid, link=link, reap=partial(forked_python.code_of, nursery))


if __name__ == "__main__":
    main()
