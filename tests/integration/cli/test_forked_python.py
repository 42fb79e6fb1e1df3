"""What the tests start in place of Python has to do the same."""

import marshal
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.conftest import bare_environment

PROGRAMS = {
    "what it is given": "import os, sys; print(sys.argv, os.getcwd(), os.environ['GIVEN'], sys.stdin.read())",
    "an exit code": "raise SystemExit(7)",
    "words for an exit code": "raise SystemExit('it cannot')",
    "words at its end": "import atexit, threading\n"
    "atexit.register(print, 'last'); threading.Timer(0.1, print, ['first']).start()",
    "an exception": "import sys; sys.excepthook = lambda kind, error, trace: print(kind.__name__, error); 1 / 0",
    "a signal": f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})",
    "closed streams": "import sys; open('said', 'w').write(repr([sys.stdin, sys.stdout, sys.stderr]))",
    "another encoding": "import sys; print([(s.encoding, s.errors) for s in (sys.stdin, sys.stdout, sys.stderr)])",
    "a full disk": "print('lost')",
}
REDIRECTED = {"closed streams": "<&- >&- 2>&-", "a full disk": ">/dev/full"}


def ran(python: str, what: str, folder: Path) -> tuple[int, str, str, str]:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" one "two  2" {REDIRECTED.get(what, "")}', python, PROGRAMS[what]],
        cwd=folder,
        env={**bare_environment(), "GIVEN": "thîs"},
        capture_output=True,
        encoding="utf-8",
        input="typed",
        timeout=60,
        check=False,
    )
    said = folder / "said"
    written = said.read_text() if said.exists() else ""
    said.unlink(missing_ok=True)
    return done.returncode, done.stdout, done.stderr.partition(":")[0], written


@pytest.mark.skipif(os.name == "nt", reason="there are no forks on Windows")
@pytest.mark.parametrize("what", PROGRAMS)
def test_a_fork_does_and_leaves_what_a_started_python_does(what: str, python: str, tmp_path: Path) -> None:
    assert ran(python, what, tmp_path) == ran(sys.executable, what, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="there are no forks on Windows")
@pytest.mark.parametrize("sent", ["nothing", "half an order", "an order"])
def test_a_caller_that_dies_before_it_is_answered_leaves_nothing_behind(sent: str, python: str, tmp_path: Path) -> None:
    waits = marshal.dumps((("-c", "import time; time.sleep(600)"), str(tmp_path), bare_environment(), [1]))
    order = {"nothing": b"", "half an order": waits[:20], "an order": waits}[sent]
    reads, writes = os.pipe()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(Path(python).with_name("socket")))
        caller.shutdown(socket.SHUT_RD)
        if order:
            socket.send_fds(caller, [len(waits).to_bytes(4, "big")], [writes])
            caller.sendall(order)
        os.close(writes)
        caller.shutdown(socket.SHUT_WR)
        with os.fdopen(reads, "rb") as stdout:
            assert stdout.read() == b""
    assert ran(python, "an exit code", tmp_path)[0] == 7
