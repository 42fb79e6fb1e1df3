"""The row of the sweep's marks, damaged in each way: it is read, and the sweep that follows loses nothing."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from azure.data.tables import EdmType, TableClient, UpdateMode

from leadpipe.model.errors import StorageFailed
from leadpipe.model.ports import Marks
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.connection import connect
from leadpipe.storage.marks import AzureMarks

COLUMNS = {
    "watermark": "Watermark",
    "looked_back_at": "LookedBackAt",
    "looking_from": "LookingFrom",
    "taken_in_until": "TakenInUntil",
    "forgotten_before": "ForgottenBefore",
    "forgetting_from": "ForgettingFrom",
    "expiry_told_on": "ExpiryToldOn",
    "probes_fail_since": "ProbesFailSince",
    "next_probe_at": "NextProbeAt",
    "reconciled_at": "ReconciledAt",
}
TIMES = {"looked_back_at", "taken_in_until", "probes_fail_since", "next_probe_at", "reconciled_at"}
AT = datetime(2026, 3, 14, tzinfo=UTC)
DAY = date(2026, 3, 13)
WHOLE = Marks(**{mark: AT if mark in TIMES else DAY for mark in COLUMNS})  # type: ignore[arg-type]
CELLS: dict[str, Any] = {
    "text": "rubbish",
    "no text": "",
    "number": 7,
    "large number": (2**40, EdmType.INT64),
    "fraction": 0.5,
    "flag": True,
    "bytes": b"\0",
    "huge": "x" * 32_000,
}


class Row:
    def __init__(self, account: str) -> None:
        storage = connect(StorageByKey(connection_string=account), retries=0)
        self.marks = AzureMarks(storage)
        self.table: TableClient = storage.table("leadledger")
        self.marks.write(self.marks.read(), WHOLE)

    def put(self, **cells: Any) -> None:
        self.table.update_entity({"PartitionKey": "sweep", "RowKey": "marks", **cells}, mode=UpdateMode.MERGE)


@pytest.fixture
def row(storage_account: str) -> Row:
    return Row(storage_account)


@pytest.mark.parametrize("cell", CELLS)
def test_each_mark_of_another_kind_is_damaged_and_the_others_stay(row: Row, cell: str) -> None:
    for mark, column in COLUMNS.items():
        row.put(**{column: CELLS[cell]})
        read = row.marks.read()
        assert read.damaged == {mark}
        assert [getattr(read, other) for other in COLUMNS] == [
            None if other == mark else getattr(WHOLE, other) for other in COLUMNS
        ]
        assert row.marks.write(read, WHOLE)


def test_a_time_instead_of_a_day_and_a_day_instead_of_a_time_are_damaged(row: Row) -> None:
    row.put(Watermark=AT, LookedBackAt="2026-03-14")
    assert row.marks.read().damaged == {"watermark", "looked_back_at"}


def test_a_cell_that_the_sdk_cannot_read_damages_the_row_which_can_be_rewritten(row: Row) -> None:
    row.put(Watermark=("rubbish", "Edm.DateTime"))
    read = row.marks.read()
    assert read.damaged == {*COLUMNS}
    assert row.marks.write(read, WHOLE)
    assert row.marks.read() == WHOLE


def test_storage_that_is_away_is_no_damage(storage_account: str, free_port: int) -> None:
    away = "".join(
        f"http://127.0.0.1:{free_port}/test0;" if part.startswith("http://") else part
        for part in storage_account.replace("Endpoint=", "Endpoint=\n").replace(";", ";\n").splitlines()
    )
    with pytest.raises(StorageFailed):
        AzureMarks(connect(StorageByKey(connection_string=away), retries=0)).read()
