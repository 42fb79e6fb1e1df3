"""A lock belongs to one process and goes when that process goes."""

import subprocess
import sys
from pathlib import Path

import pytest

from devkit.launcher.lock import FileLock, Held

ROOT = Path(__file__).parents[3]
HOLDER = """
import pathlib, sys
from devkit.launcher.lock import FileLock
with FileLock(pathlib.Path(sys.argv[1]), shared_with_children=True):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "lock"


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_that_another_process_holds_is_refused(path: Path) -> None:
    with hold(path), pytest.raises(Held), FileLock(path):
        pass


def test_a_lock_whose_holder_was_killed_is_free(path: Path) -> None:
    with hold(path) as holder:
        holder.kill()
        holder.wait()

        with FileLock(path):
            pass


def test_a_lock_can_be_waited_for(path: Path) -> None:
    with hold(path) as holder:
        assert holder.stdin
        # Told that it has to wait, this process makes the other one let go.
        with FileLock(path, while_waiting=holder.stdin.close):
            assert holder.wait() == 0
