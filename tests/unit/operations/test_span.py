"""What --since takes, and how spans are told."""

from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.model.duration import in_words
from leadpipe.model.lead_id import EPOCH
from leadpipe.operations.span import day_of, since_of
from tests.fakes import NOW


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("24h", NOW - timedelta(hours=24)),
        ("30m", NOW - timedelta(minutes=30)),
        (" 45s ", NOW - timedelta(seconds=45)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:30:00Z", datetime(2026, 3, 1, 12, 30, tzinfo=UTC)),
        ("2026-03-01T12:30:00+02:00", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_since_is_a_time_back_or_a_utc_day_or_time(text: str, start: datetime) -> None:
    assert since_of(text, NOW) == start


@pytest.mark.parametrize(
    "text", ["", "7", "d", "7w", "-7d", "999999d", "yesterday", "2026-13-01", "0001-01-01T00:00+14"]
)
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match="neither a time back like 7d"):
        since_of(text, NOW)


@pytest.mark.parametrize("text", ["0001-01-01", "1969-12-31T23:59", "700000d"])
def test_before_1970_there_is_no_lead(text: str) -> None:
    assert since_of(text, NOW) == EPOCH


def test_a_day_before_1970_is_its_first_day() -> None:
    assert (day_of("0001-01-01"), day_of("1970-01-02")) == (EPOCH, EPOCH + timedelta(days=1))


def test_a_time_to_come_is_refused() -> None:
    with pytest.raises(ValueError, match="in the future"):
        since_of("2026-03-15", NOW)


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(milliseconds=840), "0.8s"),
        (timedelta(seconds=61), "1m 1s"),
        (timedelta(hours=5, minutes=12, seconds=59), "5h 12m"),
        (timedelta(days=3, hours=4, minutes=59), "3d 4h"),
        (timedelta(seconds=-2), "-2.0s"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(span: timedelta, words: str) -> None:
    assert in_words(span) == words
