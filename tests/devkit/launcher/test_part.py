"""A part is known to be up when it says so, and never outlives the one that started it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devkit.launcher.part import Part, PartError

ROOT = Path(__file__).parents[3]
MakePart = Callable[[str], Part]
SERVE = "import signal; print('listening there'); signal.pause()"
# Starts a program of its own, tells both process ids, and takes no notice of a gentle end.
STUBBORN = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
print(f"listening {os.getpid()} {child.pid}")
signal.pause()
"""
LAUNCHER = """
import pathlib, signal, sys
from devkit.launcher.part import Part
part = Part("stubborn", lambda: [sys.executable, "-c", sys.argv[1]], log=pathlib.Path(sys.argv[2]), grace=0.2)
part.start()
print(part.wait_until_ready(20), flush=True)
signal.pause()
"""


@pytest.fixture
def part(tmp_path: Path) -> Iterator[MakePart]:
    made: list[Part] = []

    def make(program: str) -> Part:
        made.append(Part("tiny", lambda: [sys.executable, "-c", program], log=tmp_path / "logs" / "tiny.log"))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def wait_until_gone(pids: list[int]) -> None:
    """Waits for processes that are not this one's children: their /proc entry, or the test's time-out."""
    while any(is_running(pid) for pid in pids):
        threading.Event().wait(0.02)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_part_is_up_when_it_says_where_it_listens(part: MakePart) -> None:
    server = part(SERVE)
    server.start()

    assert server.wait_until_ready(20) == "there"


def test_a_part_that_ends_before_it_is_up_is_told_with_its_last_lines(part: MakePart) -> None:
    failing = part("import sys; print('no luck', file=sys.stderr); sys.exit(70)")
    failing.start()

    with pytest.raises(PartError, match=r"tiny ended with exit code 70\n  no luck"):
        failing.wait_until_ready(20)


def test_a_part_that_says_nothing_in_time_is_ended(part: MakePart) -> None:
    silent = part("import signal; signal.pause()")
    silent.start()

    with pytest.raises(PartError, match="tiny did not come up within 0 s"):
        silent.wait_until_ready(0.1)
    assert silent.wait() != 0


def test_all_that_a_part_says_is_in_its_log(part: MakePart) -> None:
    talker = part("print('one'); print('two é'); print('listening x'); print('three')")
    talker.start()
    talker.wait_until_ready(20)
    talker.wait()
    talker.stop()

    assert talker.log.read_text(encoding="utf-8").splitlines() == ["one", "two é", "listening x", "three"]


def test_an_end_that_nobody_asked_for_is_reported_with_its_code(part: MakePart) -> None:
    ended, codes = threading.Event(), []
    dying = part("import os; print('listening x'); os._exit(71)")
    dying.on_end = lambda code: (codes.append(code), ended.set())[0]
    dying.start()

    assert ended.wait(20)
    assert codes == [71]


def test_a_stop_is_not_reported_as_an_end(part: MakePart) -> None:
    codes: list[int] = []
    server = part(SERVE)
    server.on_end = codes.append
    server.start()
    server.wait_until_ready(20)

    server.stop()

    assert codes == []


def test_a_part_can_finish_what_it_does_before_it_stops(part: MakePart) -> None:
    server = part(
        "import signal, sys, threading\n"
        "told = threading.Event()\n"
        "signal.signal(signal.SIGTERM, lambda *_: told.set())\n"
        "print('listening x'); told.wait(); print('finished')"
    )
    server.start()
    server.wait_until_ready(20)

    server.stop()

    assert server.log.read_text().endswith("finished\n")


def test_what_a_part_started_is_ended_when_the_part_dies(part: MakePart) -> None:
    parent = part(STUBBORN)
    parent.start()
    own, child = map(int, parent.wait_until_ready(20).split())

    os.kill(own, signal.SIGKILL)

    wait_until_gone([child])


def test_a_killed_launcher_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LAUNCHER, STUBBORN, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout
        pids = [int(pid) for pid in launcher.stdout.readline().split()]
        launcher.kill()
        launcher.wait()

    assert len(pids) == 2
    wait_until_gone(pids)
