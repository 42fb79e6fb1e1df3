"""What a lead says must not steer the operator's terminal, nor look like something else there."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.cli.terminal_text import MOST_MARKS, escaped, one_line

HIDDEN = {
    "C0 controls": "\x00\x07\t\n\r\x1b\x7f",
    "C1 controls": "\x80\x85\x9b\x9f",
    "line and paragraph separators": "\u2028\u2029",
    "zero-width characters": "\u200b\u200c\u200d\u2060\ufeff\u180e",
    "direction marks, overrides and isolates": "\u061c\u200e\u200f\u202a\u202e\u2066\u2069",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "fillers": "\u3164\u115f\u1160\uffa0\u2800\u17b4\U00016fe4",
    "variation selectors": "\ufe00\ufe0f\u180b\U000e0100\U000e01ef",
    "soft hyphens and joiners of graphemes": "\u00ad\u034f",
    "private use": "\ue000\U000f0000\U0010fffd",
    "unassigned characters": "\u0378\uffff\U000e0fff",
    "halves of surrogate pairs": "\ud800\udfff",
    "annotations and notes that show nothing": "\ufff9\U0001d159\U0001d173",
}
ORDINARY = [
    "Zoë O'Neill-García",
    "株式会社　山田",
    "می‌خواهم",
    "क्‍ष",
    "👩‍💻 👩‍❤️‍👩 👍🏽 ❤️",
    "Nguyễn Thị Ánh Tuyết",
    "שָׁלוֹם",
    "[red]x[/red]",
    "Jane Doe",
    "5\u00a0€",
]


@pytest.mark.parametrize(
    "char", [char for chars in HIDDEN.values() for char in chars], ids=lambda char: f"U+{ord(char):04X}"
)
def test_a_character_that_steers_or_hides_becomes_a_replacement_character(char: str) -> None:
    assert one_line(f"a{char}b") == "a\ufffdb"
    assert one_line(char) == "\ufffd"


@pytest.mark.parametrize("text", ORDINARY)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_ordinary_text_stays_as_it_is(text: str, form: str) -> None:
    written = unicodedata.normalize(form, text)  # type: ignore[arg-type]
    assert one_line(written) == written
    assert escaped(written) == written


@pytest.mark.parametrize("text", ["^\ufe0f", "a\u200d\u200db", "\u200d", "株\u200d式", "م\u200ca", "😀\u200da"])
def test_an_invisible_character_that_no_script_needs_there_is_shown(text: str) -> None:
    assert not {"\u200c", "\u200d", "\ufe0f"} & set(one_line(text))


def test_a_heap_of_accents_ends_after_what_a_language_writes() -> None:
    accent = "\u0301"
    assert one_line(f"a{accent * 500}b") == f"a{accent * MOST_MARKS}\ufffdb"
    assert escaped(f"a{accent * 7}b") == f"a{accent * MOST_MARKS}\\u0301\\u0301b"


def test_joiners_between_accents_do_not_make_the_heap_higher() -> None:
    shown = one_line("क" + "्\u200d" * 100)
    assert shown.count("्") == MOST_MARKS


@given(st.text())
def test_whatever_it_is_nothing_steers_ends_the_line_or_cannot_be_printed(text: str) -> None:
    shown = one_line(text)
    assert len(shown) <= len(text)
    assert len(shown.splitlines()) <= 1
    kinds = {unicodedata.category(char) for char in shown if char not in "\u200c\u200d"}
    assert not kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    shown.encode()


def test_posted_text_keeps_its_lines_and_shows_what_steers_or_hides_as_escapes() -> None:
    assert escaped("{\n\t\x1b[2J\u202e\u3164}") == "{\n\\t\\x1b[2J\\u202e\\u3164}"
    assert escaped("a\r\nb\U000e0041\ud800\u200b") == "a\\r\nb\\U000e0041\\ud800\\u200b"


def test_posted_bytes_that_are_no_utf8_are_shown_as_escapes() -> None:
    assert escaped(b"\xffabc\xc3\xa9\x00") == "\\xffabcé\\x00"
