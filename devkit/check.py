"""`make check`: lint, types, import rules and the quick tests, in less than a minute. `make test` runs everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.bootstrap import ROOT
from devkit.launcher.screen import Screen, Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTEST = [sys.executable, "-m", "pytest"]
# Its output goes through a pipe, where pytest would use no colours.
QUICK = [*PYTEST, "-q", *(["--color=yes"] if sys.stdout.isatty() else []), "-m", "quick"]
# The tests that have to reach each branch of the model and the flow.
COVERING = ["tests/unit/model", "tests/unit/flow", "tests/unit/test_guard.py"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    name: str
    command: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    step: Step
    passed: bool
    seconds: float
    output: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    if sys.argv[1:] if arguments is None else arguments:
        print("usage: python3 -m devkit check   (it takes no options; `test` takes those of pytest)", file=sys.stderr)
        return 2
    screen = Screen()
    return sum_up(run_side_by_side(steps(), screen), screen)


def steps(*coverage: str) -> list[Step]:
    """What needs no I/O. `coverage`: pytest's options for the tests that are measured, which takes twice as long."""
    return [*static_checks(), quick_tests(), covering_tests(*coverage)]


def static_checks() -> list[Step]:
    python = [sys.executable, "-m"]
    return [
        Step(name="ruff format", command=[*python, "ruff", "format", "--check", "."]),
        Step(name="ruff check", command=[*python, "ruff", "check", "."]),
        Step(name="mypy", command=[*python, "mypy"]),
        Step(name="import-linter", command=[script("lint-imports")]),
    ]


def quick_tests() -> Step:
    """The tests without I/O, and those that compare the documents with the code; none of them starts Azurite."""
    documents = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_*.py"))
    places = ["tests/unit", *documents, *(f"--ignore={place}" for place in COVERING)]
    return Step(name="quick tests", command=[*QUICK, *places])


def covering_tests(*options: str) -> Step:
    return Step(name="covering tests", command=[*QUICK, *options, *COVERING])


def run_side_by_side(steps: Sequence[Step], screen: Screen) -> list[Result]:
    """Runs as many steps at a time as there are cores, and shows what each said when it has ended.

    The later steps run also when an earlier one fails: whoever corrects a change wants the whole list.
    """
    screen.heading(f"side by side, each shown when it has ended: {', '.join(step.name for step in steps)}")
    processes: list[subprocess.Popen[str]] = []
    pool = ThreadPoolExecutor(os.cpu_count())
    running = [pool.submit(hear, step, processes) for step in steps]
    try:
        for ended in as_completed(running):
            screen.blank()
            show(ended.result(), screen)
            print(ended.result().output, end="", flush=True)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        raise
    return [ended.result() for ended in running]


def hear(step: Step, processes: list[subprocess.Popen[str]]) -> Result:
    stopwatch = Stopwatch()
    with subprocess.Popen(
        step.command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        processes.append(process)
        output, _ = process.communicate()
    return Result(step=step, passed=process.returncode == 0, seconds=stopwatch.seconds, output=output)


def run(step: Step, screen: Screen) -> Result:
    screen.heading(step.name)
    stopwatch = Stopwatch()
    passed = subprocess.call(step.command, cwd=ROOT) == 0
    return Result(step=step, passed=passed, seconds=stopwatch.seconds)


def sum_up(results: Sequence[Result], screen: Screen) -> int:
    screen.blank()
    for each in results:
        show(each, screen)
    return 0 if all(each.passed for each in results) else 1


def show(result: Result, screen: Screen) -> None:
    (screen.done if result.passed else screen.failed)(result.step.name, seconds=result.seconds)


def script(name: str) -> str:
    """The path of a command that pip installed beside this Python, for one that `python -m` cannot start."""
    folder = Path(sys.executable).parent
    return shutil.which(name, path=str(folder)) or str(folder / name)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
