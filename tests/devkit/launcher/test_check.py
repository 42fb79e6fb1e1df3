"""`make test` runs every step, and one that fails is enough to fail."""

import io
import sys

import pytest
from rich.console import Console

from devkit import check
from devkit.launcher.screen import Screen


def step(name: str, code: int) -> check.Step:
    return check.Step(name=name, command=[sys.executable, "-c", f"raise SystemExit({code})"])


def test_a_failing_step_fails_the_whole_and_later_steps_still_run() -> None:
    shown = io.StringIO()

    code = check.check([step("ruff", 1), step("pytest", 0)], Screen(Console(file=shown)))

    assert code == 1
    summary = shown.getvalue().splitlines()[-2:]
    assert [line.split()[:2] for line in summary] == [["✗", "ruff"], ["✓", "pytest"]]


def test_all_steps_passed_is_a_pass() -> None:
    assert check.check([step("ruff", 0)], Screen(Console(file=io.StringIO()))) == 0


def test_given_arguments_only_pytest_runs(capfd: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--version"]) == 0
    assert capfd.readouterr().out.startswith("pytest ")


def test_every_step_names_a_command_that_exists() -> None:
    assert [one.name for one in check.steps()] == ["ruff format", "ruff check", "mypy", "import-linter", "pytest"]
    assert check.script("lint-imports").startswith(str(sys.prefix))
