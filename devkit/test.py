"""`make test`: everything that a change has to pass, or, given pytest's arguments, only the tests that they choose."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from devkit import python313
from devkit.azurite.install import InstallError, ensure_azurite
from devkit.bootstrap import ROOT
from devkit.check import PYTEST, Step, run, run_side_by_side, steps, sum_up
from devkit.kusto import ensure_parser
from devkit.launcher.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Sequence

COVERAGE = ["--cov", "--cov-config=tests/coverage.ini", "--cov-report=term", "--cov-fail-under=100"]


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = list(sys.argv[1:] if arguments is None else arguments)
    if chosen:
        return subprocess.call([*PYTEST, *chosen], cwd=ROOT)
    screen = Screen()
    is_wanted = not python313.is_this_one()
    second = python313.find(os.environ) if is_wanted else None
    missing = is_wanted and second is None
    if missing and os.environ.get("REQUIRE_PYTHON313"):
        screen.fail(f"REQUIRE_PYTHON313 is set and {python313.why_there_is_none(os.environ)}")
        return 1
    with ThreadPoolExecutor(1) as beside:
        installed = beside.submit(install, screen)
        results = run_side_by_side(without_io(), screen)
    try:
        installed.result()
    except InstallError as reason:
        sum_up(results, screen)
        screen.fail(str(reason))
        return 1
    results += [run(step, screen) for step in with_io(second)]
    code = sum_up(results, screen)
    if missing:
        screen.warn(f"not run: {', '.join(python313.NEEDS_IT)}; {python313.why_there_is_none(os.environ)}")
    return code


def install(screen: Screen) -> None:
    """Not left to the first test that needs it, whose time-out would count the download."""
    ensure_azurite(screen.note)
    ensure_parser(screen.note)


def without_io() -> list[Step]:
    """Only the tests that have to cover the model and the flow are measured: it doubles the time of what computes."""
    return steps(*COVERAGE)


def with_io(second_python: str | None = None) -> list[Step]:
    """These tests wait for most of their time, so more of them go side by side than a small machine has cores.

    Each worker begins with neighbouring tests, which share what a module starts, and takes over from a slower one.
    """
    side_by_side = ["-n", "6", "--dist", "worksteal"]
    others = Step(name="other tests", command=[*PYTEST, "-q", *side_by_side, "-m", "not quick", "tests"])
    second = [Step(name="Python 3.13", command=[second_python, "-m", "devkit.python313"])] if second_python else []
    return [others, *second]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
