"""The host is asked to stop from a signal's handler, which runs between two steps of the thread that waits."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import pytest

from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.errors import EXIT_OK
from devkit.functions_host.host import Choices, Host
from devkit.functions_host.host_json import parse
from tests.devkit.functions_host.helpers import WorkerHere
from tests.host_process import ROOT

if TYPE_CHECKING:
    from devkit.functions_host.http_server import HttpServer

MORE_STEPS_THAN_A_WAIT_HAS = 40


class NoServer:
    """Takes no time to stop."""

    def start(self, _answer: object) -> None: ...

    def stop(self) -> None: ...

    def join(self, _deadline: float) -> bool:
        return True


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(
        functions=[],
        options=parse({"version": "2.0"}, {}),
        choices=Choices(data=tmp_path),
        server=cast("HttpServer", NoServer()),
        dispatcher=Dispatcher(start_worker=WorkerHere, function_timeout=None),
    )


def acting_at(step: int, action: Callable[[], None]) -> Callable[..., Any]:
    """For `sys.settrace`: acts between two steps of the interpreter, after so many of them."""
    steps = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
        nonlocal steps
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        if event == "opcode" and steps == step:
            sys.settrace(None)
            action()
        return trace

    return trace


@pytest.mark.parametrize("step", range(1, MORE_STEPS_THAN_A_WAIT_HAS))
def test_a_signal_at_any_step_of_the_wait_stops_the_host(host: Host, step: int) -> None:
    codes: list[int] = []

    def wait() -> None:
        sys.settrace(acting_at(step, host.ask_to_stop))
        codes.append(host.wait())

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    late = threading.Timer(0.05, host.ask_to_stop)  # for a step that comes only after the wait
    late.start()
    thread.join(5)
    late.cancel()
    assert codes == [EXIT_OK]


UNINTERRUPTED = """
import os, signal, sys, threading
from pathlib import Path
from tests.devkit.functions_host.test_stop import NoServer
from devkit.functions_host.__main__ import _stop_on_signals
from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.host import Choices, Host
from devkit.functions_host.host_json import parse

other = threading.Thread(target=threading.Event().wait, daemon=True)
other.start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
options = parse({"version": "2.0"}, {})
dispatcher = Dispatcher(start_worker=lambda **_: None, function_timeout=None)
host = Host(functions=[], options=options, choices=Choices(data=Path()), server=NoServer(), dispatcher=dispatcher)
_stop_on_signals(host)
threading.Timer(0.2, lambda: signal.pthread_kill(other.ident, signal.SIGTERM)).start()
sys.exit(host.wait())
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="Windows has no signals for threads")
def test_a_signal_that_does_not_interrupt_the_wait_stops_the_host() -> None:
    ended = subprocess.run([sys.executable, "-c", UNINTERRUPTED], cwd=ROOT, timeout=30, check=False)
    assert ended.returncode == EXIT_OK


def test_an_error_that_nothing_handles_ends_the_host_with_0_and_is_logged(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.fail(RuntimeError("no storage"))
    assert host.wait() == EXIT_OK
    assert "An unhandled exception has occurred. Host is shutting down." in caplog.text
    assert "no storage" in caplog.text
