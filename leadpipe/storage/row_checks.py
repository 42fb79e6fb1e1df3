"""Checks rows of the ledger when they are read, since anyone with access to the table may have changed them.

A column that follows from the lead id, or that the lead can do without, is healed, and the flaw is reported. Any other
flaw makes the row damaged: only a person can say what it should be.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from leadpipe.model.errors import RecordDamaged
from leadpipe.model.lead_id import is_lead_id, milliseconds, received_at
from leadpipe.model.record import MOST_ATTEMPTS, QUEUED, Event, Record, State
from leadpipe.storage.cells import payload_of, plain
from leadpipe.storage.rows import EVENT_COLUMNS, RECORD_COLUMNS, keys, utc

# The next try is never further away than this.
LONGEST_PAUSE = timedelta(days=2)
_CLOCKS_DIFFER = timedelta(days=1)
_LONGEST_LIFE = timedelta(days=3653)
_TIMES = frozenset({"received_at", "written_at", "updated_at", "next_try_at", "failing_since", "at"})
_NUMBERS = frozenset({"attempt", "rounds"})
_FLAGS = frozenset({"own_lead", "is_test"})
# Columns that can be healed whatever is in them.
_ALWAYS_HEALED = frozenset({"received_at", "payload"})
_FINGERPRINT = re.compile("[0-9a-f]{64}")
_STATES = {state.value: state for state in State}
_WORD = re.compile("[A-Za-z_]{1,40}")
_OF_RECORD = ("lead_id", "state")
_OF_EVENT = ("lead_id", "state", "at", "event")


def record_of(row: Mapping[str, Any], flaws: list[str]) -> Record:
    """Reads a record, without its version. `flaws` gets a line for each healed column.

    Raises RecordDamaged with the row's keys for rows that are not in leadpipe's format.
    """
    if "~" in row["RowKey"]:
        raise damaged(row, "Kind is not event")
    values = _checked(row, RECORD_COLUMNS, _OF_RECORD)
    if keys(values["lead_id"]) != (row["PartitionKey"], row["RowKey"]):
        raise damaged(row, "LeadId does not match its keys")
    _require_sound(row, values)
    flaws += _named(row, [*_healed_record(values), *_flaw_of_kind(row, "record")])
    return Record(**values)


def part_of(row: Mapping[str, Any], columns: Mapping[str, str]) -> Record:
    """Reads some columns of a record. Raises RecordDamaged.

    Reports no flaws: what can be healed is reported where the whole record is read.
    """
    values = _checked(row, columns, _OF_RECORD)
    if keys(values["lead_id"]) != (row["PartitionKey"], row["RowKey"]):
        raise damaged(row, "LeadId does not match its keys")
    received = received_at(values["lead_id"])
    if not -_CLOCKS_DIFFER <= values.get("written_at", received) - received <= _LONGEST_LIFE:
        del values["written_at"]
    return Record(**values, received_at=received, updated_at=received)


def event_of(row: Mapping[str, Any], flaws: list[str]) -> Event:
    """Reads an event. Raises RecordDamaged and fills `flaws`, as `record_of` does."""
    values = _checked(row, EVENT_COLUMNS, _OF_EVENT)
    day, row_key = keys(values["lead_id"])
    if row["PartitionKey"] != day or not row["RowKey"].startswith(f"{row_key}~{milliseconds(values['at']):013d}-"):
        raise damaged(row, "LeadId or At does not match its keys")
    flaws += _named(row, [*_healed_payload(values), *_flaw_of_kind(row, "event")])
    return Event(**values)


def damaged(row: Mapping[str, Any], why: str) -> RecordDamaged:
    return RecordDamaged(*_named(row, [why]))


def _named(row: Mapping[str, Any], flaws: list[str]) -> list[str]:
    """Puts the row's keys before each flaw, so that a person can find it."""
    return [f"{row.get('PartitionKey', '')}/{row.get('RowKey', '')}: {flaw}" for flaw in flaws]


