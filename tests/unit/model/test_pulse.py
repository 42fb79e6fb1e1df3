"""What the sweep remembers: the usual gap between leads, the words of the marketplace, and its text in one cell."""

import json
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.pulse import DAYS, MOST_NAMES, Beat, Day, LastDay, Pulse, is_of_a_customer, names_of
from leadpipe.model.record import LONGEST_TEXT, Record, State
from leadpipe.model.waiting import Tally
from leadpipe.sweep.pulse import LONGEST_LINE, MOST_GROUPS, MOST_LINES
from tests.factories import RECEIVED_AT, lead_id, record

DAY = timedelta(days=1)
TODAY = RECEIVED_AT.date()

TIMES = st.timedeltas(timedelta(days=-3000), timedelta(days=30_000)).map(lambda after: RECEIVED_AT + after)
DATES = st.dates(date(2019, 1, 1), date(2100, 1, 1))
COUNTS = st.integers(0, 2**40)
SECONDS = st.floats(0, 1e6).map(lambda seconds: round(seconds, 1))
TALLIES = st.builds(
    Tally,
    state=st.sampled_from(State),
    reason=st.text(max_size=128),
    leads=COUNTS,
    oldest=TIMES,
    failing=COUNTS,
    failing_since=st.none() | TIMES,
    overdue=COUNTS,
    overdue_since=st.none() | TIMES,
    tried_at=TIMES,
)
PULSES = st.builds(
    Pulse,
    at=st.none() | TIMES,
    beat=st.builds(
        Beat,
        queue=COUNTS,
        without_record=COUNTS,
        poison_queue=COUNTS,
        rejected=COUNTS,
        last_lead=st.none() | TIMES,
        wrong_keys=COUNTS,
        wrong_key_at=st.none() | TIMES,
    ),
    counted_at=st.none() | TIMES,
    counted_before=st.none() | DATES,
    older=st.lists(TALLIES, max_size=3).map(tuple),
    damaged=st.dictionaries(st.text(max_size=9), st.lists(st.text(max_size=50), max_size=2).map(tuple), max_size=2),
    last_day=st.builds(
        LastDay,
        accepted=COUNTS,
        written=COUNTS,
        p50=st.none() | SECONDS,
        p95=st.none() | SECONDS,
        slowest=st.none() | SECONDS,
    ),
    days_until=st.none() | DATES,
    days=st.dictionaries(
        DATES, st.builds(Day, leads=COUNTS, gap=st.timedeltas(timedelta(0), timedelta(days=9999))), max_size=3
    ),
    last_lead=st.none() | TIMES,
    names=st.frozensets(st.text(max_size=40), max_size=5),
)


# The text


@given(PULSES)
def test_a_pulse_is_read_back_as_it_was_written(pulse: Pulse) -> None:
    read = Pulse.from_text(pulse.to_text(), "v1")
    assert read == pulse
    assert read.version == "v1"


def test_an_empty_pulse_is_read_back_too() -> None:
    assert Pulse.from_text(Pulse().to_text(), None) == Pulse()


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_rubbish_is_an_empty_pulse_with_its_version(text: str) -> None:
    read = Pulse.from_text(text, "v7")
    assert (read, read.version) == (Pulse(), "v7")


@pytest.mark.parametrize("text", [7, 1.5, True, None, b"\xff\x00", b"{}", RECEIVED_AT, "[" * 100_000, "{}", "null"])
def test_a_cell_of_another_type_is_an_empty_pulse(text: Any) -> None:
    assert Pulse.from_text(text, "v7") == Pulse()


WHOLE = Pulse(
    at=RECEIVED_AT,
    beat=Beat(queue=1, last_lead=RECEIVED_AT, wrong_key_at=RECEIVED_AT),
    counted_at=RECEIVED_AT,
    counted_before=TODAY,
    older=(
        Tally(
            state=State.POISONED,
            reason="too_long",
            leads=2,
            oldest=RECEIVED_AT,
            failing_since=RECEIVED_AT,
            overdue_since=RECEIVED_AT,
            tried_at=RECEIVED_AT,
        ),
    ),
    damaged={"leadledger": ("a row",)},
    last_day=LastDay(accepted=3, written=2, p50=0.5, p95=0.9, slowest=1.5),
    days_until=TODAY,
    days={TODAY - DAY: Day(leads=5, gap=2 * DAY)},
    last_lead=RECEIVED_AT,
    names=frozenset({"source AppSource"}),
)


