"""The rows of exports: which count, which are the same lead, and what lead each would have been."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.lead import Lead
from leadpipe.operations.reconcile.columns import UnusableExport
from leadpipe.operations.reconcile.dates import Order
from leadpipe.operations.reconcile.export import Export, export_of
from tests.partner_center_export import NOW, csv_of, customer, misspelt, time_of

JO = customer(7, time_of(7))


def export(*files: Iterable[Mapping[str, str]], order: Order | None = None) -> Export:
    contents = [(f"{number}.csv", csv_of(rows).encode()) for number, rows in enumerate(files)]
    return export_of(contents, named={}, order=order, now=NOW)


def test_a_row_has_its_place_its_time_and_its_texts() -> None:
    (row,) = export([JO]).rows
    assert (row.place, row.at, row.has_time, row.flaw) == ("0.csv:2", time_of(7), True, "")
    assert (row.person, row.organization, row.offer) == ("René7 Müller7", "Société 7 SARL", "Contoso Widget")
    assert (row.quality, row.email_validity) == ("High", "Valid")


def test_a_row_that_is_there_twice_counts_once_however_it_is_written_or_rated() -> None:
    later = {**JO, "quality": "Low", "status": "Accepted", "created": f"{time_of(7):%Y-%m-%d %H:%M}"}
    found = export([JO, JO, misspelt(JO, 0)], [misspelt(JO, 1), misspelt(JO, 2), later])
    assert (len(found.rows), found.repeated) == (1, 5)


@pytest.mark.parametrize(
    ("field", "text"),
    [("email", "a.b@firm7.example"), ("offer", "Gadget"), ("action", "Contact me"), ("created", "2026-01-12 08:00")],
)
def test_rows_that_differ_in_one_of_these_are_two_leads(field: str, text: str) -> None:
    assert len(export([JO, {**JO, field: text}]).rows) == 2


def test_two_addresses_that_differ_by_a_dot_are_two() -> None:
    assert len(export([{**JO, "email": "ab@x.example"}, {**JO, "email": "a.b@x.example"}]).rows) == 2


def test_microsofts_test_leads_are_counted_and_left_out() -> None:
    test = {**JO, "first_name": "MSFT_TEST_1", "email": "MSFT_TEST_1@test.com"}
    found = export([test, JO])
    assert (len(found.rows), found.test_leads) == (1, 1)


def test_the_rest_of_a_broken_line_is_damaged_and_a_shortened_row_is_not() -> None:
    text = csv_of([]) + f"Widget,more,of it\r\n{JO['created']},Widget,,,Firm\r\nsoon,,,,,,Doe,a@x.example\r\n"
    found = export_of([("f.csv", text.encode())], named={}, order=None, now=NOW)
    assert [(each.line, "rest of a broken line" in each.why) for each in found.damaged] == [(2, True)]
    assert [(row.line, row.flaw) for row in found.rows] == [(3, ""), (4, "its date cannot be read")]


def test_a_row_with_nothing_of_a_lead_is_damaged_one_without_a_person_is_not() -> None:
    found = export([{"quality": "High"}, {"offer": "Contoso Widget", "created": "2026-01-12"}])
    assert [(each.line, each.why) for each in found.damaged] == [(2, "it has nothing of a lead")]
    assert [row.names_somebody for row in found.rows] == [False]


@pytest.mark.parametrize(
    ("written", "flaw"),
    [
        ("", "it has no date"),
        ("soon", "its date cannot be read"),
        ("2031-01-01", "its date is not one of a lead"),
        ("1999-01-01", "its date is not one of a lead"),
    ],
)
def test_a_row_without_a_usable_date_is_kept_and_says_so(written: str, flaw: str) -> None:
    (row,) = export([{**JO, "created": written}]).rows
    assert (row.at, row.flaw) == (None, flaw)


def test_the_dates_of_a_file_are_read_in_one_order_that_can_be_chosen() -> None:
    rows = [{**JO, "created": "03/04/2026"}, {**JO, "created": "02/05/2026"}]
    assert [row.at for row in export(rows).rows] == [datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 2, 5, tzinfo=UTC)]
    assert export(rows).files[0].reading.doubtful == 2
    chosen = export(rows, order=Order.DAY_FIRST)
    assert [row.at for row in chosen.rows] == [datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)]
    assert chosen.files[0].reading.doubtful == 0


def test_rows_from_before_a_time_are_left_out_and_undated_ones_stay() -> None:
    found = export([JO, customer(8, time_of(8)), {**customer(9, time_of(9)), "created": ""}])
    assert [row.line for row in found.since(time_of(8)).rows] == [3, 4]


def test_a_file_that_cannot_be_used_is_named() -> None:
    with pytest.raises(UnusableExport, match=r"^1\.csv: the file is empty"):
        export_of([("0.csv", csv_of([JO]).encode()), ("1.csv", b"")], named={}, order=None, now=NOW)


def test_the_lead_of_a_row_is_the_one_that_the_marketplace_would_have_posted() -> None:
    (row,) = export([{**JO, "action": "Contact Me", "source": "AppSource"}]).rows
    assert row.lead == Lead(
        first_name="René7",
        last_name="Müller7",
        email="rene.7@firm7.example",
        phone="+33 1 00000007",
        country="FR",
        company="Société 7 SARL",
        lead_source="AppSource",
        action_code="PLT",
        offer_title="Contoso Widget",
    )


@pytest.mark.parametrize(
    ("action", "code"), [("Get it now", "INS"), ("TEST DRIVE", "StartTestDrive"), ("Tour", "Tour")]
)
def test_an_action_in_words_becomes_its_code_and_an_unknown_one_stays(action: str, code: str) -> None:
    (row,) = export([{**JO, "action": action}]).rows
    assert row.lead is not None
    assert (row.lead.action, row.lead.source) == (code, "AzureMarketplace")


@pytest.mark.slow
def test_five_thousand_rows_are_read() -> None:
    found = export([customer(number, time_of(number) - timedelta(days=600)) for number in range(5000)])
    assert (len(found.rows), found.repeated, found.damaged) == (5000, 0, [])


WORDS = st.dictionaries(
    st.sampled_from([*JO]), st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=6
)


@given(rows=st.lists(WORDS, max_size=6))
def test_each_row_whatever_it_holds_is_kept_named_or_counted(rows: list[dict[str, str]]) -> None:
    blank = [row for row in rows if not any(text.strip() for field, text in row.items() if field in JO)]
    found = export(rows)
    whole = len(found.rows) + len(found.damaged) + found.repeated + found.test_leads
    assert whole == found.files[0].rows
    assert whole >= len(rows) - len(blank)
    assert all(row.lead is not None for row in found.rows)
