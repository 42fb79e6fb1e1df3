"""The pictures of the days, as numbers."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from leadpipe.console.chart import BASE, KINDS, LEFT, TOP, WIDTH, chart_of, words_of
from leadpipe.console.latency_chart import BASE as LATENCY_BASE
from leadpipe.console.latency_chart import times_of
from leadpipe.model.latency import latency_of
from leadpipe.operations.days import DayCount
from leadpipe.operations.report import OUTCOMES

FIRST = date(2026, 3, 1)


def day(place: int = 0, seconds: Iterable[float] = (), **outcomes: int) -> DayCount:
    spans = [timedelta(seconds=each) for each in seconds]
    return DayCount(day=FIRST + timedelta(days=place), outcomes=outcomes, latency=latency_of(spans))


def test_every_outcome_has_one_kind() -> None:
    kinds = [outcome for kind in KINDS for outcome in kind.outcomes]
    assert sorted(kinds) == sorted(OUTCOMES)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 9, 10, 11, 40, 41, 99, 1001, 123_456])
def test_a_bar_is_as_long_as_its_leads_and_stays_in_the_picture(most: int) -> None:
    chart = chart_of([day(0, written=most), day(1, written=most // 2, poisoned=most - most // 2), day(2)])
    whole, parts, nothing = chart.bars
    assert TOP <= whole.pieces[0].y < BASE
    assert sum(piece.height for piece in parts.pieces) == pytest.approx(whole.pieces[0].height, abs=3.1)
    assert nothing.pieces == []
    assert LEFT <= whole.pieces[0].x < parts.pieces[0].x < WIDTH
    assert 2 <= len(chart.lines) <= 5


def test_one_lead_among_very_many_can_still_be_seen() -> None:
    (bar,) = chart_of([day(written=100_000, poisoned=1)]).bars
    assert [piece.height >= 1 for piece in bar.pieces] == [True, True]


def test_the_key_has_the_kinds_that_there_are_with_their_numbers() -> None:
    chart = chart_of([day(0, written=3, duplicate=1), day(1, kept=2, rejected=4, discarded=1)])
    assert [(entry.kind.words, entry.leads) for entry in chart.key] == [
        ("written", 3),
        ("duplicate or kept", 3),
        ("rejected, discarded or erased", 5),
    ]
    assert chart.summary == "7 leads in 2 days, 3 written, 3 duplicate or kept, 5 rejected, discarded or erased"


def test_a_day_that_is_not_read_yet_stands_apart() -> None:
    unread = DayCount(day=FIRST, is_counted=False, expected=5)
    chart = chart_of([unread, day(1, written=1)])
    assert ([piece.kind for piece in chart.bars[0].pieces], chart.uncounted) == (["uncounted"], 1)
    assert words_of(unread) == "1 Mar: 5 leads, not looked at yet"


def test_a_day_says_what_it_had_and_that_there_is_more() -> None:
    assert words_of(day(written=2, poisoned=1)) == "1 Mar: 3 leads, 1 poisoned, 2 written"
    cut = DayCount(day=FIRST, outcomes={"written": 20_000}, is_cut=True)
    assert words_of(cut) == "1 Mar: more than 20,000 leads, 20,000 written"


@pytest.mark.parametrize(("days", "most"), [(1, 1), (14, 14), (15, 15), (16, 8), (90, 15)])
def test_dates_are_written_only_as_far_as_they_fit(days: int, most: int) -> None:
    chart = chart_of([day(place) for place in range(days)])
    assert len([bar for bar in chart.bars if bar.label]) == most


def test_without_a_written_lead_there_are_no_times() -> None:
    assert times_of([day(0, poisoned=1), day(1)]) is None


def test_a_day_without_written_leads_ends_a_line() -> None:
    times = times_of([day(0, [1]), day(1, [2]), day(2), day(3, [1])])
    assert times is not None
    assert [len(stretch) for stretch in times.stretches] == [2, 1]
    assert times.summary == "on 3 days with written leads; the last: 4 Mar: 1.0s in the middle, 1.0s for 95 of 100"


@pytest.mark.parametrize("seconds", [0, 0.001, 0.4, 1, 30, 3600, 86_400 * 3, 86_400 * 3000])
def test_a_time_stands_between_the_lines_around_it(seconds: float) -> None:
    times = times_of([day(0, [seconds])])
    assert times is not None
    (dot,) = times.stretches[0]
    assert times.lines[-1].y <= dot.middle <= times.lines[0].y == LATENCY_BASE
    assert len(times.lines) == 2


def test_longer_times_stand_higher() -> None:
    times = times_of([day(place, [10**place / 10]) for place in range(7)])
    assert times is not None
    (stretch,) = times.stretches
    heights = [dot.middle for dot in stretch]
    assert heights == sorted(heights, reverse=True)
    assert [line.value for line in times.lines] == [
        "0.1 s", "1 s", "10 s", "1 min", "10 min", "1 h", "1 day", "10 d",
    ]  # fmt: skip
