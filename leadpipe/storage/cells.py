"""Makes any row fit the cells of Azure Tables.

The service would refuse a row with one cell over its limit, at every try.
https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model#property-types
"""

from collections.abc import Mapping
from typing import Any

from azure.data.tables import EntityProperty

from leadpipe.model.record import LONGEST_BYTES, LONGEST_TEXT, kept
from leadpipe.model.text import bounded, utf16_length

LARGEST_NUMBER = (1 << 31) - 1


def fitted(row: Mapping[str, Any]) -> dict[str, Any]:
    """Shortens texts and bytes, and bounds whole numbers, to a cell's limit.

    The whole row then fits too: leadpipe's tables have at most 13 columns of text, of at most 64 KiB each, and a row
    takes 1 MiB.
    """
    return {column: _fitted(cell) for column, cell in row.items()}


def payload_cell(payload: str | bytes | None) -> str | bytes | None:
    """Gives the payload as text, or as UTF-8 bytes if only those fit; `payload_of` reads both."""
    payload = kept(payload)
    if isinstance(payload, str) and utf16_length(payload) > LONGEST_TEXT:
        return payload.encode()
    return payload


def payload_of(cell: str | bytes) -> str | bytes:
    """Gives back what was given to `payload_cell`."""
    if isinstance(cell, str) or len(cell) <= LONGEST_TEXT:
        return cell
    try:
        text = cell.decode()
    except UnicodeDecodeError:
        return cell
    return text if utf16_length(text) > LONGEST_TEXT else cell


def plain(cell: Any) -> Any:
    """Unwraps a cell's value: the SDK wraps 64-bit numbers, and types that it does not know."""
    return cell.value if isinstance(cell, EntityProperty) else cell


def _fitted(cell: Any) -> Any:
    if isinstance(cell, str):
        return bounded(cell, LONGEST_TEXT)
    if isinstance(cell, bytes):
        return cell[:LONGEST_BYTES]
    if isinstance(cell, int) and not isinstance(cell, bool):
        return max(-LARGEST_NUMBER, min(cell, LARGEST_NUMBER))
    return cell
