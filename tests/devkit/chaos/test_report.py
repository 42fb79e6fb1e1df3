"""What a run of `make chaos` is told by."""

from typing import Any

import pytest

from devkit.chaos.options import parse, plan_of_host, plan_of_sweep
from devkit.chaos.report import Verdict
from devkit.chaos.report import verdict as judge
from devkit.chaos.windows import SITUATIONS, Window, windows_of

TOLD = {"a@chaos.example": ["1", "2"], "b@chaos.example": ["3"]}
ACTIONS = {"a@chaos.example": 3, "b@chaos.example": 1}
NOTES = {"a@chaos.example": 2}
THERE = ["a@chaos.example", "b@chaos.example", "row0@chaos.example"]


def verdict(told: dict[str, list[str]], rows: int, there: list[str], written: set[str], **changes: Any) -> Verdict:
    return judge(told, rows, there, written, **{"actions": ACTIONS, "notes": NOTES, **changes})


def test_all_is_well_when_every_address_is_in_dynamics_once_and_every_202_is_settled() -> None:
    found = verdict(TOLD, 1, THERE, {"1", "2", "3"})
    assert (found.missing, found.doubled, found.unwritten, found.wrongly_noted) == ([], [], [], [])


def test_a_lead_that_is_not_in_dynamics_is_missing() -> None:
    assert verdict(TOLD, 1, THERE[1:], {"1", "2", "3"}).missing == ["a@chaos.example"]


def test_a_row_of_the_marketplace_that_is_not_in_dynamics_is_missing() -> None:
    assert verdict(TOLD, 2, THERE, {"1", "2", "3"}).missing == ["row1@chaos.example"]


def test_an_address_twice_in_dynamics_is_doubled_also_when_no_202_was_sent() -> None:
    twice = [*THERE, "c@chaos.example", "c@chaos.example"]
    assert verdict(TOLD, 1, twice, {"1", "2", "3"}).doubled == ["c@chaos.example"]


def test_a_202_whose_record_is_neither_written_nor_a_duplicate_is_named() -> None:
    assert verdict(TOLD, 1, THERE, {"1", "3"}).unwritten == ["2"]


@pytest.mark.parametrize("notes", [{}, {"a@chaos.example": 1}, {"a@chaos.example": 3}])
def test_a_customer_with_a_note_too_many_or_too_few_is_named(notes: dict[str, int]) -> None:
    assert verdict(TOLD, 1, THERE, {"1", "2", "3"}, notes=notes).wrongly_noted == ["a@chaos.example"]


def test_a_note_on_nobodys_lead_is_named() -> None:
    notes = {**NOTES, "nobody's lead": 1}
    assert verdict(TOLD, 1, THERE, {"1", "2", "3"}, notes=notes).wrongly_noted == ["nobody's lead"]


@pytest.mark.parametrize("merge", [True, False])
def test_a_run_plans_no_crash_window_that_the_tests_do_not_know(merge: bool) -> None:
    known = {window for situation in SITUATIONS for window in windows_of(situation)}
    assert {*plan_of_host(merge=merge), *plan_of_sweep(merge=merge)} <= known


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_crash_window_is_read_back_as_it_is_written(situation: str) -> None:
    for window in windows_of(situation):
        assert Window.parse(str(window)) == window


def test_an_unknown_fault_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--faults", "429,sunspots"])
    assert "sunspots" in capsys.readouterr().err


def test_no_outages_at_all_may_be_asked_for() -> None:
    assert parse(["--outages", ""]).outages == []
