from datetime import timedelta

import pytest

from leadpipe.model.duration import duration_of, in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0s"),
        (0.84, "0.8s"),
        (59.9, "59.9s"),
        (60, "1m 0s"),
        (725, "12m 5s"),
        (3_600, "1h 0m"),
        (273_600, "3d 4h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(seconds: float, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("text", "span"), [("7d", timedelta(days=7)), ("24h", timedelta(hours=24)), ("30m", timedelta(minutes=30))]
)
def test_a_duration_is_a_number_and_its_unit(text: str, span: timedelta) -> None:
    assert duration_of(text) == span


@pytest.mark.parametrize("text", ["", "7", "d", "yesterday", "-1d", "1.5h"])
def test_any_other_text_is_no_duration(text: str) -> None:
    assert duration_of(text) is None
