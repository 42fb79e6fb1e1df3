"""Writes records and events as rows of the table `leadledger`. Both keys follow from the lead id alone."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from leadpipe.model.lead_id import milliseconds, received_at
from leadpipe.model.record import Event, Record, State
from leadpipe.storage.cells import fitted, payload_cell

Row = dict[str, Any]

_LAST_MILLISECOND = (1 << 48) - 1

RECORD_COLUMNS = {
    "lead_id": "LeadId",
    "state": "State",
    "reason": "Reason",
    "detail": "Detail",
    "attempt": "Attempt",
    "rounds": "Rounds",
    "received_at": "ReceivedAt",
    "written_at": "WrittenAt",
    "updated_at": "UpdatedAt",
    "next_try_at": "NextTryAt",
    "failing_since": "FailingSince",
    "fingerprint": "Fingerprint",
    "duplicate_of": "DuplicateOf",
    "own_lead": "OwnLead",
    "offer": "Offer",
    "source": "Source",
    "action": "Action",
    "email": "Email",
    "name": "Name",
    "company": "Company",
    "is_test": "IsTest",
    "key_name": "KeyName",
    "payload": "Payload",
}
EVENT_COLUMNS = {
    "lead_id": "LeadId",
    "at": "At",
    "event": "Event",
    "state": "State",
    "reason": "Reason",
    "detail": "Detail",
    "actor": "Actor",
    "payload": "Payload",
}
# Columns of an event that may quote the lead: what was posted, what Dynamics or a plug-in answered.
QUOTING = frozenset({"Payload", "Detail"})


def partition(day: date) -> str:
    return day.isoformat().replace("-", "")  # strftime takes three times as long, for each row that is read


def keys(lead_id: str) -> tuple[str, str]:
    """Gives the record's PartitionKey, the UTC day of receipt, and RowKey, newest first within it."""
    at = received_at(lead_id)
    return partition(at.astimezone(UTC).date()), f"{_LAST_MILLISECOND - milliseconds(at):012x}-{lead_id}"


def columns_of(fields: frozenset[str]) -> dict[str, str]:
    """Gives the columns of some fields of a record, and those that every record has to have."""
    return {field: column for field, column in RECORD_COLUMNS.items() if field in fields | {"lead_id", "state"}}


def row_of_record(record: Record) -> Row:
    return fitted({"Kind": "record", **_filled(record, RECORD_COLUMNS), **_key_columns(*keys(record.lead_id))})


def row_of_event(event: Event) -> Row:
    """Gives the event's row. Writing the same event twice gives the same key, hence a 409."""
    day, row_key = keys(event.lead_id)
    text = f"{event.event}\n{event.state}\n{event.reason}\n{event.detail}\n{event.actor}"
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    row_key = f"{row_key}~{milliseconds(event.at):013d}-{digest[:4]}"
    return fitted({"Kind": "event", **_filled(event, EVENT_COLUMNS), **_key_columns(day, row_key)})


def without_quotes(row: Mapping[str, Any]) -> Row:
    """Gives the event's row without the columns that may quote the lead."""
    return {column: cell for column, cell in row.items() if column not in QUOTING}


def _key_columns(partition_key: str, row_key: str) -> Row:
    return {"PartitionKey": partition_key, "RowKey": row_key}


def _filled(value: Record | Event, columns: Mapping[str, str]) -> Row:
    """Gives the columns with a value; a row of a table lacks the others."""
    cells = {column: getattr(value, field) for field, column in columns.items()}
    cells["Payload"] = payload_cell(value.payload)
    return {
        column: str(cell) if isinstance(cell, State) else cell
        for column, cell in cells.items()
        if cell is not None and cell != "" and cell is not False
    }


def utc(at: datetime) -> datetime:
    """Gives a plain datetime for the SDK's own type, which also has the service's seventh digit."""
    return datetime.combine(at.date(), at.time(), UTC)
