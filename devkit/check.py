"""`make test`: everything that a change has to pass, or, given pytest's arguments, only the tests they choose."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.azurite.install import InstallError, ensure_azurite
from devkit.bootstrap import ROOT
from devkit.launcher.screen import Screen, Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTEST = [sys.executable, "-m", "pytest"]
COVERAGE = ["--cov", "--cov-config=tests/coverage.ini", "--cov-report=term", "--cov-fail-under=100"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    name: str
    command: Sequence[str]


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = list(sys.argv[1:] if arguments is None else arguments)
    if chosen:
        return subprocess.call([*PYTEST, *chosen], cwd=ROOT)
    return check(steps(), Screen())


def steps() -> list[Step]:
    python = [sys.executable, "-m"]
    return [
        Step(name="ruff format", command=[*python, "ruff", "format", "--check", "."]),
        Step(name="ruff check", command=[*python, "ruff", "check", "."]),
        Step(name="mypy", command=[*python, "mypy"]),
        Step(name="import-linter", command=[script("lint-imports")]),
        Step(name="pytest", command=[*PYTEST, "-n", "3", *COVERAGE]),
    ]


def check(steps: Sequence[Step], screen: Screen) -> int:
    """Runs all checks, even if one fails, so that the whole list is known."""
    try:
        # Before the tests, so that no test's time-out includes the download.
        ensure_azurite(screen.note)
    except InstallError as reason:
        screen.fail(str(reason))
        return 1
    results = [(step.name, *run(step, screen)) for step in steps]
    screen.blank()
    for name, passed, seconds in results:
        (screen.done if passed else screen.failed)(name, seconds=seconds)
    return 0 if all(passed for _, passed, _ in results) else 1


def run(step: Step, screen: Screen) -> tuple[bool, float]:
    screen.heading(step.name)
    stopwatch = Stopwatch()
    passed = subprocess.call(step.command, cwd=ROOT) == 0
    return passed, stopwatch.seconds


def script(name: str) -> str:
    """Finds a command that pip installed beside this Python and that has no `-m`."""
    folder = Path(sys.executable).parent
    return shutil.which(name, path=str(folder)) or str(folder / name)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
