"""`make check` and `make test` run every step, and one that fails is enough to fail."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from devkit import check, test
from devkit.__main__ import COMMANDS
from devkit.bootstrap import EXTRAS
from devkit.launcher.screen import Screen
from tests.conftest import pytest_collection_modifyitems
from tests.host_process import DEADLINE, until

ROOT = Path(__file__).parents[3]
STATIC = ["ruff format", "ruff check", "mypy", "import-linter"]


def step(name: str, code: int) -> check.Step:
    return check.Step(name=name, command=[sys.executable, "-c", f"raise SystemExit({code})"])


def test_a_failing_step_fails_the_whole_and_later_steps_still_run() -> None:
    shown = io.StringIO()
    screen = Screen(Console(file=shown))

    code = check.sum_up(check.run_side_by_side([step("ruff", 1), step("pytest", 0)], screen), screen)

    assert code == 1
    summary = shown.getvalue().splitlines()[-2:]
    assert [line.split()[:2] for line in summary] == [["✗", "ruff"], ["✓", "pytest"]]


def test_all_steps_passed_is_a_pass() -> None:
    screen = Screen(Console(file=io.StringIO()))

    assert check.sum_up([check.run(step("ruff", 0), screen)], screen) == 0


@pytest.mark.skipif(os.cpu_count() == 1, reason="one core takes one step at a time")
def test_two_steps_run_at_a_time_and_each_is_shown_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meet = (
        "import pathlib, sys, time; own, other = map(pathlib.Path, sys.argv[1:]); print('begun', flush=True); "
        "own.touch(); [time.sleep(0.02) for _ in iter(other.exists, True)]; print('met'); "
        "print('stderr', file=sys.stderr)"
    )
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    both = [
        check.Step(name="first", command=[sys.executable, "-c", meet, one, two]),
        check.Step(name="second", command=[sys.executable, "-c", meet, two, one]),
    ]

    results = check.run_side_by_side(both, Screen())

    assert [(each.step.name, each.passed) for each in results] == [("first", True), ("second", True)]
    _, *shown = capsys.readouterr().out.split("\n\n")
    said = sorted(block.split() for block in shown)
    assert [words[:2] + words[4:] for words in said] == [
        ["✓", name, "begun", "met", "stderr"] for name in ("first", "second")
    ]


SIDE_BY_SIDE = """
import os, sys
from devkit import check
from devkit.launcher.screen import Screen

begun = "import os, pathlib, signal, sys; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
files = [f"{sys.argv[1]}/{number}" for number in range(3 * os.cpu_count())]
check.run_side_by_side([check.Step(name=file, command=[sys.executable, "-c", begun, file]) for file in files], Screen())
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal to one process")
def test_ctrl_c_ends_what_runs_side_by_side_and_begins_nothing_more(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SIDE_BY_SIDE, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        until(lambda: len([*tmp_path.iterdir()]) == os.cpu_count(), "as many steps as there are cores")
        process.send_signal(signal.SIGINT)
        # The steps have its stdout, so this waits for their end too.
        process.communicate(timeout=DEADLINE)

    assert process.returncode != 0
    assert len([*tmp_path.iterdir()]) == os.cpu_count()


def test_given_arguments_only_pytest_runs(capfd: pytest.CaptureFixture[str]) -> None:
    assert test.main(["--version"]) == 0
    assert capfd.readouterr().out.startswith("pytest ")


def test_every_step_names_a_command_that_exists() -> None:
    without_io = [*STATIC, "quick tests", "covering tests"]
    assert [one.name for one in check.steps()] == [one.name for one in test.without_io()] == without_io
    assert [one.name for one in test.with_io()] == ["other tests"]
    assert [one.name for one in test.with_io("python3.13")] == ["other tests", "Python 3.13"]
    assert check.script("lint-imports").startswith(str(sys.prefix))


def test_every_test_is_in_one_of_the_three_runs_of_pytest() -> None:
    *_, quick, covering, others = ([*step.command] for step in (*test.without_io(), *test.with_io()))

    measured = [word for word in covering if word.startswith("tests/")]
    assert [word.removeprefix("--ignore=") for word in quick if word.startswith("--ignore=")] == measured
    assert all((ROOT / place).exists() for place in measured)
    assert covering[covering.index("-m", 3) + 1] == quick[quick.index("-m", 3) + 1] == "quick"
    assert {"tests/unit", "tests/test_agreement.py"} <= {*quick}
    assert others[others.index("-m", 3) + 1] == "not quick"
    assert others[-1] == "tests"


def test_the_quick_tests_are_the_unit_tests_and_the_documents() -> None:
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
