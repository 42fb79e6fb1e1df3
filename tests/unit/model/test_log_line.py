import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.log_line import LONGEST_VALUE, log_line
from leadpipe.model.record import State


def test_the_event_comes_first_and_fields_keep_their_order() -> None:
    assert log_line("settled", lead_id="019c", outcome=State.WRITTEN) == "settled lead_id=019c outcome=written"


def test_fields_that_say_nothing_are_left_out() -> None:
    assert log_line("lead_settled", reason="", detail=None) == "lead_settled"


def test_zero_and_false_say_something() -> None:
    assert log_line("counted", attempt=0, test=False) == "counted attempt=0 test=False"


def test_a_value_with_spaces_is_quoted() -> None:
    assert log_line("failed", detail="no answer") == 'failed detail="no answer"'


def test_a_quote_inside_a_value_does_not_end_it() -> None:
    assert log_line("failed", detail='an "odd" one') == r'failed detail="an \"odd\" one"'


@pytest.mark.parametrize(
    "char", ["\x1b", "\x00", "\x7f", "\u200b", "\u202e", "\u3164", "\U000e0041", "\ud800", "\u2028", "é"]
)
def test_what_is_not_visible_ascii_is_escaped(char: str) -> None:
    line = log_line("failed", detail=f"a{char}b")
    assert char not in line
    assert json.loads(line.partition("=")[2]) == f"a{char}b"


def test_a_long_value_is_cut() -> None:
    assert log_line("failed", detail="x" * 40_000) == f"failed detail={'x' * LONGEST_VALUE}..."


@given(st.text())
def test_whatever_the_value_it_stays_one_line_of_visible_ascii(value: str) -> None:
    line = log_line("event", detail=value)
    assert line.isascii()
    assert line.isprintable()
