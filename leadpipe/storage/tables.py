"""Tables are made when the first row needs them, so that the straight way asks for nothing twice."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from azure.core.exceptions import HttpResponseError, ResourceExistsError
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
