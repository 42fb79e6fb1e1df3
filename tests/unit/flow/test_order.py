"""The order of delivery's steps is load-bearing: swapping two neighbours has to turn the unit tests red.

For each pair of neighbouring statements in a step the two are swapped, and tests/unit/flow/test_delivery.py and
test_merge.py run against that. A pair whose order does not matter is named here, with the reason.
"""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from leadpipe import claiming, delivery, ledger_writes

DELIVERY, CLAIMING, LEDGER_WRITES = (Path(module.__file__) for module in (delivery, claiming, ledger_writes))
STEPS = {
    "deliver": DELIVERY,
    "deliver_record": DELIVERY,
    "read_record": DELIVERY,
    "find_outcome": DELIVERY,
    "keep_out": DELIVERY,
    "bring": DELIVERY,
    "find_first": CLAIMING,
    "claim": CLAIMING,
    "create": DELIVERY,
    "add_note": DELIVERY,
    "ask_dynamics": DELIVERY,
    "outcome_of_failure": DELIVERY,
    "settle": DELIVERY,
    "defer": DELIVERY,
    "write": LEDGER_WRITES,
    "put_again": DELIVERY,
}
LINES = {source: source.read_text().splitlines() for source in (DELIVERY, CLAIMING, LEDGER_WRITES)}
# Pairs whose order does not matter: the step, the start of their first statement, and why.
FREE = {
    ("read_record", "if now() - envelope.received_at"): "the second only builds a value",
    ("find_outcome", "lead = _read_lead"): "either only refuses to go on, before anything was done",
    ("keep_out", "if lead.is_test"): "either keeps a lead that is both",
    ("claim", "if not claimed"): "the second only builds a value",
    ("create", "if isinstance(receipt, Merged)"): "a receipt is one of the two",
    ("add_note", "if isinstance(receipt, Written)"): "a receipt is one of the two",
    ("ask_dynamics", "if failure.slug"): "the first is a log line of what is true already",
    ("outcome_of_failure", "if isinstance(failure, Refused | RowRefused)"): "the second only reads the clock",
    ("outcome_of_failure", "if record.state is State.FALLBACK"): "the second only computes a time",
    ("settle", "if isinstance(outcome, Deferred)"): "an outcome is one of the two",
    ("settle", "settled = write"): "the second looks at what the first does not change",
    ("settle", "if rested"): "the second is a log line of what is true already",
}
# Collects delivery's tests once, and runs them for each of the given files, until one fails, with a function's code out
# of that file in place of its own; the file's folder names the function. Prints of each whether a test failed. A test
# that found something goes to the front: it is likely to find the next.
RUN = """
import importlib, json, sys
from pathlib import Path
import pytest
from _pytest.runner import runtestprotocol

module = importlib.import_module(sys.argv[1])
noticed = []

class Swaps:
    def pytest_runtestloop(self, session):
        assert not session.testsfailed, "the tests cannot be collected"
        for path in map(Path, sys.argv[4:]):
            function, text = getattr(module, path.parent.name), path.read_text()
            kept, function.__code__ = function.__code__, code_of(function.__name__, compile(text, str(path), "exec"))
            noticed.append(any(failed(session.items, item) for item in list(session.items)))
            function.__code__ = kept
        return True

def code_of(name, module):
    (code,) = (one for one in module.co_consts if getattr(one, "co_name", "") == name)
    return code

def failed(items, item):
    reports = runtestprotocol(item, nextitem=None, log=False)
    if all(report.passed for report in reports):
        return False
    items.remove(item)
    items.insert(0, item)
    return True

plugins = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-p", "no:hypothesispytest"]
code = pytest.main(["-q", "--tb=no", "--timeout=5", *plugins, *sys.argv[2:4]], plugins=[Swaps()])
assert code == pytest.ExitCode.OK, code
print()
print(json.dumps(noticed))
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
    body = ast.parse(STEPS[step].read_text()).body
    (function,) = (node for node in body if isinstance(node, ast.FunctionDef) and node.name == step)
    return [
        (first.lineno, second.lineno)
        for block in blocks(function)
        for first, second in pairwise(block)
        if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant))
    ]


def swapped(source: Path, first_line: int, second_line: int) -> str:
    """The module's source with those two statements in each other's place."""
    tree = ast.parse(source.read_text())
    for block in blocks(tree):
        lines = [statement.lineno for statement in block]
        if first_line in lines and second_line in lines:
            one, other = lines.index(first_line), lines.index(second_line)
            block[one], block[other] = block[other], block[one]
    return ast.unparse(tree)


def why_free(step: str, first_line: int) -> str | None:
    statement = LINES[STEPS[step]][first_line - 1].strip()
    return next((why for (name, start), why in FREE.items() if name == step and statement.startswith(start)), None)


@pytest.mark.slow
@pytest.mark.parametrize("source", LINES, ids=lambda source: source.stem)
def test_swapping_any_two_neighbours_turns_the_tests_red_unless_their_order_is_free(
    source: Path, tmp_path: Path
) -> None:
    swaps = [(step, *pair) for step, its in STEPS.items() if its == source for pair in pairs(step)]
    mutants = [tmp_path / step / f"{first}_{second}.py" for step, first, second in swaps]
    for mutant, (_, first, second) in zip(mutants, swaps, strict=True):
        mutant.parent.mkdir(exist_ok=True)
        mutant.write_text(swapped(source, first, second))
    tests = [str(Path(__file__).with_name(name)) for name in ("test_delivery.py", "test_merge.py")]
    run = subprocess.run(
        [sys.executable, "-c", RUN, f"leadpipe.{source.stem}", *tests, *map(str, mutants)],
        capture_output=True,
        text=True,
        cwd=source.parent.parent,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    wrong = []
    for (step, first, second), noticed in zip(swaps, json.loads(run.stdout.splitlines()[-1]), strict=True):
        free = why_free(step, first)
        if noticed is not (free is None):
            said = f"free, because {free}" if free else "nothing noticed"
            one, other = (LINES[source][line - 1].strip() for line in (first, second))
            wrong.append(f"{step}: {one}  <->  {other}: {said}")
    assert not wrong, "\n".join(wrong)


def test_every_exemption_names_a_pair_that_exists() -> None:
    starts = {(step, LINES[source][first - 1].strip()) for step, source in STEPS.items() for first, _ in pairs(step)}
    for name, start in FREE:
        assert any(step == name and line.startswith(start) for step, line in starts), (name, start)
