"""The diagram in docs/states.md is the rule that the program follows."""

import re
from pathlib import Path

from leadpipe.model.record import ALLOWED, State

PAGE = (Path(__file__).parents[1] / "docs" / "states.md").read_text(encoding="utf-8")


def test_the_arrows_in_the_diagram_are_those_that_the_program_allows() -> None:
    (diagram,) = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
    drawn = {}
    for line in diagram.splitlines():
        state, _, targets = line.partition("->")
        drawn[State(state.strip())] = frozenset(State(target) for target in targets.split())
    assert drawn == ALLOWED


def test_every_state_is_explained() -> None:
    assert {*re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)} == {*State}
