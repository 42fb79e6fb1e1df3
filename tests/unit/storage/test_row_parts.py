"""Some columns of a record, read from rows that somebody may have changed."""

from datetime import timedelta
from typing import Any

import pytest

from leadpipe.model.errors import RecordDamaged
from leadpipe.model.record import TO_COUNT, TO_GROUP, TO_LIST, State
from leadpipe.storage.row_checks import part_of, record_of
from leadpipe.storage.rows import columns_of, row_of_record
from tests.factories import OTHER_LEAD_ID, RECEIVED_AT, record

COLUMNS = columns_of(TO_COUNT | TO_GROUP | TO_LIST)


def row(**cells: Any) -> dict[str, Any]:
    whole = row_of_record(record(state=State.WRITTEN, written_at=RECEIVED_AT, detail="x"))
    return {column: cell for column, cell in {**whole, **cells}.items() if cell is not None}


@pytest.mark.parametrize(
    "cells",
    [
        {"LeadId": None},
        {"LeadId": "1"},
        {"LeadId": OTHER_LEAD_ID},
        {"State": None},
        {"State": "postponed"},
        {"Reason": 7},
        {"WrittenAt": "today"},
        {"IsTest": "yes"},
        {"Attempt": "many"},
        {"RowKey": "0"},
    ],
)
def test_a_row_that_is_damaged_is_damaged_in_part_as_well(cells: dict[str, Any]) -> None:
    for read in (lambda found: record_of(found, []), lambda found: part_of(found, COLUMNS)):
        with pytest.raises(RecordDamaged):
            read(row(**cells))


@pytest.mark.parametrize("years", [-1, 20])
def test_a_time_of_writing_that_cannot_be_is_none(years: int) -> None:
    part = part_of(row(WrittenAt=RECEIVED_AT + timedelta(days=365 * years)), COLUMNS)
    assert part.written_at is None


def test_a_sound_row_has_no_columns_but_those_that_were_asked_for() -> None:
    assert (part_of(row(), COLUMNS).detail, part_of(row(), columns_of(TO_COUNT)).detail) == ("x", "")
