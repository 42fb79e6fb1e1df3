"""Which marks are damaged, and what the sweep goes on with."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from leadpipe.model.marks import CLOCKS_APART, DAYS, TAKEN_IN_AGAIN, TIMES, damage, set_aside
from leadpipe.model.ports import Marks
from leadpipe.model.schedule import LONGEST_PROBE_PAUSE
from tests.fakes import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = NOW.date()
WHOLE = Marks(
    watermark=TODAY - DAY,
    looked_back_at=NOW - HOUR / 2,
    looking_from=TODAY - 9 * DAY,
    taken_in_until=NOW - 3 * DAY,
    forgotten_before=TODAY - 90 * DAY,
    forgetting_from=TODAY - 99 * DAY,
    expiry_told_on=TODAY,
    probes_fail_since=NOW - 3 * DAY,
    next_probe_at=NOW + HOUR / 15,
    reconciled_at=NOW - 40 * DAY,
    version="v1",
)
OTHERS = [mark for mark in (*TIMES, *DAYS) if mark != "taken_in_until"]


def damaged(mark: str, how: str) -> Marks:
    """WHOLE with that mark damaged in that way."""
    if how == "unreadable":
        return replace(WHOLE, **{mark: None}, damaged=frozenset({mark}))  # type: ignore[arg-type]
    times: dict[str, datetime] = {
        "of 2999": datetime(2999, 1, 1, tzinfo=UTC),
        "of tomorrow": NOW + DAY,
        "before all leads": datetime(1601, 1, 1, tzinfo=UTC),
    }
    value: Any = times[how] if mark in TIMES else times[how].date()
    return replace(WHOLE, **{mark: value})


HOW = ("unreadable", "of 2999", "of tomorrow", "before all leads")


def test_sound_marks_stay_as_they_are() -> None:
    assert damage(WHOLE, NOW) == []
    assert set_aside(WHOLE, NOW) == WHOLE


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("mark", OTHERS)
def test_a_damaged_mark_is_as_if_it_had_never_been_and_the_others_stay(mark: str, how: str) -> None:
    marks = damaged(mark, how)
    assert damage(marks, NOW) == [mark]
    assert set_aside(marks, NOW) == replace(WHOLE, **{mark: None})  # type: ignore[arg-type]
    assert set_aside(marks, NOW).version == "v1"


@pytest.mark.parametrize("how", [*HOW, "missing"])
def test_rows_of_a_week_are_looked_at_again_when_nothing_says_which_were_taken_in(how: str) -> None:
    marks = replace(WHOLE, taken_in_until=None) if how == "missing" else damaged("taken_in_until", how)
    assert damage(marks, NOW) == ["taken_in_until"]
    assert set_aside(marks, NOW) == replace(WHOLE, taken_in_until=NOW - TAKEN_IN_AGAIN)


def test_a_look_back_longer_ago_than_that_stands_in_for_it() -> None:
    marks = replace(WHOLE, looked_back_at=NOW - 30 * DAY, taken_in_until=None)
    assert set_aside(marks, NOW).taken_in_until == NOW - 30 * DAY


def test_a_damaged_look_back_does_not_stand_in() -> None:
    marks = replace(WHOLE, looked_back_at=datetime(1601, 1, 1, tzinfo=UTC), taken_in_until=None)
    assert set_aside(marks, NOW).taken_in_until == NOW - TAKEN_IN_AGAIN


def test_of_an_unreadable_row_only_the_time_of_a_week_ago_is_left() -> None:
    marks = Marks(damaged=frozenset((*TIMES, *DAYS)), version="v1")
    assert damage(marks, NOW) == sorted((*TIMES, *DAYS))
    assert set_aside(marks, NOW) == Marks(taken_in_until=NOW - TAKEN_IN_AGAIN)


def test_an_empty_row_is_a_damaged_one() -> None:
    assert damage(Marks(version="v1"), NOW) == ["taken_in_until"]
    assert set_aside(Marks(version="v1"), NOW) == Marks(taken_in_until=NOW - TAKEN_IN_AGAIN)


def test_an_app_that_never_swept_takes_in_from_now_on() -> None:
    assert damage(Marks(), NOW) == []
    assert set_aside(Marks(), NOW) == Marks(taken_in_until=NOW)


@pytest.mark.parametrize("mark", [*TIMES, "expiry_told_on"])
def test_a_clock_that_is_a_little_ahead_damages_nothing(mark: str) -> None:
    ahead: Any = NOW + CLOCKS_APART
    marks = replace(WHOLE, **{mark: ahead if mark in TIMES else ahead.date()})
    assert damage(marks, NOW) == []


def test_a_probe_may_be_five_minutes_ahead_by_a_clock_that_is_a_little_ahead() -> None:
    assert damage(replace(WHOLE, next_probe_at=NOW + LONGEST_PROBE_PAUSE + CLOCKS_APART), NOW) == []
    assert damage(replace(WHOLE, next_probe_at=NOW + 2 * LONGEST_PROBE_PAUSE + CLOCKS_APART), NOW) == ["next_probe_at"]


def test_the_first_day_of_all_is_a_sound_watermark() -> None:
    assert damage(replace(WHOLE, watermark=date(1970, 1, 1)), NOW) == []