def paths_in(cell: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = cell.items() if isinstance(cell, dict) else enumerate(cell) if isinstance(cell, list) else ()
    for key, value in inner:
        found += paths_in(value, (*path, key))
    return found


WRONG: list[Any] = ["rubbish", "2026-03-14T00:00:00", "2026-03-14", -1, 1.5, 1e400, True, [], [7], {}, {"x": 7}]


@pytest.mark.parametrize("path", paths_in(json.loads(WHOLE.to_text())), ids=lambda path: ".".join(map(str, path)))
def test_whatever_stands_in_a_field_the_pulse_can_be_written_and_added_up(path: tuple[Any, ...]) -> None:
    """A value of another type gives an empty pulse, or one that is as good as any other."""
    for wrong in WRONG:
        found = json.loads(WHOLE.to_text())
        inner = found
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = wrong
        read = Pulse.from_text(json.dumps(found), "v1")
        assert Pulse.from_text(read.to_text(), "v1") == read
        for at in times_in(read):
            assert at.utcoffset() is not None
        numbers = [*vars_of(read.beat), *vars_of(read.last_day), *(n for tally in read.older for n in vars_of(tally))]
        assert all(isinstance(n, int | float | datetime | str | None) for n in numbers)
        assert sum(tally.leads for tally in read.older) >= 0
        assert read.usual_gap is None or read.usual_gap >= DAY


def times_in(pulse: Pulse) -> list[datetime]:
    values = [*vars_of(pulse), *vars_of(pulse.beat), *(value for tally in pulse.older for value in vars_of(tally))]
    return [value for value in values if isinstance(value, datetime)]


def vars_of(value: Any) -> list[Any]:
    return [getattr(value, each.name) for each in fields(value)]


def test_a_field_of_a_newer_leadpipe_is_left_out() -> None:
    found = json.loads(WHOLE.to_text())
    found["more"] = found["beat"]["more"] = found["older"][0]["more"] = 7
    assert Pulse.from_text(json.dumps(found), None) == WHOLE


def largest(character: str) -> Pulse:
    """As many of everything as the sweep ever keeps, each as long as it can be."""
    tally = replace(WHOLE.older[0], leads=2**31, failing=2**31, overdue=2**31)
    return replace(
        WHOLE,
        older=tuple(replace(tally, reason=f"{number:03d}{character * 125}") for number in range(MOST_GROUPS)),
        damaged=dict.fromkeys(("leadledger", "leadclaims", "x" * 16), (character * LONGEST_LINE,) * MOST_LINES),
        days={TODAY - n * DAY: Day(leads=10**6, gap=timedelta(days=89, microseconds=1)) for n in range(DAYS)},
        names=frozenset(f"source {number:03d}{'x' * 37}" for number in range(MOST_NAMES)),
    )


@pytest.mark.parametrize("character", ["x", "é", "\U0001f600"])
def test_the_largest_pulse_fits_into_one_cell_and_can_be_read(character: str) -> None:
    pulse = largest(character)
    text = pulse.to_text()
    assert len(text) <= LONGEST_TEXT
    read = Pulse.from_text(text, None)
    assert (read.at, read.days, read.beat, read.names) == (pulse.at, pulse.days, pulse.beat, pulse.names)
    assert read.older == pulse.older[: len(read.older)] != ()


@pytest.mark.parametrize("names", [MOST_NAMES, 3000])
def test_a_pulse_beyond_all_bounds_keeps_at_least_that_the_sweep_runs(names: int) -> None:
    many = {TODAY + n * DAY: Day(leads=1) for n in range(3000 if names == MOST_NAMES else 1)}
    pulse = replace(largest("x"), names=frozenset(map(str, range(names))), days=many)
    read = Pulse.from_text(pulse.to_text(), None)
    assert read.at == pulse.at
    assert len(pulse.to_text()) <= LONGEST_TEXT


# The usual gap


def leads(*days: float) -> list[Record]:
    return [record(lead_id(day * DAY, number)) for number, day in enumerate(days)]


def after(*days: float, until: float = 1) -> Pulse:
    """The pulse after leads received so many days after RECEIVED_AT, which is in a morning."""
    return Pulse().with_days((RECEIVED_AT + until * DAY).date(), leads(*days))


def test_with_fewer_than_five_leads_no_gap_is_usual() -> None:
    assert Pulse().usual_gap is None
    assert after(-9, -6, -3, -1).usual_gap is None
    assert after(-9, -6, -3, -2, -1).usual_gap == 3 * DAY


def test_gaps_below_a_day_count_as_a_day() -> None:
    assert after(*(-number / 24 for number in range(50))).usual_gap == DAY


def test_the_longest_gap_is_usual_until_there_are_more_than_a_hundred_leads() -> None:
    hours = [number / 24 for number in range(200)]
    assert after(-12, *hours[:99], until=9).usual_gap == 12 * DAY
    assert after(-12, *hours[:100], until=9).usual_gap == DAY


def test_one_gap_of_a_hundred_may_be_longer_than_the_usual_one() -> None:
    hours = [number / 24 for number in range(100)]
    made = after(-40, -20, *hours, until=6)
    assert sum(day.leads for day in made.days.values()) == 102
    assert made.usual_gap == 20 * DAY
    assert after(-40, -10, *hours, until=6).usual_gap == 10 * DAY


def test_days_are_summed_up_one_after_the_other_as_if_at_once() -> None:
    days = [-30.0, -29.5, -20, -19, -12, -11.9, -5, -1]
    at_once, one_by_one = after(*days), Pulse()
    for day in range(-31, 1):
        until = (RECEIVED_AT + (day + 1) * DAY).date()
        of_the_day = [each for each in leads(*days) if each.received_at.date() == until - DAY]
        one_by_one = one_by_one.with_days(until, of_the_day)
    assert one_by_one == at_once
    assert at_once.last_lead == RECEIVED_AT - DAY


def test_the_order_in_which_records_are_listed_does_not_matter() -> None:
    days = [-9.0, -6, -3, -2, -1]
    assert Pulse().with_days(TODAY, leads(*days)) == Pulse().with_days(TODAY, leads(*days)[::-1])


def test_days_older_than_ninety_are_forgotten() -> None:
    pulse = after(*(-float(number) for number in range(100)))
    later = pulse.with_days(TODAY + 60 * DAY, [])
    assert min(later.days) == TODAY - 30 * DAY
    assert len(later.days) == 31
    assert later.last_lead == pulse.last_lead


def test_test_leads_and_posts_that_were_no_leads_do_not_count() -> None:
    others = [record(lead_id(-DAY, 1), is_test=True), record(lead_id(-DAY, 2), state=State.REJECTED)]
    assert not any(map(is_of_a_customer, others))
    assert Pulse().with_days(TODAY, others).days == {}


@given(st.lists(st.floats(-89, 0), max_size=60))
def test_the_usual_gap_is_never_less_than_a_day_and_never_more_than_there_was(days: list[float]) -> None:
    gap = after(*days).usual_gap
    assert (gap is None) == (len(days) < 5)
    received = sorted(each.received_at for each in leads(*days))
    longest = max((later - one for one, later in pairwise(received)), default=DAY)
    assert gap is None or DAY <= gap <= max(longest, DAY)


# The words


def test_the_words_of_the_marketplace_are_named_and_nothing_else() -> None:
    lead = record(source="AppSource", action="INS")
    assert names_of(lead) == {"source AppSource", "action INS"}
    unread = record(
        state=State.WRITTEN, reason="person_unread", detail="Contact, Title; the rest", source="", action=""
    )
    assert names_of(unread) == {"key Contact", "key Title"}
    assert names_of(record(state=State.POISONED, reason="x", detail="Contact", source="", action="")) == set()


@pytest.mark.parametrize("odd", ["", "jane@fabrikam.com", "+33 1 23", "é", "x" * 41, "a\nb", "1 street", "a;b", "-"])
def test_a_text_that_is_no_word_is_left_out(odd: str) -> None:
    assert names_of(record(source=odd, action=odd)) == set()
