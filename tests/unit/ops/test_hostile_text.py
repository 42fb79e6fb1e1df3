"""What a lead says must not steer the operator's terminal."""

import pytest

from leadpipe.ops.hostile_text import escaped, one_line


@pytest.mark.parametrize(
    "control",
    ["\x1b", "\x07", "\x00", "\n", "\r", "\t", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\ud800"],
    ids=lambda control: f"U+{ord(control):04X}",
)
def test_a_control_character_becomes_a_replacement_character(control: str) -> None:
    assert one_line(f"a{control}b") == "a\ufffdb"


@pytest.mark.parametrize("text", ["Zoë O'Neill-García", "株式会社", "می‌خواهم", "👩‍💻", "[red]x[/red]"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert one_line(text) == text


def test_posted_text_keeps_its_lines_and_shows_controls_as_escapes() -> None:
    assert escaped("{\n\t\x1b[2J\u202e}") == "{\n\\t\\x1b[2J\\u202e}"


def test_posted_bytes_that_are_no_utf8_are_shown_as_escapes() -> None:
    assert escaped(b"\xffabc\xc3\xa9\x00") == "\\xffabcé\\x00"
