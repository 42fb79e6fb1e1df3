"""The record is a lead's row in the ledger. A table here lists the allowed changes of state."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from leadpipe.model.canary_form import SOURCE as CANARY_SOURCE
from leadpipe.model.errors import InvalidLead
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import received_at
from leadpipe.model.text import bounded, utf16_length, well_formed, without_controls

# The reason of a written lead that needs a person all the same.
PERSON_UNREAD = "person_unread"

# The limits of one cell of the ledger: of a text in UTF-16 units, of bytes.
LONGEST_TEXT = 32 * 1024
LONGEST_BYTES = 64 * 1024
# How much of each text a record and its history keep, in UTF-16 units. The payload has the lead's texts whole.
LONGEST = {
    "event": 128,
    "reason": 128,
    "actor": 256,
    "key_name": 64,
    "offer": 1024,
    "source": 1024,
    "action": 1024,
    "email": 1024,
    "name": 1024,
    "company": 1024,
    "detail": 4096,
}
# What of many records is enough for one use, beside ids, states and times of receipt. The less, the faster it is read.
_CANARY_OR_NOT = frozenset({"is_test", "source", "fingerprint"})
TO_COUNT = _CANARY_OR_NOT | {"reason", "written_at"}
TO_GROUP = _CANARY_OR_NOT | {"reason", "failing_since", "next_try_at", "attempt"}
TO_LIST = _CANARY_OR_NOT | {"reason", "detail", "next_try_at", "offer", "email", "name", "company"}
# No lead is ever tried so often. A message can number some more tries (LARGEST_ATTEMPT of the envelope).
MOST_ATTEMPTS = (1 << 30) - (1 << 20)
# The reason of a lead whose row storage would not take.
ROW_REFUSED = "row_refused"
# The reason of a later action that waits until its customer's first lead is in Dynamics.
BEHIND_FIRST = "behind_first"
# The reasons of a kept canary: it came back, or it did not in its time.
CANARY = "canary"
CANARY_FAILED = "canary_failed"


class State(StrEnum):
    """Where a lead is. Open leads move on by themselves; of the others, some wait for a person."""

    ACCEPTED = "accepted"  # kept; a message for it is, or will be put, on the queue
    DEFERRED = "deferred"  # failed for now; a delayed message is on its way
    FALLBACK = "fallback"  # Dynamics was away too long, or none is configured: it rests in the fallback table
    WRITTEN = "written"  # Dynamics has it
    MERGED = "merged"  # Dynamics has it as a note on the lead named in DuplicateOf
    DUPLICATE = "duplicate"  # it repeats the lead named in DuplicateOf, within the window
    KEPT = "kept"  # a test or do-not-contact lead that stays in the ledger, by setting, or a canary
    POISONED = "poisoned"  # no retry can fix it: Reason and Detail say what a person can do
    REJECTED = "rejected"  # the posted bytes were not a lead, or came with a wrong key; their start is kept
    DISCARDED = "discarded"  # a person decided that it is not to be written
    ERASED = "erased"  # a tombstone: personal data gone, late copies end here


OPEN = frozenset({State.ACCEPTED, State.DEFERRED, State.FALLBACK})
QUEUED = frozenset({State.ACCEPTED, State.DEFERRED})
UNSETTLED = OPEN | {State.POISONED}
# Dynamics has it, as a lead or as a note.
IN_DYNAMICS = frozenset({State.WRITTEN, State.MERGED})
# Leads that lose their personal data after a time. Unsettled ones still need it.
FORGETTABLE = frozenset({State.WRITTEN, State.MERGED, State.DUPLICATE, State.KEPT, State.REJECTED, State.DISCARDED})

_FROM_QUEUE = IN_DYNAMICS | {State.DUPLICATE, State.KEPT, State.POISONED, State.DEFERRED, State.FALLBACK, State.ERASED}
# A receipt wins over every state but a tombstone, that of a lead also over that of a note. A person may erase in any.
ALLOWED: dict[State, frozenset[State]] = {
    State.ACCEPTED: _FROM_QUEUE,
    State.DEFERRED: _FROM_QUEUE,
    State.FALLBACK: IN_DYNAMICS | {State.FALLBACK, State.POISONED, State.ERASED},
    State.WRITTEN: frozenset({State.ERASED}),
    State.MERGED: frozenset({State.ACCEPTED, State.WRITTEN, State.ERASED}),
    State.DUPLICATE: IN_DYNAMICS | {State.ACCEPTED, State.ERASED},
    State.KEPT: IN_DYNAMICS | {State.ERASED},
    State.POISONED: IN_DYNAMICS | {State.ACCEPTED, State.DISCARDED, State.ERASED},
    State.REJECTED: IN_DYNAMICS | {State.ACCEPTED, State.DISCARDED, State.ERASED},
    State.DISCARDED: IN_DYNAMICS | {State.ACCEPTED, State.ERASED},
    State.ERASED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the ledger knows of a lead. The record is the truth; queue messages are not.

    `attempt` numbers the tries at delivery from 1; a message with a lower number is stale. `rounds` counts how often
    the host gave up on it. `next_try_at` means something for an open lead only. `version` is the store's tag.
    `duplicate_of`: the lead that it repeats or is a note on; while it is open, the one behind which it waits.
    """

    lead_id: str
    state: State
    reason: str = ""
    detail: str = ""
    attempt: int = 1
    rounds: int = 0
    received_at: datetime
    updated_at: datetime
    written_at: datetime | None = None
    next_try_at: datetime | None = None
    failing_since: datetime | None = None
    fingerprint: str = ""
    duplicate_of: str = ""
    own_lead: bool = False
    offer: str = ""
    source: str = ""
    action: str = ""
    email: str = ""
    name: str = ""
    company: str = ""
    is_test: bool = False
    key_name: str = ""
    payload: str | bytes | None = None
    version: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _bound_texts(self)

    @classmethod
    def accepted(cls, lead_id: str, payload: str, *, attempt: int = 1, key_name: str = "") -> Self:
        """A new lead. Raises InvalidLead if the payload is not a lead, or is larger than the ledger can keep."""
        lead = Lead.from_payload(payload)
        if not _is_kept_whole(payload):
            raise InvalidLead("too_large", f"{len(payload)} characters; the ledger keeps {LONGEST_BYTES // 1024} KiB")
        at = received_at(lead_id)
        return cls(
            lead_id=lead_id,
            state=State.ACCEPTED,
            attempt=attempt,
            received_at=at,
            updated_at=at,
            next_try_at=at,
            fingerprint=lead.fingerprint(),
            # For lists and searches. The payload has what was really sent, control characters included.
            offer=without_controls(lead.offer or lead.offer_title),
            source=without_controls(lead.source),
            action=without_controls(lead.action),
            email=without_controls(lead.email),
            name=without_controls(lead.shown_name),
            company=without_controls(lead.company),
            key_name=key_name,
            is_test=lead.is_test or lead.is_canary,  # either is nobody's lead
            payload=payload,
        )

    @classmethod
    def rejected(cls, lead_id: str, why: InvalidLead, start: bytes, *, key_name: str = "") -> Self:
        """Posted bytes that were not a lead, or came with a wrong key. `start` is what is kept of them."""
        as_poisoned = cls.poisoned(lead_id, why.slug, why.detail, start)
        return replace(as_poisoned, state=State.REJECTED, key_name=key_name)

    @classmethod
    def poisoned(cls, lead_id: str, reason: str, detail: str, payload: str | bytes | None, *, attempt: int = 1) -> Self:
        """A lead, or a text in its place, that cannot be delivered and has no record yet.

        If the payload is larger than the ledger can keep, the record has its start.
        """
        at = received_at(lead_id)
        return cls(
            lead_id=lead_id,
            state=State.POISONED,
            reason=reason,
            detail=detail,
            attempt=attempt,
            received_at=at,
            updated_at=at,
            payload=kept(payload),
        )

    def smallest(self, detail: str) -> Self:
        """The smallest row of a lead whose own row storage refuses: poisoned, with the payload as bytes."""
        payload = self.payload.encode("utf-8", "replace") if isinstance(self.payload, str) else self.payload
        smallest = self.poisoned(self.lead_id, ROW_REFUSED, detail, payload, attempt=self.attempt)
        return replace(smallest, key_name=self.key_name)

    @property
    def is_canary(self) -> bool:
        """Whether leadpipe posted it to itself, as far as the columns say; those that stay when others are forgotten.

        No other lead has all three: one of that source is a test lead only with a test lead's names, which give it a
        fingerprint.
        """
        return self.is_test and self.source == CANARY_SOURCE and not self.fingerprint

    @property
    def noted_on(self) -> str:
        """The lead that it is a note on in Dynamics, also of a tombstone; empty if it is none."""
        return self.duplicate_of if self.written_at else ""

    @property
    def text(self) -> str | None:
        """The payload as text; None if nothing is kept, or if its bytes are not UTF-8."""
        if not isinstance(self.payload, bytes):
            return self.payload
        try:
            return self.payload.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None

    def awaits(self, attempt: int) -> bool:
        """Whether a message of that attempt still has to be delivered. If not, it is stale."""
        return self.state in QUEUED and attempt >= self.attempt

    @property
    def awaits_dynamics(self) -> bool:
        """Whether it rests until Dynamics is back, without a time of its own."""
        return self.state is State.FALLBACK and self.next_try_at is not None and self.next_try_at <= self.updated_at

    @property
    def own_rest(self) -> timedelta:
        """How long it was to rest before its next try, by a failure that concerned it alone; else nothing."""
        if self.next_try_at is None or self.state is not State.FALLBACK:
            return timedelta(0)
        return max(self.next_try_at - self.updated_at, timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a record's history. `payload` is the one before an edit."""

    lead_id: str
    at: datetime
    event: str
    state: State
    reason: str = ""
    detail: str = ""
    actor: str = ""
    payload: str | bytes | None = None

    def __post_init__(self) -> None:
        _bound_texts(self)


def event_of(record: Record, name: str, at: datetime, *, actor: str = "") -> Event:
    """The line of history that describes the record as it now is."""
    return Event(
        lead_id=record.lead_id,
        at=at,
        event=name,
        state=record.state,
        reason=record.reason,
        detail=record.detail,
        actor=actor,
    )


def kept(payload: str | bytes | None) -> str | bytes | None:
    """As much of the payload as the ledger can keep: usually all of it, else its start."""
    if payload is None:
        return None
    if isinstance(payload, bytes):
        return payload[:LONGEST_BYTES]
    return well_formed(payload) if _is_kept_whole(payload) else bounded(payload, LONGEST_TEXT)


def _is_kept_whole(payload: str) -> bool:
    """Whether the payload fits into one cell, as text or as UTF-8 bytes."""
    if 2 * len(payload) <= LONGEST_TEXT:
        return True
    text = well_formed(payload)
    return utf16_length(text) <= LONGEST_TEXT or len(text.encode()) <= LONGEST_BYTES


def _bound_texts(value: Record | Event) -> None:
    """Shortens the texts when the value is made, so that what is read back equals what was written."""
    for name, longest in LONGEST.items():
        text = getattr(value, name, "")
        if len(text) > longest // 2 and (fitting := bounded(text, longest)) != text:
            object.__setattr__(value, name, fitting)
