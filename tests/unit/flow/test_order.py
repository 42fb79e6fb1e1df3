"""The order of delivery's steps is load-bearing: swapping two neighbours has to turn the unit tests red.

For each pair of neighbouring statements in a step a copy of delivery.py with the two swapped is put in its place, and
tests/unit/flow/test_delivery.py runs against it. A pair whose order does not matter is named here, with the reason.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from leadpipe import delivery

SOURCE = Path(delivery.__file__)
LINES = SOURCE.read_text().splitlines()
STEPS = (
    "deliver",
    "deliver_record",
    "record_of_message",
    "outcome_of",
    "aside",
    "claimed",
    "created",
    "asked",
    "outcome_of_failure",
    "settle",
    "defer",
    "write",
    "put_again",
)
# Pairs whose order does not matter: the step, the start of their first statement, and why.
FREE = {
    ("outcome_of", "lead = _lead_of"): "either only refuses to go on, before anything was done",
    ("aside", "if lead.is_test"): "either keeps a lead that is both",
    ("claimed", "if record.own_lead"): "the second only builds a value",
    ("asked", "if failure.slug"): "the first is a log line of what is true already",
    ("outcome_of_failure", "if isinstance(failure, Refused)"): "the second only reads the clock",
    ("outcome_of_failure", "if record.state is State.FALLBACK"): "the second only computes a time",
    ("outcome_of_failure", "if now - (record.failing_since"): "the second only computes a time",
    ("settle", "if isinstance(outcome, Deferred)"): "an outcome is one of the two",
    ("settle", "settled = write"): "the second looks at what the first does not change",
    ("settle", "if rested"): "the second is a log line of what is true already",
}
# Runs delivery's tests against each of the given files in turn and prints their exit codes.
RUN = """
import importlib.util, json, sys
import pytest
import leadpipe
codes = []
for path in sys.argv[2:]:
    spec = importlib.util.spec_from_file_location("leadpipe.delivery", path)
    leadpipe.delivery = sys.modules["leadpipe.delivery"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(leadpipe.delivery)
    for name in [name for name in sys.modules if "test_delivery" in name]:
        del sys.modules[name]
    plugins = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-p", "no:hypothesispytest"]
    codes.append(int(pytest.main(["-x", "-q", "--timeout=5", *plugins, sys.argv[1]])))
print()
print(json.dumps(codes))
"""


def blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Every list of statements."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                yield statements


def pairs(step: str) -> list[tuple[int, int]]:
    """Each neighbouring pair in the step, as the lines on which the two begin; its docstring is none."""
    (function,) = (
        node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.FunctionDef) and node.name == step
    )
    return [
        (first.lineno, second.lineno)
        for block in blocks(function)
        for first, second in pairwise(block)
        if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant))
    ]


def swapped(first_line: int, second_line: int) -> str:
    """The source of delivery.py with those two statements in each other's place."""
    tree = ast.parse(SOURCE.read_text())
    for block in blocks(tree):
        lines = [statement.lineno for statement in block]
        if first_line in lines and second_line in lines:
            one, other = lines.index(first_line), lines.index(second_line)
            block[one], block[other] = block[other], block[one]
    return ast.unparse(tree)


def why_free(step: str, first_line: int) -> str | None:
    statement = LINES[first_line - 1].strip()
    return next((why for (name, start), why in FREE.items() if name == step and statement.startswith(start)), None)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_swapping_any_two_neighbours_turns_the_tests_red_unless_their_order_is_free(step: str, tmp_path: Path) -> None:
    mutants = []
    for first, second in pairs(step):
        mutants.append(tmp_path / f"{first}_{second}.py")
        mutants[-1].write_text(swapped(first, second))
    tests = Path(__file__).with_name("test_delivery.py")
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(tests), *map(str, mutants)],
        capture_output=True,
        text=True,
        cwd=SOURCE.parent.parent,
        timeout=100,
        check=True,
    )
    codes = json.loads(run.stdout.splitlines()[-1])
    wrong = []
    for (first, second), code in zip(pairs(step), codes, strict=True):
        assert code in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}, run.stdout
        free = why_free(step, first)
        if (code == pytest.ExitCode.OK) is (free is None):
            said = f"free, because {free}" if free else "nothing noticed"
            wrong.append(f"{LINES[first - 1].strip()}  <->  {LINES[second - 1].strip()}: {said}")
    assert not wrong, "\n".join(wrong)


def test_every_exemption_names_a_pair_that_exists() -> None:
    starts = {(step, LINES[first - 1].strip()) for step in STEPS for first, _ in pairs(step)}
    for name, start in FREE:
        assert any(step == name and line.startswith(start) for step, line in starts), (name, start)
