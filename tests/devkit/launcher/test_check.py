"""`make check` and `make test` run every step, and one that fails is enough to fail."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from devkit import check, test
from devkit.__main__ import COMMANDS
from devkit.bootstrap import EXTRAS
from devkit.launcher.screen import Screen

ROOT = Path(__file__).parents[3]
STATIC = ["ruff format", "ruff check", "mypy", "import-linter"]


def step(name: str, code: int) -> check.Step:
    return check.Step(name=name, command=[sys.executable, "-c", f"raise SystemExit({code})"])


def test_a_failing_step_fails_the_whole_and_later_steps_still_run() -> None:
    shown = io.StringIO()

    code = check.run_all([step("ruff", 1), step("pytest", 0)], Screen(Console(file=shown)))

    assert code == 1
    summary = shown.getvalue().splitlines()[-2:]
    assert [line.split()[:2] for line in summary] == [["✗", "ruff"], ["✓", "pytest"]]


def test_all_steps_passed_is_a_pass() -> None:
    assert check.run_all([step("ruff", 0)], Screen(Console(file=io.StringIO()))) == 0


def test_given_arguments_only_pytest_runs(capfd: pytest.CaptureFixture[str]) -> None:
    assert test.main(["--version"]) == 0
    assert capfd.readouterr().out.startswith("pytest ")


def test_every_step_names_a_command_that_exists() -> None:
    assert [one.name for one in test.steps()] == [*STATIC, "unit tests", "other tests"]
    assert [one.name for one in [*check.static_checks(), check.quick_tests()]] == [*STATIC, "quick tests"]
    assert check.script("lint-imports").startswith(str(sys.prefix))


def test_every_test_is_in_one_of_the_two_runs_of_pytest() -> None:
    unit, others = ([*step.command] for step in test.steps()[-2:])
    ignored = [word.removeprefix("--ignore=") for word in others if word.startswith("--ignore=")]

    assert unit[-len(ignored) :] == ignored == check.UNIT_TESTS
    assert [word for word in others if word.startswith("tests")] == ["tests"]


def test_the_quick_tests_are_the_unit_tests_and_the_documents_without_the_slow_ones() -> None:
    command = check.quick_tests().command
    paths = [word for word in command if word.startswith("tests/")]

    assert command[command.index("not slow") - 1] == "-m"
    assert {"tests/unit", "tests/test_agreement.py"} <= {*paths}
    assert all((ROOT / path).exists() for path in paths)


def test_the_quick_check_takes_no_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--fast"]) == 2
    assert capsys.readouterr().err.startswith("usage: python3 -m devkit check")


def test_each_line_of_the_makefile_is_a_command_that_knows_what_to_install() -> None:
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "-m devkit" in line]

    assert {line.partition(":")[0] for line in lines} == {*COMMANDS} == {*EXTRAS}
