"""Starts the worker process and carries messages to and from it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devkit.functions_host.link import Invocation, Link, LinkLostError

_PROJECT = Path(__file__).parents[2]
# How long what a dead process has sent may take to be read.
_LAST_WORDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process that has just begun. `reap` waits for its end."""

    pid: int
    link: Link
    reap: Callable[[], object]


def start_process(command: Sequence[str]) -> Started:
    """Run `python -m COMMAND`; its stdin and stdout are the link."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=_PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both were asked for as pipes")
    return Started(pid=process.pid, link=Link(reader=process.stdout, writer=process.stdin), reap=process.wait)  # type: ignore[arg-type]


class WorkerProcess:
    """Thread-safe. `on_message` and `on_end` are called on threads of its own, `on_end` last and once."""

    # How one is started; a test may have a quicker way.
    start: Callable[[Sequence[str]], Started] = staticmethod(start_process)

    def __init__(
        self,
        command: Sequence[str],
        *,
        on_message: Callable[["WorkerProcess", object], None],
        on_end: Callable[["WorkerProcess"], None],
    ) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._process = type(self).start(command)
        self.pid = self._process.pid
        self._receiver = threading.Thread(target=self._receive, name=f"worker-{self.pid}", daemon=True)
        self._receiver.start()
        threading.Thread(target=self._wait, name=f"end-of-worker-{self.pid}", daemon=True).start()

    def send(self, invocation: Invocation) -> None:
        """Send it. If the process is gone, `on_end` says so, not this."""
        try:
            self._process.link.send(invocation)
        except LinkLostError:
            return

    def kill(self) -> None:
        with suppress(ProcessLookupError):  # it died a moment ago
            os.kill(self.pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def _receive(self) -> None:
        try:
            while True:
                self._on_message(self, self._process.link.receive())
        except LinkLostError:
            self.kill()  # it may live on without a link

    def _wait(self) -> None:
        """Wait for the process itself: one that it forked may keep the link open."""
        try:
            self._process.reap()
        finally:
            self._receiver.join(_LAST_WORDS)
            if not self._receiver.is_alive():
                self._process.link.close()
            self._on_end(self)
