"""Bars on a terminal."""

import io

from rich.console import Console

from leadpipe.cli.bars import LONGEST, Bar, Part, draw_bars

PARTS = (
    Part(kind="written", mark="█", ascii_mark="#", style="green"),
    Part(kind="open", mark="░", ascii_mark="o", style="yellow"),
    Part(kind="kept", mark="▒", ascii_mark="k", style="blue"),
)


def drawn(*bars: Bar, width: int = 80, encoding: str = "utf-8") -> list[str]:
    written = io.BytesIO()
    screen = Console(file=io.TextIOWrapper(written, encoding=encoding), width=width, color_system=None)
    draw_bars(screen, bars, PARTS)
    screen.file.flush()
    return [line.rstrip() for line in written.getvalue().decode(encoding).splitlines()]


def test_bars_are_to_one_scale_and_the_legend_names_what_occurs() -> None:
    lines = drawn(Bar(title="a", counts={"written": 20}), Bar(title="b", counts={"written": 10}))
    assert (lines[0].count("█"), lines[1].count("█")) == (LONGEST - 1, LONGEST // 2)
    assert lines[-1] == "█ written"


def test_one_of_many_is_still_seen() -> None:
    (line, legend) = drawn(Bar(title="a", counts={"written": 9_999, "open": 1}, note="1 open"))
    assert (line.count("░"), line.startswith("a  10000  █"), line.endswith("1 open")) == (1, True, True)
    assert legend == "█ written  ░ open"


def test_no_line_is_wider_than_the_terminal_however_long_its_note_is() -> None:
    for width in (30, 80, 200):
        lines = drawn(Bar(title="2026-11-01", counts={"written": 5, "open": 5}, note="n" * 300), width=width)
        assert max(map(len, lines)) <= width
        assert len(lines) == 2


def test_a_terminal_without_unicode_gets_marks_of_ascii() -> None:
    lines = drawn(Bar(title="a", counts={"written": 2, "open": 1}), encoding="ascii")
    assert {"#", "o"} <= {*lines[0]}


def test_a_day_of_a_kind_that_is_not_drawn_has_an_empty_bar() -> None:
    lines = drawn(Bar(title="a", counts={"other": 3}))
    assert lines[0] == "a  3"
