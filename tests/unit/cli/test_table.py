"""Tables away from a terminal: aligned, whole, and laid out page by page."""

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.cli.json_output import Fields
from leadpipe.cli.table import PAGE, columns, print_facts, print_table, text_of
from leadpipe.model.record import State
from tests.factories import LEAD_ID

COLUMNS = columns(("name",), ("leads",))


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_columns_are_aligned_and_numbers_stand_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_table([{"name": "a", "leads": 5}, {"name": "longer", "leads": 12345678}], COLUMNS) == 2
    assert printed(capsys) == ["NAME       LEADS", "a              5", "longer  12345678"]


def test_wide_characters_take_the_two_places_that_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "株式", "leads": "x"}, {"name": "abcde", "leads": "y"}], COLUMNS)
    assert printed(capsys)[1:] == ["株式   x", "abcde  y"]


def test_nothing_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "n" * 500, "leads": "x" * 500}], COLUMNS)
    assert f"{'n' * 500}  {'x' * 500}" in printed(capsys)


def test_what_a_column_says_is_cut_to_its_places_with_a_mark(capsys: pytest.CaptureFixture[str]) -> None:
    narrow = columns(("name",), ("leads",), at_most={"name": 10})
    print_table([{"name": "n" * 9_000, "leads": 1}, {"name": "株" * 9_000, "leads": 2}, {"name": "x" * 10}], narrow)
    cut = [line.split("  ")[0] for line in printed(capsys)[1:]]
    assert cut == [f"{'n' * 9}…", "株株株株 …", "x" * 10]


def test_an_empty_cell_is_shown_so_that_columns_can_be_counted(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "", "leads": None}], COLUMNS)
    assert printed(capsys)[1].split() == ["-", "-"]


def test_markup_and_emoji_codes_stay_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "[red]a[/red]", "leads": ":smile:"}], COLUMNS)
    assert printed(capsys)[1].split() == ["[red]a[/red]", ":smile:"]


def test_a_line_end_in_a_value_makes_no_second_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"name": "a\nwritten\x1b[2J", "leads": 1}], COLUMNS)
    assert printed(capsys)[1].split() == ["a\ufffdwritten\ufffd[2J", "1"]


def test_no_records_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_table([], COLUMNS) == 0
    assert printed(capsys) == []


def test_a_page_is_printed_before_the_next_one_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []

    def records() -> Iterator[Fields]:
        for number in range(2 * PAGE):
            if number == PAGE:
                seen.append(len(printed(capsys)))
            yield {"name": "n", "leads": number}

    assert print_table(records(), COLUMNS) == 2 * PAGE
    assert seen == [PAGE + 1]
    assert not any("NAME" in line for line in printed(capsys))


def test_facts_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts([("state", State.WRITTEN), ("reason", ""), ("rounds", None), ("own lead", False), ("test lead", True)])
    assert printed(capsys) == ["state      written", "test lead  yes"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 3, 14, 9, 26, 53, 589_000, UTC), "2026-03-14 09:26:53Z"),
        (timedelta(hours=2), "2h 0m"),
        (0, "0"),
        (State.POISONED, "poisoned"),
    ],
)
def test_values_are_told_for_people(value: object, text: str) -> None:
    assert text_of(value) == text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [8, 20, 36, 80])
def test_on_a_terminal_of_any_width_no_fact_loses_its_value(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")  # of a dumb one no width is believed
    monkeypatch.setenv("NO_COLOR", "1")
    print_facts([("queue leads-poison", 3), ("oldest open lead", f"{LEAD_ID}, 3 minutes old")])
    lines = terminal.getvalue().splitlines()
    assert "".join(terminal.getvalue().split()).find(f"{LEAD_ID},3minutesold") > 0
    assert any(line.split()[-1:] == ["3"] for line in lines)
    assert max(map(len, lines)) <= width
