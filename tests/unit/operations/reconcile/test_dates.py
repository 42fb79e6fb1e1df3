"""Dates of an export, in the forms in which Partner Center, Excel and people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.operations.reconcile.dates import Order, Reading, moment_of, reading_of

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
US, EUROPE = Order.MONTH_FIRST, Order.DAY_FIRST
MORNING = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-14T09:26:53Z",
        "2026-03-14 09:26:53",
        "2026-03-14T10:26:53.589+01:00",
        "2026-03-14T04:26:53.1234567-0500",
        "2026/03/14 9:26:53",
        "3/14/2026 9:26:53 AM",
        "3/14/2026, 9:26:53\u202fAM",
        "03/14/26 9:26:53 a.m.",
        "14/03/2026 09:26:53",
        "14.03.2026 09:26:53",
        "14-03-2026 09:26:53",
        "14-Mar-2026 09:26:53",
        "14-Mar-26 09:26:53",
        "Mar-14-2026 09:26:53",
        "2026-03-14 09:26:53 UTC",
        "2026-03-14 09:26:53 (UTC)",
        "2026-03-14 10:26:53 +0100 UTC",
        "Sat, 14 March 2026 09:26:53 GMT",
        "Saturday, March 14, 2026 9:26:53 AM",
        "46095.39366898",
        "46095,39366898",
    ],
)
def test_each_form_of_a_time_is_read(cell: str) -> None:
    assert {str(found.at) for order in Order if (found := moment_of(cell, order))} == {str(MORNING)}
    assert all(found.has_time for order in Order if (found := moment_of(cell, order)))


@pytest.mark.parametrize(
    "cell", ["2026-03-14", "14.3.2026", "3/14/2026", "14/3/26", "46095", "Mar. 14, 2026", "14-Mar-26", "Mar-14-26"]
)
def test_a_day_alone_has_no_time(cell: str) -> None:
    found = moment_of(cell, US)
    assert found is not None
    assert (found.at, found.has_time) == (datetime(2026, 3, 14, tzinfo=UTC), False)


@pytest.mark.parametrize(
    "cell",
    [
        *("", "-", "n/a", "soon", "2026", "2026-02-30", "31/02/2026", "13/13/2026", "2026-03-14T25:00", "1234567"),
        *("2026-03-14 13:00 PM", "0/1/2026", "2026-03-14 or so", "14 Foo 2026", "9" * 100, "2026-03-14T09:26+99:99"),
    ],
)
def test_anything_else_is_no_date(cell: str) -> None:
    assert [moment_of(cell, order) for order in Order] == [None, None]


def test_midnight_and_noon_have_their_own_rule_in_twelve_hours() -> None:
    hours = [moment_of(f"3/14/2026 12:05 {half}", US) for half in ("AM", "PM")]
    assert [found.at.hour for found in hours if found] == [0, 12]


def test_one_date_that_is_possible_in_one_order_only_decides_for_all() -> None:
    assert reading_of(["03/04/2026", "03/14/2026"], NOW) == Reading(order=US)
    assert reading_of(["03/04/2026", "14/03/2026"], NOW) == Reading(order=EUROPE)


def test_a_date_that_would_be_of_the_future_decides_too() -> None:
    assert reading_of(["05/07/2026"], NOW) == Reading(order=US)
    assert reading_of(["07/05/2026 10:00"], NOW) == Reading(order=EUROPE)


def test_dates_that_decide_nothing_are_read_month_first_and_counted() -> None:
    assert reading_of(["03/04/2026", "05/05/2026", "2026-03-14", "14.03.2026", "rubbish"], NOW) == Reading(
        order=US, doubtful=1
    )


def test_dates_that_contradict_each_other_are_read_as_most_are_and_counted() -> None:
    assert reading_of(["03/14/2026", "14/03/2026", "15/03/2026", "03/04/2026"], NOW) == Reading(
        order=EUROPE, doubtful=1
    )


def test_a_column_without_such_dates_leaves_no_doubt() -> None:
    assert reading_of(["2026-03-14", "46095", ""], NOW) == Reading(order=US)


FIRST = datetime(2020, 1, 1, tzinfo=UTC)
TIMES = st.integers(0, 10 * 365 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))
FORMS = {
    US: ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%Y-%m-%dT%H:%M:%SZ"),
    EUROPE: ("%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%d-%m-%Y, %H:%M:%S"),
}


@given(at=TIMES, order=st.sampled_from([*Order]), form=st.integers(0, 2))
def test_what_was_written_in_an_order_is_read_back_in_it(at: datetime, order: Order, form: int) -> None:
    found = moment_of(at.strftime(FORMS[order][form]), order)
    assert found is not None
    assert found.at == at


@given(at=TIMES)
def test_a_serial_number_of_excel_is_its_time_to_the_second(at: datetime) -> None:
    days = (at - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
    found = moment_of(f"{days:.8f}", US)
    assert found is not None
    assert abs(found.at - at) <= timedelta(seconds=1)


@given(cells=st.lists(st.text(max_size=40), max_size=5))
def test_no_text_whatever_fails(cells: list[str]) -> None:
    assert reading_of(cells, NOW).doubtful <= len(cells)
