"""docs/states.md says what the code does."""

import re
from pathlib import Path

import pytest

from leadpipe.model.record import ALLOWED, OPEN, QUEUED, State

DOCUMENT = (Path(__file__).parents[1] / "docs" / "states.md").read_text(encoding="utf-8")
DIAGRAM = DOCUMENT.split("```mermaid")[1].split("```")[0]
ARROWS = re.findall(r"^\s*(\S+) --> (\S+?)(?:: (.*))?$", DIAGRAM, re.MULTILINE)
MOVES = [(State(before), State(after), label) for before, after, label in ARROWS if "[*]" not in (before, after)]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under that heading, without its first two lines."""
    lines = DOCUMENT.split(f"## {heading}")[1].split("\n## ")[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def named(cell: str) -> set[State]:
    """The states that a cell names; of `any but` those, all the others."""
    states = {State(name) for name in re.findall(r"`(\w+)`", cell)}
    return {*State} - states if cell.startswith("any but") else states


def test_the_diagram_has_the_arrows_that_the_code_allows_and_no_other() -> None:
    drawn = {state: frozenset(after for before, after, _ in MOVES if before is state) for state in State}
    assert drawn == ALLOWED


def test_no_arrow_is_drawn_twice() -> None:
    pairs = [(before, after) for before, after, _ in MOVES]
    assert len(pairs) == len({*pairs})


@pytest.mark.parametrize("state", State)
def test_each_state_is_explained(state: State) -> None:
    explained = [cells for cells in rows("What each state means") if named(cells[0]) == {state}]
    assert len(explained) == 1


def test_the_open_states_are_those_that_the_text_names() -> None:
    (sentence,) = re.findall(r"A lead in (.*?) is open", DOCUMENT)
    assert named(sentence) == OPEN


def test_who_moves_what_covers_every_arrow_and_nothing_else() -> None:
    moved = {
        (before, after)
        for _, origins, targets, _ in rows("Who moves what")
        for before in named(origins)
        for after in (named(targets) if "the same" not in targets else set())
    }
    allowed = {(before, after) for before, afters in ALLOWED.items() for after in afters}
    assert moved == allowed


def test_only_persons_bring_back_discard_and_erase() -> None:
    for who, origins, targets, _ in rows("Who moves what"):
        if named(origins) and named(targets) & {State.ACCEPTED, State.DISCARDED, State.ERASED}:
            assert who == "a person"
    for before, after, label in MOVES:
        if after in {State.ACCEPTED, State.DISCARDED, State.ERASED}:
            assert label.split()[0] in {"replay", "discard", "erase"}, (before, after)


def test_arrows_to_written_from_outside_the_flow_are_receipts() -> None:
    assert {before for before, after, label in MOVES if after is State.WRITTEN and label == "receipt"} == {
        before for before, afters in ALLOWED.items() if State.WRITTEN in afters
    } - OPEN


def test_what_the_sweep_repeats_is_what_waits_for_a_message() -> None:
    repeated = [origins for who, origins, targets, _ in rows("Who moves what") if who == "sweep" and "+ 1" in targets]
    assert [named(cell) for cell in repeated] == [QUEUED]
