"""Keeps the ledger in the table `leadledger`: a row for each record and for each event of its history.

A write is either one request or one entity-group transaction, under the record's ETag.
https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from azure.data.tables import TableClient, UpdateMode

from leadpipe.model.always import always
from leadpipe.model.errors import Changed, RecordDamaged
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.log_line import log_line
from leadpipe.model.record import FORGETTABLE, QUEUED, Event, Record, State
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.row_checks import LONGEST_PAUSE, event_of, part_of, record_of
from leadpipe.storage.rows import (
    EVENT_COLUMNS,
    QUOTING,
    RECORD_COLUMNS,
    Row,
    columns_of,
    keys,
    partition,
    row_of_event,
    row_of_record,
    without_quotes,
)
from leadpipe.storage.tables import KEYS, insert, row_at, rows_of, update, update_with

TABLE = "leadledger"
_WHOLE = [*KEYS, "Kind", *RECORD_COLUMNS.values()]
_OF_EVENT = [*KEYS, "Kind", *(column for column in EVENT_COLUMNS.values() if column != "Payload")]
_SUMMARY = [column for column in _WHOLE if column != "Payload"]
# Keys of days are digits; the sweep's marks sort after them in the same table.
_AFTER_ALL_DAYS = ":"
_RECORDS = "not (Kind eq 'event')"
# How many rows to ask for to get one: the first ones may not be leadpipe's.
_FEW = 10

log = logging.getLogger(__name__)
T = TypeVar("T")


class AzureLedger:
    """Thread-safe. `report` is called with each damaged row, which is also logged."""

    def __init__(self, storage: Storage, *, report: Callable[[str], None] = lambda _: None) -> None:
        self._table: TableClient = storage.table(TABLE)
        self._report = report

    def insert(self, record: Record) -> Record | None:
        with failures_of("ledger"):
            version = insert(self._table, row_of_record(record))
        return None if version is None else replace(record, version=version)

    def read(self, lead_id: str, *, damage: list[str] | None = None) -> Record | None:
        with failures_of("ledger"):
            row = row_at(self._table, *keys(lead_id))
        if row is None:
            return None
        flaws: list[str] = []
        record = record_of(row, flaws)
        self._name(flaws, damage)
        return replace(record, version=row.metadata["etag"])

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

    def events(self, lead_id: str, *, damage: list[str] | None = None) -> list[Event]:
        return [*self._sound(event_of, self._history(lead_id), damage)]

    def between(
        self,
        first: date,
        last: date,
        *,
        states: frozenset[State] | None = None,
        reason: str = "",
        payloads: bool = False,
        fields: frozenset[str] | None = None,
        page: int | None = None,
        damage: list[str] | None = None,
    ) -> Iterator[Record]:
        # The service reads every row of these days, so only people should ask for many days, not a timer.
        # Asks for "in none of the other states", which also finds rows whose State or Kind is damaged.
        query = f"PartitionKey ge @first and PartitionKey le @last and {_RECORDS}"
        if states is not None and (others := frozenset(State) - states):
            query = f"{query} and not ({_any_of(others)})"
        parameters = {"first": partition(first), "last": partition(last)}
        if reason:
            query, parameters["reason"] = f"{query} and Reason eq @reason", reason
        if fields is None:
            rows = self._query(query, parameters, select=_WHOLE if payloads else _SUMMARY, page=page)
            return self._sound(record_of, rows, damage)
        columns = columns_of(fields)
        rows = self._query(query, parameters, select=[*KEYS, *columns.values()], page=page)
        return self._sound(lambda row, _: part_of(row, columns), rows, damage)

    def decisions(self, first: date, last: date, *, damage: list[str]) -> Iterator[Event]:
        query = "PartitionKey ge @first and PartitionKey le @last and Kind eq 'event' and Actor gt @nobody"
        parameters = {"first": partition(first), "last": partition(last), "nobody": ""}
        return self._sound(event_of, self._query(query, parameters, select=_OF_EVENT), damage)

    def quotes(self, first: date, last: date, *, damage: list[str]) -> Iterator[Event]:
        # A comparison with a missing column is never true.
        quoting = "(Payload ge @text or Payload ge @bytes or Detail ge @text )"
        query = f"PartitionKey ge @first and PartitionKey le @last and Kind eq 'event' and {quoting}"
        parameters = {"first": partition(first), "last": partition(last), "text": "", "bytes": b"\0"}
        return self._sound(event_of, self._query(query, parameters), damage)

    def moving(self, first: date, since: datetime, *, damage: list[str]) -> Iterator[Record]:
        states = f"not ({_any_of(frozenset(State) - QUEUED)})"
        query = f"PartitionKey ge @first and PartitionKey lt @end and {_RECORDS} and ({states} or UpdatedAt ge @since )"
        parameters = {"first": partition(first), "end": _AFTER_ALL_DAYS, "since": since}
        return self._sound(record_of, self._query(query, parameters, select=_SUMMARY), damage)

    def first_day(self) -> date | None:
        return self.next_day(EPOCH.date())

    def next_day(self, first: date) -> date | None:
        query = f"PartitionKey ge @first and PartitionKey lt @end and {_RECORDS}"
        days = {"first": partition(first), "end": _AFTER_ALL_DAYS}
        found = map(_day_of, self._query(query, days, select=["PartitionKey"], page=_FEW))
        return next(filter(None, found), None)

    def due(
        self, first: date, before: datetime, *, states: frozenset[State], go_on: Callable[[], bool] = always
    ) -> Iterator[Record]:
        # leadpipe never writes a time so far ahead. A damaged one must not hold the lead back.
        time = "NextTryAt lt @before or NextTryAt gt @absurd"
        if states <= QUEUED:
            time = f"{time} or not (NextTryAt gt @never )"  # the column is missing or of another type
        query = f"PartitionKey ge @first and PartitionKey lt @end and {_RECORDS} and ({time} ) and ({_any_of(states)})"
        parameters = {
            "first": partition(first),
            "end": _AFTER_ALL_DAYS,
            "before": before,
            "absurd": before + LONGEST_PAUSE,
            "never": EPOCH,
        }
        return self._sound(record_of, self._query(query, parameters, select=_SUMMARY, go_on=go_on))

    def unforgotten(self, first: date, last: date) -> Iterator[Record]:
        # Retention removes columns from rows, and a comparison with a missing column is never true.
        # The service allows fifteen comparisons in a query.
        query = (
            f"PartitionKey ge @first and PartitionKey le @last and {_RECORDS} and ({_any_of(FORGETTABLE)})"
            " and (Payload ge @text or Payload ge @bytes or Email ge @text or Name ge @text or Company ge @text )"
        )
        parameters = {"first": partition(first), "last": partition(last), "text": "", "bytes": b"\0"}
        return self._sound(record_of, self._query(query, parameters, select=_SUMMARY))

    def forget_details(self, lead_id: str) -> None:
        for row in self._history(lead_id):
            if row.keys() & QUOTING:
                with failures_of("ledger"):
                    self._table.update_entity(without_quotes(row), mode=UpdateMode.REPLACE)

    def ping(self) -> None:
        """Raises StorageFailed if the table cannot be read, and so probably not be written to."""
        with failures_of("ledger"):
            row_at(self._table, "ping", "ping")

    def _history(self, lead_id: str) -> Iterator[Row]:
        day, row_key = keys(lead_id)
        query = "PartitionKey eq @day and RowKey ge @first and RowKey lt @last"
        return self._query(query, {"day": day, "first": f"{row_key}~", "last": f"{row_key}~~"})

    def _sound(
        self, read: Callable[[Row, list[str]], T], rows: Iterable[Row], damage: list[str] | None = None
    ) -> Iterator[T]:
        """Reads the rows. Damaged ones are reported and skipped; healed ones are reported."""
        for row in rows:
            made, found = [], list[str]()
            try:
                made.append(read(row, found))
            except RecordDamaged as damaged:
                found.append(damaged.detail)
            self._name(found, damage)
            yield from made

    def _name(self, found: Iterable[str], damage: list[str] | None) -> None:
        """Adds what was found to `damage`, or reports it if the caller gave no list."""
        if damage is not None:
            damage += found
            return
        for each in found:
            log.error(log_line("record_damaged", detail=each))
            self._report(each)

    def _query(
        self,
        query: str,
        parameters: dict[str, Any],
        *,
        select: list[str] | None = None,
        page: int | None = None,
        go_on: Callable[[], bool] = always,
    ) -> Iterator[dict[str, Any]]:
        with failures_of("ledger"):
            yield from rows_of(self._table, query, parameters, select=select, page=page, go_on=go_on)


def _day_of(row: Row) -> date | None:
    """Gives the row's day; None if its key is not a day, so leadpipe did not write it."""
    key = row["PartitionKey"]
    try:
        day = date.fromisoformat(key)
    except ValueError:
        return None
    # A key such as `2026-11-25` sorts before the days of its year, so a walk that jumped to its date would skip them.
    return day if partition(day) == key else None


def _any_of(states: frozenset[State]) -> str:
    return " or ".join(f"State eq '{state}'" for state in sorted(states))


def _difference(before: Row, after: Row) -> tuple[Row, UpdateMode]:
    """Gives what has to be sent: the changed columns, or the whole row if one is removed, which a merge cannot do."""
    if before.keys() - after.keys():
        return after, UpdateMode.REPLACE
    changed = {column: cell for column, cell in after.items() if before.get(column) != cell}
    return {**changed, "PartitionKey": after["PartitionKey"], "RowKey": after["RowKey"]}, UpdateMode.MERGE
