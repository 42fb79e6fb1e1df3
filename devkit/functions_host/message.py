"""Reads a queue message as the host does: its text, and the metadata that the text may override."""

import base64
import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from azure.functions import meta
from azure.storage.queue import QueueMessage

_DATE_AND_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)


class UndecodableError(Exception):
    """The message is not base64, but host.json says base64."""


def body_of(content: str, *, base64_encoded: bool) -> bytes:
    """Decode as .NET does, which skips white space and is strict otherwise."""
    if not base64_encoded:
        return content.encode()
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except ValueError:
        raise UndecodableError from None


def metadata_of(message: QueueMessage, text: str) -> dict[str, meta.Datum]:
    """Give the trigger's own values (QueueTriggerBinding.cs), overridden by those of the body.

    Every top-level property that is neither null nor an array wins, without regard to case (Utility.cs,
    ApplyBindingData).
    """
    metadata = {
        "Id": meta.Datum(message.id, "string"),
        "DequeueCount": meta.Datum(json.dumps(message.dequeue_count), "json"),
        "ExpirationTime": _time(message.expires_on),
        "InsertionTime": _time(message.inserted_on),
        "NextVisibleTime": _time(message.next_visible_on),
        "PopReceipt": meta.Datum(message.pop_receipt, "string"),
        "QueueTrigger": meta.Datum(text, "string"),
    }
    spelling = {name.lower(): name for name in metadata}
    for name, value in _properties(text).items():
        metadata[spelling.setdefault(name.lower(), name)] = _overriding(value)
    return metadata


def _properties(text: str) -> dict[str, Any]:
    if not text.strip().startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {name: item for name, item in value.items() if item is not None and not isinstance(item, list)}


def _overriding(value: object) -> meta.Datum:
    """Give an overriding value: an object stays JSON, the rest becomes text (Utility.cs, ConvertPropertyValue)."""
    if isinstance(value, dict):
        return meta.Datum(json.dumps(value), "json")
    return meta.Datum(_as_text(value), "string")


def _as_text(value: object) -> str:
    """Write a value as Newtonsoft.Json does, which takes a date with a time for one, and writes it in another form."""
    if isinstance(value, float):
        return str(value).removesuffix(".0").upper()
    if isinstance(value, str) and _DATE_AND_TIME.fullmatch(value):
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(value)
            utc = moment.astimezone(UTC) if moment.tzinfo else moment
            return f"{utc:%m/%d}/{utc.year:04d} {utc:%H:%M:%S}"
    return str(value)


def _time(moment: datetime | None) -> meta.Datum:
    text = None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    return meta.Datum(json.dumps(text), "json")
