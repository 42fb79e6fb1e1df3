"""How the fallback table behaves, be it the fake or the table."""

from datetime import timedelta

import pytest

from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import ENTROPY_BYTES, new_lead_id
from leadpipe.model.record import Record
from tests.factories import lead_id, payload
from tests.ports.conftest import FallbackRows

RECORD = Record.accepted(lead_id(), payload())


def test_a_kept_lead_has_one_row_however_often_it_is_kept(fallback: FallbackRows) -> None:
    fallback.keep(RECORD)
    fallback.keep(RECORD)
    assert fallback.lead_ids() == [RECORD.lead_id]


def test_a_removed_lead_has_no_row_and_may_be_removed_again(fallback: FallbackRows) -> None:
    fallback.keep(RECORD)
    fallback.remove(RECORD.lead_id)
    fallback.remove(RECORD.lead_id)
    assert fallback.lead_ids() == []


def test_removing_from_a_table_that_was_never_written_is_nothing(fallback: FallbackRows) -> None:
    fallback.remove(RECORD.lead_id)


def test_leads_rest_side_by_side(fallback: FallbackRows) -> None:
    other = Record.accepted(lead_id(number=1), payload())
    for record in (RECORD, other):
        fallback.keep(record)
    assert sorted(fallback.lead_ids()) == sorted([RECORD.lead_id, other.lead_id])


# Rows that the marketplace itself wrote


def test_a_table_that_nobody_has_written_to_holds_no_arrivals(fallback: FallbackRows) -> None:
    assert fallback.arrivals() == []


def test_a_row_of_the_marketplace_arrives_as_a_lead_under_the_same_key_each_time(fallback: FallbackRows) -> None:
    fallback.arrives("Fabrikam")
    (first,) = fallback.arrivals()
    assert fallback.arrivals() == [first]
    lead = Lead.from_payload(first.payload)
    assert (lead.company, lead.last_name, lead.offer, lead.action) == ("Fabrikam", "Doe", "contoso.widget", "INS")
    assert len(bytes.fromhex(first.key)) >= ENTROPY_BYTES


def test_rows_of_the_marketplace_have_keys_of_their_own(fallback: FallbackRows) -> None:
    fallback.arrives("Contoso")
    fallback.arrives("Fabrikam")
    assert len({arrival.key for arrival in fallback.arrivals()}) == 2


def test_our_own_rows_do_not_arrive(fallback: FallbackRows) -> None:
    fallback.keep(RECORD)
    fallback.arrives("Fabrikam")
    assert [Lead.from_payload(arrival.payload).company for arrival in fallback.arrivals()] == ["Fabrikam"]


def test_rows_written_before_a_time_do_not_arrive_after_it(fallback: FallbackRows) -> None:
    fallback.arrives("Fabrikam")
    assert fallback.arrivals(since=timedelta(hours=1)) == []


def test_a_lead_that_arrived_so_rests_in_its_own_row_which_is_never_removed(fallback: FallbackRows) -> None:
    fallback.arrives("Fabrikam")
    (arrival,) = fallback.arrivals()
    record = Record.accepted(new_lead_id(arrival.at, bytes.fromhex(arrival.key)), arrival.payload)
    fallback.keep(record)
    assert fallback.lead_ids() == []
    assert fallback.has(record)
    fallback.remove(record.lead_id)
    assert fallback.arrivals() == [arrival]


def test_a_posted_lead_that_claims_to_be_such_a_row_has_its_own_row(fallback: FallbackRows) -> None:
    fallback.arrives("Fabrikam")
    (arrival,) = fallback.arrivals()
    posted = Record.accepted(lead_id(), arrival.payload)
    assert not fallback.has(posted)
    fallback.keep(posted)
    assert fallback.lead_ids() == [posted.lead_id]
    assert fallback.has(posted)
    fallback.remove(posted.lead_id)
    assert not fallback.has(posted)


@pytest.mark.parametrize(
    "row",
    [
        {"PartitionKey": "x", "RowKey": "y"},
        {"PartitionKey": None, "RowKey": {"a": "\ud800"}},
        {"PartitionKey": "20260314"},
        {"PartitionKey": "20260314", "RowKey": "Fabrikam"},
        [],
        "row",
        None,
    ],
)
def test_keys_of_a_row_in_a_posted_lead_mean_nothing(fallback: FallbackRows, row: object) -> None:
    fallback.arrives("Fabrikam")
    posted = Record.accepted(lead_id(), payload(TableRow=row))
    fallback.keep(posted)
    assert fallback.lead_ids() == [posted.lead_id]
    assert fallback.has(posted)
