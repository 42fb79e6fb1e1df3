"""How the fallback table behaves, be it the fake or the table."""

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
