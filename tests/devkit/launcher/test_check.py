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
from tests.conftest import pytest_collection_modifyitems

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
    assert [one.name for one in test.steps()] == [*STATIC, "quick tests", "other tests"]
    assert [one.name for one in test.steps("python3.13")] == [*STATIC, "quick tests", "other tests", "Python 3.13"]
    assert [one.name for one in [*check.static_checks(), check.quick_tests()]] == [*STATIC, "quick tests"]
    assert check.script("lint-imports").startswith(str(sys.prefix))


def test_every_test_is_in_one_of_the_two_runs_of_pytest() -> None:
    quick, others = ([*step.command] for step in test.steps()[-2:])

    assert quick[quick.index("-m", 3) + 1] == "quick"
    assert others[others.index("-m", 3) + 1] == "not quick"
    assert others[-1] == "tests"


def test_the_quick_tests_are_the_unit_tests_and_the_documents_without_the_slow_ones() -> None:
    command = check.quick_tests().command
    paths = [word for word in command if word.startswith("tests/")]

    assert {"tests/unit", "tests/test_agreement.py"} <= {*paths}
    assert all((ROOT / path).exists() for path in paths)
    assert {path.name for path in (ROOT / "tests").glob("test_*.py")} | {"unit"} == {Path(path).name for path in paths}


@pytest.mark.parametrize(
    ("place", "mark", "is_quick"),
    [
        ("tests/unit/flow/test_intake.py", None, True),
        ("tests/test_agreement.py", None, True),
        ("tests/unit/flow/test_outages.py", "slow", False),
        ("tests/ports/test_ledger.py", None, False),
    ],
)
def test_a_test_is_quick_by_its_place_and_unless_it_is_marked_slow(
    place: str, mark: str | None, is_quick: bool, request: pytest.FixtureRequest
) -> None:
    item = pytest.Function.from_parent(request.node.parent, name="test_something", callobj=lambda: None)
    item.path = ROOT / place
    if mark:
        item.add_marker(mark)

    pytest_collection_modifyitems([item])

    assert (item.get_closest_marker("quick") is not None) is is_quick


def test_the_quick_check_takes_no_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--fast"]) == 2
    assert capsys.readouterr().err.startswith("usage: python3 -m devkit check")


def test_each_line_of_the_makefile_is_a_command_that_knows_what_to_install() -> None:
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "-m devkit" in line]

    assert {line.partition(":")[0] for line in lines} == {*COMMANDS} == {*EXTRAS}
