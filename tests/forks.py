"""The nursery's side of tests/forked_python.py: for each caller a fork, which does what `python ARGUMENT…` does."""

import atexit
import io
import marshal
import os
import random
import runpy
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from tests.forked_python import whole

STREAMS = ("stdin", "stdout", "stderr")


class Ignored:
    """Passes an exception to sys.unraisablehook, which nothing but Python itself can call."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __del__(self) -> None:
        raise self._error


class Forks:
    """`listener`: where callers connect. `python`: the command that they are, which a fork takes for its Python."""

    def __init__(self, listener: int, *, python: str) -> None:
        self._listener = socket.socket(fileno=listener)
        self._listener.set_inheritable(False)
        self._python = python
        self._callers: dict[int, socket.socket] = {}

    @property
    def watched(self) -> list[socket.socket]:
        return [self._listener, *self._callers.values()]

    def look(self, ready: list[int | socket.socket], in_the_child: Callable[[], None]) -> None:
        """Takes new callers, and ends the processes of those that hung up."""
        for pid, caller in self._callers.items():
            if caller in ready:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self._listener in ready:
            caller, _ = self._listener.accept()
            self._fork(caller, in_the_child)

    def _fork(self, caller: socket.socket, in_the_child: Callable[[], None]) -> None:
        """A caller may die at any moment; if that is after it has asked, the next look ends what it has asked for."""
        size, streams, _, _ = socket.recv_fds(caller, 4, 3)
        try:
            order = marshal.loads(whole(caller, int.from_bytes(size, "big")))  # noqa: S302 - a process of this test run
        except (EOFError, ConnectionError):
            caller.close()
        else:
            pid = os.fork()
            if pid == 0:
                in_the_child()
                live(*order, streams, self._python)
            self._callers[pid] = caller
            with suppress(OSError):
                caller.sendall(pid.to_bytes(4, "big"))
        for stream in streams:
            os.close(stream)

    def ended(self, pid: int, code: int) -> bool:
        """Whether the process was one of these."""
        caller = self._callers.pop(pid, None)
        if caller is None:
            return False
        with caller, suppress(OSError):
            caller.sendall(code.to_bytes(4, "big", signed=True))
        return True


def live(
    arguments: tuple[str, ...],
    folder: str,
    environment: dict[str, str],
    open_numbers: list[int],
    streams: list[int],
    python: str,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    given = dict(zip(open_numbers, streams, strict=True))
    for number, name in enumerate(STREAMS):
        if number in given:
            os.dup2(given[number], number)
            os.close(given[number])
        else:
            os.close(number)
        stream = open_stream(number) if number in given else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    random.seed()
    sys.executable = python
    path = environment.get("PYTHONPATH")
    sys.path[:] = [*(path.split(os.pathsep) if path else ()), *sys.path[1:]]
    end(code_of(run, *arguments))


def open_stream(number: int) -> io.TextIOWrapper:
    """As Python opens it at its start in UTF-8 mode."""
    mode, errors = "wb" if number else "rb", "backslashreplace" if number == 2 else "surrogateescape"
    at_once = bool(os.environ.get("PYTHONUNBUFFERED"))
    file = open(number, mode, 0 if number and at_once else -1, closefd=False)  # noqa: SIM115 - it stays open
    by_line = not at_once and (number == 2 or os.isatty(number))
    return io.TextIOWrapper(file, "utf-8", errors, line_buffering=by_line, write_through=at_once)


def run(how: str, *arguments: str) -> None:
    if how == "-m":
        sys.argv = [*arguments]
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as Python does it
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    elif how == "-c":
        sys.argv = ["-c", *arguments[1:]]
        sys.path.insert(0, "")
        exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    else:
        sys.argv = [how, *arguments]
        sys.path.insert(0, str(Path(how).resolve().parent))
        runpy.run_path(how, run_name="__main__")


def code_of(program: Callable[..., None], *arguments: str) -> int:
    try:
        program(*arguments)
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        sys.stderr.write(f"{leaving.code}\n")
        return 1
    except BaseException as error:  # noqa: BLE001 - as Python does it
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def end(code: int) -> NoReturn:
    """Does what is seen of Python's end. The rest of it, the clearing of all modules, is most of what a start costs."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except OSError as error:
            code = 120
            if stream is sys.stdout:
                Ignored(error)
    os._exit(code)
