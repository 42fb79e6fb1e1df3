"""The sweep's marks: one row of the table `leadledger`, behind all days."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from azure.data.tables import UpdateMode

from leadpipe.model.ports import Marks
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.ledger import TABLE
from leadpipe.storage.rows import utc
from leadpipe.storage.tables import insert, row_at, update

_KEYS = {"PartitionKey": "sweep", "RowKey": "marks"}
_COLUMNS = {
    "watermark": "Watermark",
    "looked_back_at": "LookedBackAt",
    "taken_in_until": "TakenInUntil",
    "forgotten_before": "ForgottenBefore",
    "expiry_told_on": "ExpiryToldOn",
}


class AzureMarks:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def read(self) -> Marks:
        with failures_of("ledger"):
            row = row_at(self._table, _KEYS["PartitionKey"], _KEYS["RowKey"])
        if row is None:
            return Marks()
        cells: dict[str, Any] = {field: _cell(row[column]) for field, column in _COLUMNS.items() if column in row}
        return replace(Marks(**cells), version=row.metadata["etag"])

    def write(self, before: Marks, after: Marks) -> bool:
        row = _KEYS | {column: _told(getattr(after, field)) for field, column in _COLUMNS.items()}
        with failures_of("ledger"):
            if before.version is None:
                return insert(self._table, row) is not None
            return update(self._table, row, UpdateMode.REPLACE, version=before.version) is not None


def _told(mark: date | datetime | None) -> Any:
    """A day as text, since the table's own kind of date has a time."""
    return mark.isoformat() if isinstance(mark, date) and not isinstance(mark, datetime) else mark


def _cell(cell: Any) -> date | datetime:
    return utc(cell) if isinstance(cell, datetime) else date.fromisoformat(cell)
