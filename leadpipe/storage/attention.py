"""Keeps the sweep's pulse and its marks of attention, in one partition of `leadledger` after all days.

One query reads them all.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from azure.data.tables import TableEntity

from leadpipe.model.attention import Attention, Stage
from leadpipe.model.log_line import log_line
from leadpipe.model.pulse import Pulse
from leadpipe.model.text import bounded
from leadpipe.model.told import Told
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.ledger import TABLE
from leadpipe.storage.rows import utc
from leadpipe.storage.tables import delete, keep, rows_of, version_in

PARTITION = "attention"
_ALL, _PARTITION = "PartitionKey eq @partition", {"partition": PARTITION}
_PULSE = "pulse"
LONGEST = 1000

log = logging.getLogger(__name__)


class AzureAttention:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table = storage.table(TABLE)

    def read(self) -> tuple[Pulse, dict[str, Told]]:
        pulse, marks = Pulse(), dict[str, Told]()
        with failures_of("ledger"):
            for row in self._rows():
                version = version_in(row.metadata)
                if row["RowKey"] == _PULSE:
                    pulse = Pulse.from_text(row.get("Pulse", ""), version)
                elif mark := _mark_of(row, version):
                    marks[mark.attention.key] = mark
                else:
                    self._drop(row)
        return pulse, marks

    def _rows(self) -> list[TableEntity]:
        """All rows. If the SDK cannot read one of them, drops all: at worst something is counted or said once more."""
        try:
            return [*rows_of(self._table, _ALL, _PARTITION)]
        except (ValueError, TypeError):
            for row in rows_of(self._table, _ALL, _PARTITION, select=[]):
                self._drop(row)
            return []

    def _drop(self, row: Mapping[str, Any]) -> None:
        log.error(log_line("mark_damaged", mark=f"{PARTITION}/{row['RowKey']}"))
        delete(self._table, PARTITION, row["RowKey"])

    def keep_pulse(self, before: Pulse, after: Pulse) -> bool:
        row = {"PartitionKey": PARTITION, "RowKey": _PULSE, "Pulse": after.to_text()}
        with failures_of("ledger"):
            return keep(self._table, row, version=before.version) is not None

    def mark(self, before: Told | None, after: Told | None) -> Told | None:
        with failures_of("ledger"):
            if after is None:
                if before is not None:
                    delete(self._table, PARTITION, _row_key(before), version=before.version)
                return None
            version = keep(self._table, _row(after), version=before.version if before else None)
        return replace(after, version=version) if version else None


def _row_key(mark: Told) -> str:
    return f"told-{sha256(mark.attention.key.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _row(mark: Told) -> dict[str, Any]:
    attention = mark.attention
    row = {
        "PartitionKey": PARTITION,
        "RowKey": _row_key(mark),
        "Reason": attention.reason,
        "About": attention.about,
        "Says": bounded(attention.says, LONGEST),
        "Fix": bounded(attention.fix, LONGEST),
        "Count": min(attention.count, 1_000_000_000),
        "Since": attention.since,
        "ToldAt": mark.at,
        "IsOver": mark.is_over,
        "Pending": str(mark.pending or ""),
        "TriedAt": mark.tried_at,
        "Posted": mark.posted,
        "HeardAt": mark.heard_at,
    }
    return {column: cell for column, cell in row.items() if cell is not None}


def _mark_of(row: Mapping[str, Any], version: str) -> Told | None:
    """The mark; None for a row that is not in leadpipe's format."""
    try:
        attention = Attention(
            reason=_text(row, "Reason"),
            about=_text(row, "About"),
            says=_text(row, "Says"),
            fix=_text(row, "Fix"),
            count=_number(row, "Count"),
            since=_time(row, "Since"),
        )
        at, pending = _time(row, "ToldAt"), _text(row, "Pending")
        if at is None:
            return None
        mark = Told(
            attention=attention,
            at=at,
            is_over=row["IsOver"] is True,
            pending=Stage(pending) if pending else None,
            tried_at=_time(row, "TriedAt"),
            posted=row["Posted"] is True,
            heard_at=_time(row, "HeardAt"),
            version=version,
        )
    except (KeyError, TypeError, ValueError):
        return None
    return mark if row["RowKey"] == _row_key(mark) else None


def _text(row: Mapping[str, Any], column: str) -> str:
    if not isinstance(row[column], str):
        raise TypeError(column)
    return str(row[column])


def _number(row: Mapping[str, Any], column: str) -> int:
    if type(row[column]) is not int:
        raise TypeError(column)
    return int(row[column])


def _time(row: Mapping[str, Any], column: str) -> datetime | None:
    cell = row.get(column)
    if cell is not None and not isinstance(cell, datetime):
        raise TypeError(column)
    return None if cell is None else utc(cell)
