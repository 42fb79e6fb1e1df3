"""Reads and writes rows for the adapters, and decides which answers mean done, exists and missing.

Tables are made when the first row needs them, so the normal case needs no extra request.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableClient, TableEntity, UpdateMode

from leadpipe.model.always import always
from leadpipe.model.errors import RowRefused
from leadpipe.storage.answers import (
    Ignoring,
    NotAnAnswerError,
    row_changed,
    row_exists,
    row_missing,
    table_exists,
    table_missing,
)
from leadpipe.storage.failures import row_refusals

KEYS = ("PartitionKey", "RowKey")
# All types that the SDK can write. It writes an int as Edm.Int32.
_KINDS = (str, bytes, bool, int, float, datetime, UUID, Enum, tuple, type(None))
_INT32 = range(-(2**31), 2**31)

T = TypeVar("T")
Row = Mapping[str, Any]


def insert(table: TableClient, row: Row) -> str | None:
    """Adds the row, making a missing table, and gives its version; None if the keys have a row already."""
    return create_missing(table, lambda: _inserted(table, row))


def update(table: TableClient, row: Row, mode: UpdateMode, *, version: str) -> str | None:
    """Writes the row and gives its new version; None if it was changed or deleted since it was read."""
    condition: dict[str, Any] = {"etag": version, "match_condition": MatchConditions.IfNotModified}
    with Ignoring(row_changed):
        return version_in(_sent(table, [row], lambda: table.update_entity(row, mode=mode, **condition)))
    return None


def keep(table: TableClient, row: Row, *, version: str | None) -> str | None:
    """Adds the row, or replaces the one of that version, and gives the new version; None if somebody was faster."""
    return insert(table, row) if version is None else update(table, row, UpdateMode.REPLACE, version=version)


def update_with(table: TableClient, row: Row, mode: UpdateMode, new: Row, *, version: str) -> str | None:
    """Writes the row and adds a new one of the same partition, both or none; otherwise like `update`.

    None also if the new row exists already.
    """
    condition: dict[str, Any] = {"mode": mode, "etag": version, "match_condition": MatchConditions.IfNotModified}
    both: list[Any] = [("update", row, condition), ("create", new)]
    with Ignoring(row_changed, row_exists):
        written = _sent(table, [row, new], lambda: table.submit_transaction(both))
        if len(written) != len(both):
            raise NotAnAnswerError(f"{len(written)} answers to {len(both)} changes")
        return version_in(written[0])
    return None


def row_at(table: TableClient, partition_key: str, row_key: str, *, keys_only: bool = False) -> TableEntity | None:
    """Gives the row under these keys; None if the service says that the row or the table does not exist."""
    with Ignoring(row_missing, table_missing):
        row = table.get_entity(partition_key, row_key, select=[*KEYS] if keys_only else None)
        if (row.get("PartitionKey"), row.get("RowKey")) != (partition_key, row_key):
            raise NotAnAnswerError("another row, or none")
        version_in(row.metadata)
        return row
    return None


def exists(table: TableClient) -> bool:
    """Says whether the service has the table."""
    with Ignoring(table_missing):
        with Ignoring(row_missing):
            table.get_entity("-", "-", select=[*KEYS])
        return True
    return False


def rows_of(
    table: TableClient,
    query: str,
    parameters: Mapping[str, Any],
    *,
    select: list[str] | None = None,
    page: int | None = None,
    go_on: Callable[[], bool] = always,
) -> Iterator[TableEntity]:
    """Gives the rows that the query finds; none if the service says that the table does not exist.

    `go_on` is asked after each page, which may be empty: the service answers after five seconds even if it has found
    nothing yet, and the SDK would go on asking.
    https://learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination
    """
    columns = None if select is None else [*dict.fromkeys([*KEYS, *select])]
    answers: list[None] = []

    def seen(answer: Any) -> None:
        _require_no_page(answer)
        answers.append(None)

    found = table.query_entities(
        query, parameters=dict(parameters), select=columns, results_per_page=page, raw_response_hook=seen
    )
    pages: Any = found.by_page()
    with Ignoring(row_missing, table_missing):
        for rows in pages:
            yield from map(_with_keys, rows)
            if not go_on():
                return
        if not answers or pages.continuation_token:
            raise NotAnAnswerError("no end of the list")  # a StopIteration out of the SDK looks like the end


def delete(table: TableClient, partition_key: str, row_key: str, *, version: str | None = None) -> None:
    """Removes the row, if the row and its table exist. With a version: unless it was changed since it was read.

    Checks the answer itself, since the SDK ignores any 404.
    """
    answers: list[Any] = []
    condition: dict[str, Any] = {"etag": version, "match_condition": MatchConditions.IfNotModified} if version else {}
    with Ignoring(row_changed):
        table.delete_entity(
            partition_key,
            row_key,
            raw_response_hook=lambda answer: answers.append(answer.http_response),
            **condition,
        )
    if answers and answers[-1].status_code == 404:
        with Ignoring(row_missing, table_missing):
            raise HttpResponseError(response=answers[-1])


def create_missing(table: TableClient, write: Callable[[], T]) -> T:
    """Does the write; if the table is missing, makes it and writes again."""
    with Ignoring(table_missing):
        return write()
    with Ignoring(table_exists):  # another instance was faster
        table.create_table()
    return write()


def _with_keys(row: TableEntity) -> TableEntity:
    if not all(isinstance(row.get(key), str) for key in KEYS):
        raise NotAnAnswerError("a row without its keys")
    return row


def _inserted(table: TableClient, row: Row) -> str | None:
    with Ignoring(row_exists):
        return version_in(_sent(table, [row], lambda: table.create_entity(row)))
    return None


def _sent(table: TableClient, rows: list[Row], send: Callable[[], T]) -> T:
    with row_refusals(f"the table {table.table_name}"):
        try:
            return send()
        except (TypeError, ValueError, OverflowError) as error:
            if not all(_can_be_sent(cell) for row in rows for cell in row.values()):
                kind = type(error).__name__
                raise RowRefused("row_refused", f"a row of the table {table.table_name}: {kind}") from error
            raise


def _can_be_sent(cell: object) -> bool:
    """Says whether a table can hold the value; otherwise the SDK raises before it sends anything."""
    return isinstance(cell, _KINDS) and (type(cell) is not int or cell in _INT32)


def _require_no_page(answer: Any) -> None:
    """Refuses answers that are not rows: the SDK reads any XML as an empty list."""
    if answer.http_response.status_code == 200 and "xml" in answer.http_response.headers.get("Content-Type", ""):
        raise NotAnAnswerError("no list of rows")


def version_in(answer: Mapping[str, Any]) -> str:
    version = answer.get("etag")
    if not isinstance(version, str) or not version:
        raise NotAnAnswerError("no version of the row")
    return version
