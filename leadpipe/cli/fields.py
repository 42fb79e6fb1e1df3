"""What commands tell of a record, under the names that tables, JSON and the ledger's own code share."""

from dataclasses import fields
from typing import Any

from leadpipe.model.record import Event, Record
from leadpipe.model.source import one_source

# Personal data as it was posted is shown where somebody asks for it; the store's tag says nothing to anybody.
_RECORD_FIELDS = [field.name for field in fields(Record) if field.name not in {"payload", "version"}]
_EVENT_FIELDS = [field.name for field in fields(Event) if field.name not in {"lead_id", "payload"}]


def fields_of_record(record: Record) -> dict[str, Any]:
    # Records from before sources had one name each keep what was posted.
    return {**{name: getattr(record, name) for name in _RECORD_FIELDS}, "source": one_source(record.source)}


def fields_of_event(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in _EVENT_FIELDS}
