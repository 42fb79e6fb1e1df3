"""The ledger: the table `leadledger`, one row a record and one for each line of its history.

A write is either one request or one entity-group transaction, under the record's ETag.
https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.data.tables import TableClient, UpdateMode

from leadpipe.model.errors import Changed, StorageFailed
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import always
from leadpipe.model.record import FORGETTABLE, Event, Record, State
from leadpipe.storage.connection import Storage, failures_of
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
from leadpipe.storage.tables import by_page, create_missing

TABLE = "leadledger"
_KEYS = ["PartitionKey", "RowKey"]
_WHOLE = [*_KEYS, *RECORD_COLUMNS.values()]
_SUMMARY = [column for column in _WHOLE if column != "Payload"]
# Days are digits; the sweep's marks stand behind them in the same table.
_AFTER_ALL_DAYS = ":"
# Rows that are asked for where one is wanted: the first ones may be none of leadpipe's.
_FEW = 10
# What the service answers when a row is not what was read, was deleted, or (the event) is there already.
_CHANGED = frozenset({404, 409, 412})

log = logging.getLogger(__name__)
T = TypeVar("T")


class AzureLedger:
    """Thread-safe."""

    def __init__(self, storage: Storage) -> None:
        self._table: TableClient = storage.table(TABLE)

    def insert(self, record: Record) -> Record | None:
        row = row_of_record(record)
        with failures_of("ledger"):
            try:
                written = create_missing(self._table, lambda: self._table.create_entity(row))
            except ResourceExistsError:
                return None
        return replace(record, version=written["etag"])

    def read(self, lead_id: str) -> Record | None:
        with failures_of("ledger"):
            try:
                row = self._table.get_entity(*keys(lead_id))
            except ResourceNotFoundError:
                return None
        return record_of(row, row.metadata["etag"])

    def write(self, before: Record, after: Record, event: Event | None) -> Record:
        if before.version is None:
            raise Changed("record_unread", "a listed record has no version: read it before it is written")
        condition: dict[str, Any] = {"etag": before.version, "match_condition": MatchConditions.IfNotModified}
        row, mode = _difference(row_of_record(before), row_of_record(after))
        with failures_of("ledger"):
            try:
                if event is None:
                    etag = self._table.update_entity(row, mode=mode, **condition)["etag"]
                else:
                    update = ("update", row, {"mode": mode, **condition})
                    etag = self._table.submit_transaction([update, ("create", row_of_event(event))])[0]["etag"]
            except HttpResponseError as error:
                if error.status_code in _CHANGED:
                    raise Changed("record_changed", after.lead_id) from error
                raise
        return replace(after, version=etag)

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
        return self.next_day(EPOCH.date())

    def next_day(self, first: date) -> date | None:
        query = "PartitionKey ge @first and PartitionKey lt @end and Kind eq 'record'"
        days = {"first": partition(first), "end": _AFTER_ALL_DAYS}
        found = map(_day_of, self._query(query, days, select=["PartitionKey"], page=_FEW))
        return next(filter(None, found), None)

    def due(
        self, first: date, before: datetime, *, states: frozenset[State], go_on: Callable[[], bool] = always
    ) -> Iterator[Record]:
        query = f"PartitionKey ge @first and PartitionKey lt @end and NextTryAt lt @before and ({_any_of(states)})"
        parameters = {"first": partition(first), "end": _AFTER_ALL_DAYS, "before": before}
        return _sound(record_of, self._query(query, parameters, select=_SUMMARY, go_on=go_on))

    def unforgotten(self, first: date, last: date) -> Iterator[Record]:
        # A row lacks the columns that retention has cleared, and a comparison with a missing column is never true.
        # The service takes fifteen comparisons in a query.
        query = (
            f"PartitionKey ge @first and PartitionKey le @last and Kind eq 'record' and ({_any_of(FORGETTABLE)})"
            " and (Payload ge @text or Payload ge @bytes or Email ge @text or Name ge @text or Company ge @text )"
        )
        parameters = {"first": partition(first), "last": partition(last), "text": "", "bytes": b"\0"}
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
            try:
                self._table.get_entity("ping", "ping")
            except ResourceNotFoundError:
                return

    def _query(
        self,
        query: str,
        parameters: dict[str, Any],
        *,
        select: list[str] | None = None,
        page: int | None = None,
        go_on: Callable[[], bool] = always,
    ) -> Iterator[dict[str, Any]]:
        found = self._table.query_entities(query, parameters=parameters, select=select, results_per_page=page)
        with failures_of("ledger"):
            try:
                yield from by_page(found, go_on)
            except ResourceNotFoundError:
                return  # no lead has come yet, so there is no table


def _sound(made: Callable[[Row], T], rows: Iterable[Row]) -> Iterator[T]:
    """What the rows say. One that leadpipe did not write so is told and left out: the others must not suffer for it."""
    for row in rows:
        try:
            yield made(row)
        except StorageFailed as damage:
            log.error(log_line("record_damaged", detail=damage.detail))


def _day_of(row: Row) -> date | None:
    """None for a row whose key is no day: leadpipe did not write it."""
    try:
        return date.fromisoformat(row["PartitionKey"])
    except ValueError:
        return None


def _any_of(states: frozenset[State]) -> str:
    return " or ".join(f"State eq '{state}'" for state in sorted(states))


def _difference(before: Row, after: Row) -> tuple[Row, UpdateMode]:
    """What has to be sent: the changed columns, or the whole row where one has to vanish, which no merge can do."""
    if before.keys() - after.keys():
        return after, UpdateMode.REPLACE
    changed = {column: cell for column, cell in after.items() if before.get(column) != cell}
    return {**changed, "PartitionKey": after["PartitionKey"], "RowKey": after["RowKey"]}, UpdateMode.MERGE
