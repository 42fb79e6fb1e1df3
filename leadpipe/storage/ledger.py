"""The ledger: the table `leadledger`, one row a record and one for each line of its history.

A write is either one request or one entity-group transaction, under the record's ETag.
https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from azure.data.tables import TableClient, UpdateMode

from leadpipe.model.errors import Changed, StorageFailed
from leadpipe.model.log_line import log_line
from leadpipe.model.record import Event, Record, State
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.rows import (
    QUOTING,
    RECORD_COLUMNS,
    Row,
    event_of,
    keys,
    partition,
    record_of,
    row_of_event,
    row_of_record,
    without_quotes,
)
from leadpipe.storage.tables import KEYS, insert, row_at, rows_of, update, update_with

TABLE = "leadledger"
_WHOLE = [*KEYS, *RECORD_COLUMNS.values()]
_SUMMARY = [column for column in _WHOLE if column != "Payload"]
# Days are digits; the sweep's marks stand behind them in the same table.
_AFTER_ALL_DAYS = ":"

log = logging.getLogger(__name__)
T = TypeVar("T")


class AzureLedger:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table: TableClient = storage.table(TABLE)

    def insert(self, record: Record) -> Record | None:
        with failures_of("ledger"):
            version = insert(self._table, row_of_record(record))
        return None if version is None else replace(record, version=version)

    def read(self, lead_id: str) -> Record | None:
        with failures_of("ledger"):
            row = row_at(self._table, *keys(lead_id))
        return None if row is None else record_of(row, row.metadata["etag"])

    def write(self, before: Record, after: Record, event: Event | None) -> Record:
        if before.version is None:
            raise Changed("record_unread", "a listed record has no version: read it before it is written")
        row, mode = _difference(row_of_record(before), row_of_record(after))
        with failures_of("ledger"):
            if event is None:
                version = update(self._table, row, mode, version=before.version)
            else:
                version = update_with(self._table, row, mode, row_of_event(event), version=before.version)
        if version is None:
            raise Changed("record_changed", after.lead_id)
        return replace(after, version=version)

    def events(self, lead_id: str) -> list[Event]:
        day, row_key = keys(lead_id)
        query = "PartitionKey eq @day and RowKey ge @first and RowKey lt @last"
        found = self._query(query, {"day": day, "first": f"{row_key}~", "last": f"{row_key}~~"})
        return [*_sound(event_of, found)]

    def records(self, day: date, *, states: frozenset[State] | None = None) -> Iterator[Record]:
        return self.between(day, day, states=states)

    def between(
        self, first: date, last: date, *, states: frozenset[State] | None = None, payloads: bool = False
    ) -> Iterator[Record]:
        # The service reads all of those days to find some states: for many days this is for people, not for a timer.
        query = "PartitionKey ge @first and PartitionKey le @last and Kind eq 'record'"
        if states is not None:
            query = f"{query} and ({_any_of(states)})"
        select = _WHOLE if payloads else _SUMMARY
        days = {"first": partition(first), "last": partition(last)}
        return _sound(record_of, self._query(query, days, select=select))

    def damaged(self, first: date, last: date) -> Iterator[str]:
        query = "PartitionKey ge @first and PartitionKey le @last and Kind eq 'record'"
        days = {"first": partition(first), "last": partition(last)}
        for row in self._query(query, days, select=_SUMMARY):
            try:
                record_of(row)
            except StorageFailed as damage:
                yield damage.detail

    def first_day(self) -> date | None:
        """The UTC day of the oldest record; None while there is none."""
        query = "PartitionKey ge @first and PartitionKey lt @end"
        days = self._query(query, {"first": "0", "end": _AFTER_ALL_DAYS}, select=["PartitionKey"], page=1)
        oldest = next(days, None)
        return None if oldest is None else date.fromisoformat(oldest["PartitionKey"])

    def due(self, first: date, before: datetime, *, states: frozenset[State]) -> Iterator[Record]:
        query = f"PartitionKey ge @first and PartitionKey lt @end and NextTryAt lt @before and ({_any_of(states)})"
        parameters = {"first": partition(first), "end": _AFTER_ALL_DAYS, "before": before}
        return _sound(record_of, self._query(query, parameters, select=_SUMMARY))

    def forget_details(self, lead_id: str) -> None:
        day, row_key = keys(lead_id)
        query = "PartitionKey eq @day and RowKey ge @first and RowKey lt @last"
        for row in self._query(query, {"day": day, "first": f"{row_key}~", "last": f"{row_key}~~"}):
            if row.keys() & QUOTING:
                with failures_of("ledger"):
                    self._table.update_entity(without_quotes(row), mode=UpdateMode.REPLACE)

    def ping(self) -> None:
        """Raises StorageFailed when the table could not be written to now, as far as reading it tells."""
        with failures_of("ledger"):
            row_at(self._table, "ping", "ping")

    def _query(
        self, query: str, parameters: dict[str, Any], *, select: list[str] | None = None, page: int | None = None
    ) -> Iterator[dict[str, Any]]:
        with failures_of("ledger"):
            yield from rows_of(self._table, query, parameters, select=select, page=page)


def _sound(made: Callable[[Row], T], rows: Iterable[Row]) -> Iterator[T]:
    """What the rows say. One that leadpipe did not write so is told and left out: the others must not suffer for it."""
    for row in rows:
        try:
            yield made(row)
        except StorageFailed as damage:
            log.error(log_line("record_damaged", detail=damage.detail))


def _any_of(states: frozenset[State]) -> str:
    return " or ".join(f"State eq '{state}'" for state in sorted(states))


def _difference(before: Row, after: Row) -> tuple[Row, UpdateMode]:
    """What has to be sent: the changed columns, or the whole row where one has to vanish, which no merge can do."""
    if before.keys() - after.keys():
        return after, UpdateMode.REPLACE
    changed = {column: cell for column, cell in after.items() if before.get(column) != cell}
    return {**changed, "PartitionKey": after["PartitionKey"], "RowKey": after["RowKey"]}, UpdateMode.MERGE
