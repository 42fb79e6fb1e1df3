"""Keeps the sweep's marks in one row of the table `leadledger`, after all days."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from leadpipe.model.marks import TIMES
from leadpipe.model.ports import Marks
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.ledger import TABLE
from leadpipe.storage.rows import utc
from leadpipe.storage.tables import keep, row_at

_KEYS = {"PartitionKey": "sweep", "RowKey": "marks"}
_COLUMNS = {
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
# Written for a damaged mark, which then stays damaged until the sweep writes a new one.
_DAMAGED = "damaged"


class AzureMarks:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def read(self) -> Marks:
        with failures_of("ledger"):
            try:
                row = row_at(self._table, *_KEYS.values())
            except (ValueError, TypeError):  # one unreadable cell makes the SDK fail for the whole row
                row = row_at(self._table, *_KEYS.values(), keys_only=True)
                return Marks() if row is None else Marks(damaged=frozenset(_COLUMNS), version=row.metadata["etag"])
        return Marks() if row is None else replace(_marks(row), version=row.metadata["etag"])

    def write(self, before: Marks, after: Marks) -> bool:
        with failures_of("ledger"):
            return keep(self._table, _row(after), version=before.version) is not None


def _marks(row: Mapping[str, Any]) -> Marks:
    marks: dict[str, Any] = {}
    damaged = set()
    for mark, column in _COLUMNS.items():
        try:
            marks[mark] = None if row.get(column) is None else _mark(row[column], is_time=mark in TIMES)
        except ValueError:
            damaged.add(mark)
    return Marks(**marks, damaged=frozenset(damaged))


def _mark(cell: Any, *, is_time: bool) -> date | datetime:
    """Reads a mark. Raises ValueError for a cell of another type than leadpipe writes."""
    if is_time and isinstance(cell, datetime):
        return utc(cell)
    if not is_time and isinstance(cell, str):
        return date.fromisoformat(cell)
    raise ValueError


def _row(marks: Marks) -> dict[str, Any]:
    cells = {column: _cell(getattr(marks, mark)) for mark, column in _COLUMNS.items()}
    return {**_KEYS, **cells, **{_COLUMNS[mark]: _DAMAGED for mark in marks.damaged}}


def _cell(mark: date | datetime | None) -> Any:
    """Writes a day as text, since a date in a table has a time."""
    return mark.isoformat() if isinstance(mark, date) and not isinstance(mark, datetime) else mark
