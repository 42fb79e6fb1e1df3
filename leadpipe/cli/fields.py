"""Gives the fields of a record that commands show, under the names that tables, JSON and the ledger share."""

from dataclasses import fields
from typing import Any

from leadpipe.model.record import Event, Record
from leadpipe.model.source import one_source

# The payload is personal data, shown only on request; the version is the store's own tag.
_RECORD_FIELDS = [field.name for field in fields(Record) if field.name not in {"payload", "version"}]
_EVENT_FIELDS = [field.name for field in fields(Event) if field.name not in {"lead_id", "payload"}]


def fields_of_record(record: Record) -> dict[str, Any]:
    # Records from before sources had one name each keep what was posted.
    return {**{name: getattr(record, name) for name in _RECORD_FIELDS}, "source": one_source(record.source)}


def fields_of_event(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in _EVENT_FIELDS}
