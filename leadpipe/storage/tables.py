"""What all tables have in common: they are made when the first row needs them, and read page by page."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.core.paging import ItemPaged
from azure.data.tables import TableClient

T = TypeVar("T")


def create_missing(table: TableClient, write: Callable[[], T]) -> T:
    """Does the write, and once more after making the table where that is what was missing."""
    try:
        return write()
    except HttpResponseError as error:
        if error.status_code != 404:
            raise
    with suppress(ResourceExistsError):  # another instance was faster
        table.create_table()
    return write()


def by_page(rows: ItemPaged[Any], go_on: Callable[[], bool]) -> Iterator[Any]:
    """The rows, as long as `go_on` says yes: it is asked after each page, and a page may well be empty.

    The service answers after five seconds even where it has found nothing yet, and the SDK would ask on and on.
    https://learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination
    """
    for page in rows.by_page():
        yield from page
        if not go_on():
            return