def _checked(row: Mapping[str, Any], columns: Mapping[str, str], required: Iterable[str]) -> dict[str, Any]:
    """Gives the filled columns by field. Raises RecordDamaged if one is missing or of another type."""
    values = {field: cell for field, column in columns.items() if (cell := plain(row.get(column))) is not None}
    for field in required:
        if field not in values:
            raise damaged(row, f"{columns[field]} is missing")
    for field, cell in values.items():
        if field not in _ALWAYS_HEALED and not _is_of_type(field, cell):
            raise damaged(row, f"{columns[field]} is of another type")
    if not is_lead_id(values["lead_id"]):
        raise damaged(row, "LeadId is not a lead id")
    values["state"] = _state(row, values["state"])
    return {field: utc(cell) if isinstance(cell, datetime) else cell for field, cell in values.items()}


def _require_sound(row: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Raises RecordDamaged for a value that leadpipe never writes and that cannot be healed."""
    if not 1 <= values.get("attempt", 1) <= MOST_ATTEMPTS:
        raise damaged(row, "Attempt is not a number of tries")
    if not 0 <= values.get("rounds", 0) <= MOST_ATTEMPTS:
        raise damaged(row, "Rounds is not a number of rounds")
    if values.get("duplicate_of") and not is_lead_id(values["duplicate_of"]):
        raise damaged(row, "DuplicateOf is not a lead id")


def _healed_record(values: dict[str, Any]) -> list[str]:
    """Heals a record's values in place and reports each flaw."""
    flaws = _healed_payload(values)
    received = received_at(values["lead_id"])
    if values.get("received_at") != received:
        flaws.append("ReceivedAt is not the time in the lead id, which counts")
    values["received_at"] = received
    if not _FINGERPRINT.fullmatch(values.get("fingerprint") or "0" * 64):
        flaws.append("Fingerprint is not a hash and is read as missing")
        values["fingerprint"] = ""
    for field, column, default in (("attempt", "Attempt", 1), ("rounds", "Rounds", 0)):
        if field not in values:
            flaws.append(f"{column} is missing and is read as {default}")
            values[field] = default
    return [*flaws, *_healed_times(values), *_healed_next_try(values)]


def _healed_payload(values: dict[str, Any]) -> list[str]:
    """Gives the payload as it was kept. One of another type is dropped."""
    payload = values.pop("payload", None)
    if isinstance(payload, str | bytes):
        values["payload"] = payload_of(payload)
    elif payload is not None:
        return ["Payload is neither text nor bytes and is read as missing"]
    return []


def _is_of_type(field: str, cell: Any) -> bool:
    if field in _TIMES:
        return isinstance(cell, datetime)
    if field in _NUMBERS:
        return isinstance(cell, int) and not isinstance(cell, bool)
    return isinstance(cell, bool if field in _FLAGS else str)


def _state(row: Mapping[str, Any], text: str) -> State:
    if state := _STATES.get(text):
        return state
    raise damaged(row, f"this version knows no state{f' {text!r}' if _WORD.fullmatch(text) else ' like that'}")


def _healed_times(values: dict[str, Any]) -> list[str]:
    """Drops times before the lead was received or years after it."""
    received = values["received_at"]
    flaws = []
    for field, column in (("updated_at", "UpdatedAt"), ("written_at", "WrittenAt"), ("failing_since", "FailingSince")):
        if field in values and not -_CLOCKS_DIFFER <= values[field] - received <= _LONGEST_LIFE:
            flaws.append(f"{column} cannot be and is read as missing")
            del values[field]
            if field == "written_at":
                values[field] = values.get("updated_at", received)
    if "updated_at" not in values:
        flaws.append("UpdatedAt is missing; the time of receipt counts")
        values["updated_at"] = received
    return flaws


def _healed_next_try(values: dict[str, Any]) -> list[str]:
    """Makes a lead due now if its next try is missing or absurdly far ahead: it would wait forever."""
    state, next_try_at = values["state"], values.get("next_try_at")
    if next_try_at is None:
        return ["NextTryAt is missing: the lead is due now"] if state in QUEUED else []
    if next_try_at - values["updated_at"] <= LONGEST_PAUSE:
        return []
    values["next_try_at"] = values["updated_at"] if state is State.FALLBACK else None
    return ["NextTryAt is days ahead: the lead is due now"]


def _flaw_of_kind(row: Mapping[str, Any], kind: str) -> list[str]:
    """Reports a wrong Kind. Nothing depends on it, since the RowKey distinguishes the two."""
    return [] if row.get("Kind") == kind else [f"Kind is not {kind}"]
