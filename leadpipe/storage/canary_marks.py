"""Keeps what became of the last canary in one row of the table `leadledger`, after all days."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from leadpipe.model.canary import CanaryMark, CanaryState
from leadpipe.model.log_line import log_line
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.ledger import TABLE
from leadpipe.storage.rows import utc
from leadpipe.storage.tables import keep, row_at

_KEYS = {"PartitionKey": "sweep", "RowKey": "canary"}
_TIMES = {"posted_at": "PostedAt", "ended_at": "EndedAt", "failing_since": "FailingSince"}
_TEXTS = {"lead_id": "LeadId", "step": "Step", "detail": "Detail"}

log = logging.getLogger(__name__)


class AzureCanaryMarks:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def read(self) -> CanaryMark:
        """A row that somebody damaged counts as none: the worst is one canary more."""
        with failures_of("ledger"):
            try:
                row = row_at(self._table, *_KEYS.values())
            except (ValueError, TypeError):  # one unreadable cell makes the SDK fail for the whole row
                row = row_at(self._table, *_KEYS.values(), keys_only=True)
        return CanaryMark() if row is None else replace(_mark(row), version=row.metadata["etag"])

    def write(self, before: CanaryMark, after: CanaryMark) -> CanaryMark | None:
        with failures_of("ledger"):
            version = keep(self._table, _row(after), version=before.version)
        return None if version is None else replace(after, version=version)


def _mark(row: Mapping[str, Any]) -> CanaryMark:
    state, cells = row.get("State"), {field: row.get(column) for field, column in (_TIMES | _TEXTS).items()}
    filled = {field: cell for field, cell in cells.items() if cell is not None}
    is_sound = all(isinstance(cell, datetime if field in _TIMES else str) for field, cell in filled.items())
    if state not in {*CanaryState} or "posted_at" not in filled or not is_sound:
        log.error(log_line("mark_damaged", mark="/".join(_KEYS.values())))
        return CanaryMark()
    values: dict[str, Any] = {field: utc(cell) if field in _TIMES else cell for field, cell in filled.items()}
    return CanaryMark(state=CanaryState(str(state)), **values)


def _row(mark: CanaryMark) -> dict[str, Any]:
    """The row, without the columns that have no value."""
    cells = {column: getattr(mark, field) for field, column in (_TIMES | _TEXTS).items()}
    filled = {column: cell for column, cell in cells.items() if cell not in (None, "")}
    return {**_KEYS, "State": str(mark.state), **filled}
