"""The envelope is what travels on the queue.

The host copies a JSON message's top-level keys over its own metadata, whatever their case, so none of them may be one
of RESERVED_KEYS (https://github.com/Azure/azure-functions-python-worker/issues/1373).
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, TypeGuard

from leadpipe.model.errors import NewerEnvelope, NotAnEnvelope
from leadpipe.model.lead_id import is_lead_id, received_at
from leadpipe.model.record import Record
from leadpipe.model.text import well_formed

VERSION = 1
# Put Message takes 64 KiB of base64 (https://learn.microsoft.com/rest/api/storageservices/put-message).
MAX_BYTES = 48 * 1024
# Versions are counted one by one, so a larger number was not written by a newer leadpipe.
LARGEST_VERSION = 999
# A cell of the ledger holds less than 2^31, and a record at most MOST_ATTEMPTS.
LARGEST_ATTEMPT = 2**30
RESERVED_KEYS = frozenset(
    {"id", "dequeuecount", "expirationtime", "insertiontime", "nextvisibletime", "popreceipt", "queuetrigger"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One try at a lead. `payload` is None if it would not fit; then only the record has it."""

    lead_id: str
    attempt: int
    payload: str | None

    @classmethod
    def of(cls, record: Record, *, attempt: int | None = None) -> Self:
        """The envelope of the record's own attempt, or of the given one."""
        return cls.for_payload(record.lead_id, record.text, attempt=attempt or record.attempt)

    @classmethod
    def for_payload(cls, lead_id: str, payload: str | None, *, attempt: int) -> Self:
        """The envelope of that try. Leaves the payload out if the message would not fit."""
        full = cls(lead_id=lead_id, attempt=attempt, payload=payload)
        return full if len(full.to_text().encode()) <= MAX_BYTES else replace(full, payload=None)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Reads a message of this version or an older one.

        Raises NewerEnvelope for one that a newer leadpipe wrote, and NotAnEnvelope for anything else.
        """
        message = _object(text)
        version = message.get("v")
        if not _is_whole(version) or not 0 <= version <= LARGEST_VERSION:
            raise NotAnEnvelope("not_an_envelope", "it has no version")
        if version > VERSION:
            raise NewerEnvelope("newer_envelope", f"version {version}; this leadpipe reads up to {VERSION}")
        lead_id, attempt, payload = message.get("lead_id"), message.get("attempt"), message.get("payload")
        if not isinstance(lead_id, str) or not is_lead_id(lead_id):
            raise NotAnEnvelope("not_an_envelope", "it has no lead id")
        if not _is_whole(attempt) or not 1 <= attempt <= LARGEST_ATTEMPT:
            raise NotAnEnvelope("not_an_envelope", f"its attempt is not a whole number from 1 to {LARGEST_ATTEMPT}")
        if not isinstance(payload, str | None):
            raise NotAnEnvelope("not_an_envelope", "its payload is not text")
        return cls(lead_id=lead_id, attempt=attempt, payload=well_formed(payload) if payload else payload)

    @property
    def received_at(self) -> datetime:
        return received_at(self.lead_id)

    def to_text(self) -> str:
        message: dict[str, Any] = {
            "v": VERSION,
            "lead_id": self.lead_id,
            "received_at": self.received_at.isoformat(timespec="milliseconds"),
            "attempt": self.attempt,
        }
        if self.payload is not None:
            message["payload"] = self.payload
        return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _object(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAnEnvelope("not_an_envelope", "it is not JSON") from error
    if not isinstance(message, dict):
        raise NotAnEnvelope("not_an_envelope", "it is not a JSON object")
    return message


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
