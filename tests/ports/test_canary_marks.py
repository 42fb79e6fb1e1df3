"""How the mark of the last canary behaves, be it the fake or the row."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.model.canary import CanaryMark
from leadpipe.model.ports import CanaryMarks
from leadpipe.storage.canary_marks import AzureCanaryMarks
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import TABLE
from leadpipe.storage.marks import AzureMarks
from tests.factories import LEAD_ID, RECEIVED_AT

OUT = CanaryMark().begun(RECEIVED_AT).out(LEAD_ID)
FAILED = OUT.failed("canary_refused", "401", RECEIVED_AT + timedelta(milliseconds=1))


def test_there_is_none_before_the_first_canary(canary_marks: CanaryMarks) -> None:
    assert canary_marks.read() == CanaryMark()


@pytest.mark.parametrize("mark", [CanaryMark().begun(RECEIVED_AT), OUT, FAILED, OUT.back(RECEIVED_AT)])
def test_a_mark_is_read_back_as_it_was_written(canary_marks: CanaryMarks, mark: CanaryMark) -> None:
    written = canary_marks.write(canary_marks.read(), mark)
    assert written is not None
    assert (written, written.version) == (mark, canary_marks.read().version)
    assert canary_marks.read() == mark


def test_a_mark_moves_on_from_what_was_written_and_forgets_an_old_failure(canary_marks: CanaryMarks) -> None:
    failed = canary_marks.write(canary_marks.read(), FAILED)
    assert failed is not None
    assert canary_marks.write(failed, failed.back(RECEIVED_AT))
    assert canary_marks.read() == FAILED.back(RECEIVED_AT)


def test_a_mark_that_another_sweep_wrote_meanwhile_stays(canary_marks: CanaryMarks) -> None:
    before = canary_marks.read()
    first = canary_marks.write(before, OUT)
    assert first is not None
    canary_marks.write(first, FAILED)
    for seen in (before, first):
        assert canary_marks.write(seen, OUT) is None
    assert canary_marks.read() == FAILED


def test_of_many_sweeps_at_once_exactly_one_writes(canary_marks: CanaryMarks) -> None:
    before, won = canary_marks.read(), list[CanaryMark | None]()

    def write() -> None:
        won.append(canary_marks.write(before, OUT))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [mark is None for mark in won].count(False) == 1


@pytest.mark.parametrize(
    "damage",
    [{"State": "elsewhere"}, {"State": 7}, {"PostedAt": "yesterday"}, {"PostedAt": None}, {"LeadId": 7}],
    ids=str,
)
def test_a_damaged_row_counts_as_none_and_is_replaced(storage: Storage, damage: dict[str, object]) -> None:
    marks = AzureCanaryMarks(storage)
    assert marks.write(marks.read(), OUT)
    row = {**storage.table(TABLE).get_entity("sweep", "canary"), **damage}
    storage.table(TABLE).upsert_entity({name: cell for name, cell in row.items() if cell is not None}, mode="replace")
    read = marks.read()
    assert (read, read.version is None) == (CanaryMark(), False)
    assert marks.write(read, FAILED)
    assert marks.read() == FAILED


def test_it_is_another_row_than_that_of_the_sweeps_marks(storage: Storage) -> None:
    canary, marks = AzureCanaryMarks(storage), AzureMarks(storage)
    assert canary.write(canary.read(), OUT)
    assert marks.write(marks.read(), replace(marks.read(), watermark=RECEIVED_AT.date()))
    assert (canary.read(), marks.read().watermark) == (OUT, RECEIVED_AT.date())
