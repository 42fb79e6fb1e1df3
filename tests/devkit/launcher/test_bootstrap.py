"""`.venv` is made once, made whole, and made by one process at a time."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from devkit import bootstrap
from devkit.launcher.lock import FileLock

ROOT = Path(__file__).parents[3]
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# The smallest build backend there is, so that nothing has to come over the network.
BACKEND = """
import zipfile

DEPENDENCY = ""

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        extras = "".join(f"Provides-Extra: {extra}\\n" for extra in ("ops", "devkit", "dev"))
        metadata = f"Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n{extras}{DEPENDENCY}"
        wheel.writestr("tiny-1.dist-info/METADATA", metadata)
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "")
    return name
"""


START = """
import pathlib, sys
from devkit.bootstrap import prepare
print(prepare("run", pathlib.Path(sys.argv[1])))
"""


def make_project(root: Path) -> Path:
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "requirements.txt").write_text("")
    (root / "backend.py").write_text(BACKEND)
    return root


@dataclass(frozen=True)
class FirstRun:
    root: Path
    said: str


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """A first run that comes upon a .venv which another left half made."""
    root = make_project(tmp_path_factory.mktemp("project"))
    python = bootstrap.python_of(root / ".venv")
    python.parent.mkdir(parents=True)
    python.write_text("half a program")
    with redirect_stdout(StringIO()) as said:
        bootstrap.prepare("run", root)
    return FirstRun(root, said.getvalue())


@pytest.fixture
def installed(repaired: FirstRun) -> Path:
    """A project with what `run` needs in its .venv; each test leaves it ready again."""
    return repaired.root


def change(root: Path) -> None:
    with (root / "requirements.txt").open("a") as file:
        file.write(f"# {time.time_ns()}\n")


def test_a_second_start_installs_nothing_and_is_quick(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bootstrap.prepare("run", installed)
    capsys.readouterr()
    started = time.monotonic()

    python = bootstrap.prepare("run", installed)

    assert time.monotonic() - started < 1
    assert capsys.readouterr().out == ""
    assert Path(python).is_relative_to(installed / ".venv")


def test_what_else_a_command_needs_is_added_to_the_same_venv(installed: Path) -> None:
    bootstrap.prepare("run", installed)
    mark = installed / ".venv" / "mark"
    mark.touch()

    bootstrap.prepare("test", installed)

    assert mark.exists()
    assert bootstrap.is_ready(installed / ".venv", "run", installed)


def test_a_change_of_what_is_needed_is_installed(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bootstrap.prepare("run", installed)
    change(installed)

    bootstrap.prepare("run", installed)

    assert "installing into .venv what run needs" in capsys.readouterr().out


def test_a_venv_of_another_python_will_not_do(installed: Path) -> None:
    bootstrap.prepare("run", installed)
    stamp = bootstrap.stamp_of(installed / ".venv")
    kept = stamp.read_text()

    stamp.write_text(json.dumps({**json.loads(kept), "python": "3.2"}))

    assert not bootstrap.is_ready(installed / ".venv", "run", installed)
    stamp.write_text(kept)


def test_a_half_made_venv_is_repaired(repaired: FirstRun) -> None:
    assert subprocess.call([bootstrap.python_of(repaired.root / ".venv"), "-c", "import pip"]) == 0
    assert repaired.said.startswith("first run")


@pytest.mark.skipif(os.name == "nt", reason="a link needs a privilege there")
@pytest.mark.parametrize("stamped", [True, False], ids=["made by devkit", "made by something else"])
def test_a_link_to_the_venv_of_another_clone_is_refused_and_nothing_removed(tmp_path: Path, stamped: bool) -> None:
    other, clone = tmp_path / "other", tmp_path / "clone"
    for root in (other, clone):
        root.mkdir()
        make_project(root)
    (other / ".venv").mkdir()
    (other / ".venv" / "kept").touch()
    if stamped:
        bootstrap.write_stamp(other / ".venv", "check", other)
    before = sorted((other / ".venv").iterdir())
    shutil.copytree(ROOT / "devkit", clone / "devkit", ignore=shutil.ignore_patterns("__pycache__"))
    (clone / ".venv").symlink_to(other / ".venv")

    command = [sys.executable, "-m", "devkit", "check"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{clone / '.venv'} is a link to {other / '.venv'}" in done.stderr
    assert "remove the link" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted((other / ".venv").iterdir()) == before
    assert (clone / ".venv").is_symlink()


def test_two_starts_at_once_install_once(installed: Path) -> None:
    bootstrap.prepare("run", installed)
    change(installed)
    start = [sys.executable, "-c", START, str(installed)]

    both = [subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert sum(output.count("installing into .venv what run needs") for output in outputs) == 1


def test_an_installation_into_another_folder_is_not_waited_for(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap.prepare("run", installed)
    change(installed)

    with FileLock(bootstrap.lock_of(installed / ".venv-3.13")):
        bootstrap.prepare("run", installed)

    assert "waiting" not in capsys.readouterr().out


def test_without_a_network_one_line_says_what_to_do(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = installed / "backend.py"
    backend.write_text(BACKEND.replace('DEPENDENCY = ""', 'DEPENDENCY = "Requires-Dist: leadpipe-needs-this\\n"'))
    change(installed)
    for name, value in {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(bootstrap.BootstrapError) as raised:
        bootstrap.prepare("run", installed)

    assert str(raised.value).startswith("the Python package index cannot be reached: connect this machine, or set")
    assert "\n" not in str(raised.value)
    backend.write_text(BACKEND)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (errno.ENOSPC, "the disk is full: make room, then run again"),
        (errno.EROFS, "/clone/.devkit cannot be written: use a clone in a folder of your own"),
        (errno.EACCES, "/clone/.devkit cannot be written: use a clone in a folder of your own"),
    ],
)
def test_a_folder_that_cannot_be_written_gets_one_line(number: int, line: str, tmp_path: Path) -> None:
    assert bootstrap.explain(OSError(number, "no", "/clone/.devkit"), tmp_path) == line
