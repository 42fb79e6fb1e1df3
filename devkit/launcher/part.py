"""Runs one program of the launcher: starts it on a leash, logs it, knows when it is ready, ends all that it started.

Only their owner may read its files and its log.
"""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from devkit.bootstrap import ROOT
from devkit.launcher.private import UMASK, open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

LISTENING = "listening "
# Longer than the functions host waits for running functions.
GRACE_SECONDS = 15.0


class PartError(Exception):
    """A part did not start; the text ends with the part's last lines."""


class Part:
    """`command` is called at every start, so that a restart can use the same ports.

    `on_line`, `on_ready` and `on_end` run on the part's own threads; `on_end` comes last, only for an unexpected end.
    Not thread-safe otherwise: only one thread may call it.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[], Sequence[str]],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        ready: Callable[[str], str | None] | None = None,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.name = name
        self.log = log
        self.address = ""
        self.on_line: Callable[[str], None] = lambda _line: None
        self.on_ready: Callable[[], None] = lambda: None
        self.on_end: Callable[[int], None] = lambda _code: None
        self._command = command
        self._environment = dict(os.environ if environment is None else environment)
        self._ready = ready or address_after_listening
        self._grace = grace
        self._tail: collections.deque[str] = collections.deque(maxlen=12)
        self._process: subprocess.Popen[str] | None = None
        self._watcher: threading.Thread | None = None
        self._settled = threading.Event()
        self._is_up = False
        self._stopping = False

    def start(self) -> None:
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._settled, self._is_up, self._stopping = threading.Event(), False, False
        self._tail.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "devkit.launcher.leash", str(self._grace), *self._command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**self._environment, "PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
            start_new_session=True,
            umask=UMASK,
        )
        self._watcher = threading.Thread(target=self._watch, args=(self._process,), daemon=True)
        self._watcher.start()

    def wait_until_ready(self, timeout: float) -> str:
        """Gives the address that the part listens on. Raises PartError if it ends, or is not ready in time."""
        in_time = self._settled.wait(timeout)
        if self._is_up:
            return self.address
        reason = f"ended with {self._code()}" if in_time else f"did not come up within {timeout:.0f} s"
        if not in_time:
            self.kill()
        raise PartError("\n".join([f"{self.name} {reason}", *self.last_lines()]))

    def wait(self) -> int:
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """Ends the part, gently first. Does nothing if it has ended."""
        self.let_go()
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self._grace + 2)
            self.kill()

    def let_go(self) -> None:
        """Asks the part to end without waiting, so that several parts can end at the same time."""
        self._stopping = True
        if self._process:
            release(self._process)

    def kill(self) -> None:
        self._stopping = True
        if self._process is None:
            return
        kill_group(self._process)
        self._process.wait()
        if self._watcher and self._watcher is not threading.current_thread():
            self._watcher.join()

    def strike(self) -> None:
        """Kills it as something else would, so that `on_end` follows."""
        if self._process:
            kill_group(self._process)

    def last_lines(self) -> list[str]:
        return [f"  {line}" for line in self._tail]

    def _watch(self, process: subprocess.Popen[str]) -> None:
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        code = process.wait()
        # Ends with the program: processes that it left behind may keep the pipe open.
        kill_group(process)
        reader.join()
        release(process)
        self._settled.set()
        if not self._stopping:
            self.on_end(code)

    def _read(self, process: subprocess.Popen[str]) -> None:
        with (
            open(self.log, "a", encoding="utf-8", opener=open_private) as log,
            process.stdout or contextlib.nullcontext(()) as lines,
        ):
            for line in lines:
                log.write(line)
                log.flush()
                text = line.rstrip("\n")
                self._tail.append(text)
                address = None if self._is_up else self._ready(text)
                if address is None:
                    self.on_line(text)
                    continue
                self.address, self._is_up = address, True
                self.on_ready()
                self._settled.set()

    def _code(self) -> str:
        return describe(self._process.wait()) if self._process else "nothing"


def address_after_listening(line: str) -> str | None:
    return line.removeprefix(LISTENING) if line.startswith(LISTENING) else None


def describe(code: int) -> str:
    if code < 0 or code > 128:
        return f"signal {-code if code < 0 else code - 128}"
    return f"exit code {code}"


def release(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kills the leash's process group, which has what a dead program left behind."""
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
