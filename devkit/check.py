"""`make check`: lint, types, import rules and the quick tests, in less than a minute. `make test` runs everything."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.bootstrap import ROOT
from devkit.launcher.screen import Screen, Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTEST = [sys.executable, "-m", "pytest"]
QUICK = [*PYTEST, "-q", "-n", "2", "-m", "quick"]
# The tests that have to reach each branch of the model and the flow.
COVERING = ["tests/unit/model", "tests/unit/flow", "tests/unit/test_guard.py"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    name: str
    command: Sequence[str]


def main(arguments: Sequence[str] | None = None) -> int:
    if sys.argv[1:] if arguments is None else arguments:
        print("usage: python3 -m devkit check   (it takes no options; `test` takes those of pytest)", file=sys.stderr)
        return 2
    return run_all([*static_checks(), quick_tests()], Screen())


def static_checks() -> list[Step]:
    python = [sys.executable, "-m"]
    return [
        Step(name="ruff format", command=[*python, "ruff", "format", "--check", "."]),
        Step(name="ruff check", command=[*python, "ruff", "check", "."]),
        Step(name="mypy", command=[*python, "mypy"]),
        Step(name="import-linter", command=[script("lint-imports")]),
    ]


def quick_tests(*, without: Sequence[str] = ()) -> Step:
    """The tests without I/O, and those that compare the documents with the code; none of them starts Azurite."""
    documents = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_*.py"))
    places = ["tests/unit", *documents, *(f"--ignore={place}" for place in without)]
    return Step(name="quick tests", command=[*QUICK, *places])


def covering_tests(*options: str) -> Step:
    return Step(name="covering tests", command=[*QUICK, *options, *COVERING])


def run_all(steps: Sequence[Step], screen: Screen) -> int:
    """Runs the later steps also when an earlier one fails: whoever corrects a change wants the whole list."""
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
    """The path of a command that pip installed beside this Python, for one that `python -m` cannot start."""
    folder = Path(sys.executable).parent
    return shutil.which(name, path=str(folder)) or str(folder / name)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
