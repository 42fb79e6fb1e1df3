"""Lists what can happen to a record. One function decides what the ledger holds afterwards."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, NamedTuple, assert_never

from leadpipe.model.errors import InvalidLead, NotAllowed
from leadpipe.model.lead import MAX_PAYLOAD_BYTES, posted_text
from leadpipe.model.record import ALLOWED, FORGETTABLE, OPEN, PERSON_UNREAD, QUEUED, Event, Record, State, event_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Dynamics has the lead. `reason`: `assumed` if that could not be confirmed, `default_owner` if the lead could not
    have the owner that a rule names, `person_unread` if values that look like a person's were not read.
    """

    state: ClassVar = State.WRITTEN
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Dynamics has the lead as a note on another one. `reason`: `assumed` if that could not be confirmed."""

    state: ClassVar = State.MERGED
    of: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    state: ClassVar = State.DUPLICATE
    of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    state: ClassVar = State.KEPT
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poisoned:
    """`of`: the lead on which Dynamics was asked to make a note of this one, here and in the two below."""

    state: ClassVar = State.POISONED
    reason: str
    detail: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """The lead is on the queue again as `attempt`, visible at `next_try_at`."""

    state: ClassVar = State.DEFERRED
    reason: str
    detail: str = ""
    of: str = ""
    attempt: int
    next_try_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ToFallback:
    """The lead waits in the fallback table. `next_try_at`: from when on a drain takes it; None: until a person does."""

    state: ClassVar = State.FALLBACK
    reason: str
    detail: str = ""
    of: str = ""
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedAgain:
    """The sweep put an overdue lead on the queue again."""

    next_try_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AnotherRound:
    """The host gave up on the message after its five tries; the sweep put the lead on the queue again."""

    next_try_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A person put the lead on the queue again.

    `own_lead`: so that a duplicate or a merged action becomes one (`replay --anyway`).
    """

    verb: ClassVar = "replayed"
    actor: str
    own_lead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    verb: ClassVar = "edited"
    actor: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    verb: ClassVar = "discarded"
    actor: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    verb: ClassVar = "erased"
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """A test lead was deleted in Dynamics. Its record stays written, so that nothing creates the lead again."""

    verb: ClassVar = "removed"
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A person has completed the written lead in Dynamics, so that nobody is needed for it any more."""

    verb: ClassVar = "completed"
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revealed:
    """A person has looked at the personal data. The record stays as it is, its last change included."""

    verb: ClassVar = "revealed"
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A settled lead loses its personal data: the time of LEADPIPE_RETENTION is over."""


class Transition(NamedTuple):
    """What the ledger shall hold after a change. `event` is the line that the history gains, if it gains one."""

    after: Record
    event: Event | None


Receipted = Written | Merged
Setback = Poisoned | Deferred | ToFallback
Outcome = Receipted | Duplicate | Kept | Setback
Repeat = QueuedAgain | AnotherRound
Ruling = Replayed | Edited | Discarded | Erased | Removed | Completed
Decision = Ruling | Revealed
Change = Outcome | Repeat | Decision | Forgotten


def transition(record: Record, change: Change, *, at: datetime, attempt: int | None = None) -> Transition | None:
    """Decides what the ledger shall hold after the change. None: the record stays, because the change comes too late.

    `attempt` is that of the message whose outcome this is, or the one that the sweep saw. If it is older than the
    record's own, only a receipt counts. Raises NotAllowed for a decision that the state or the payload rules out.
    """
    if isinstance(change, Outcome):
        return _outcome(record, change, at=at, attempt=attempt or record.attempt)
    if isinstance(change, Repeat):
        return _repeat(record, change, at=at, attempt=attempt or record.attempt)
    if isinstance(change, Forgotten):
        return _forgotten(record, at=at)
    return _decision(record, change, at=at)


def _outcome(record: Record, change: Outcome, *, at: datetime, attempt: int) -> Transition | None:
    stale = attempt < record.attempt and not isinstance(change, Receipted)
    if stale or change.state not in ALLOWED[record.state]:
        return None
    settled = replace(
        record, state=change.state, reason="", detail="", attempt=max(record.attempt, attempt), updated_at=at
    )
    match change:
        case Written():
            after = replace(
                settled, reason=change.reason, detail=change.detail, written_at=at, failing_since=None, duplicate_of=""
            )
        case Merged():
            after = replace(settled, reason=change.reason, written_at=at, failing_since=None, duplicate_of=change.of)
        case Duplicate():
            after = replace(settled, duplicate_of=change.of, failing_since=None)
        case Kept():
            after = replace(settled, reason=change.reason, detail=change.detail, failing_since=None, duplicate_of="")
        case Poisoned():
            after = replace(
                settled,
                reason=change.reason,
                detail=change.detail,
                duplicate_of=change.of or record.duplicate_of,
            )
        case Deferred() | ToFallback():
            after = replace(
                settled,
                reason=change.reason,
                detail=change.detail,
                duplicate_of=change.of or record.duplicate_of,
                attempt=change.attempt if isinstance(change, Deferred) else settled.attempt,
                next_try_at=change.next_try_at,
                failing_since=record.failing_since or at,
            )
        case _:
            assert_never(change)
    # The record alone shows the straight way (accepted to written) and one more deferral for the same reason.
    straight = record.state is State.ACCEPTED and change == Written()
    same_again = (record.state, record.reason) == (after.state, after.reason)
    return Transition(after, None if straight or same_again else event_of(after, str(after.state), at))


def _repeat(record: Record, change: Repeat, *, at: datetime, attempt: int) -> Transition | None:
    if record.state not in QUEUED or attempt < record.attempt:
        return None
    after = replace(record, attempt=record.attempt + 1, next_try_at=change.next_try_at, updated_at=at)
    if isinstance(change, QueuedAgain):
        return Transition(after, None)
    after = replace(after, rounds=record.rounds + 1)
    return Transition(after, replace(event_of(after, "another_round", at), detail=f"round {after.rounds}"))


def _forgotten(record: Record, *, at: datetime) -> Transition | None:
    after = replace(record, payload=None, email="", name="", company="")
    if record.state not in FORGETTABLE or after == record:
        return None
    return Transition(replace(after, updated_at=at), None)


def _decision(record: Record, change: Decision, *, at: datetime) -> Transition | None:
    if isinstance(change, Erased) and record.state is State.ERASED:
        return None
    after = record if isinstance(change, Revealed) else replace(_decided(record, change, at), updated_at=at)
    event = event_of(after, change.verb, at, actor=change.actor)
    if isinstance(change, Edited):
        event = replace(event, payload=record.payload)
    if isinstance(change, Replayed) and record.noted_on:
        event = replace(event, detail=f"was a note on {record.noted_on}")  # the note stays, the record names it no more
    return Transition(after, event)


def _decided(record: Record, change: Ruling, at: datetime) -> Record:
    match change:
        case Erased():
            return _tombstone(record)
        case Edited():
            _require(record.state in {State.POISONED, State.REJECTED, State.DISCARDED}, record, change.verb)
            return _read_again(record, change.payload)
        case Discarded():
            _require(State.DISCARDED in ALLOWED[record.state], record, change.verb)
            return replace(record, state=State.DISCARDED, reason=change.verb, detail=change.why)
        case Replayed():
            return _replayed(record, change, at)
        case Removed():
            _require(record.state is State.WRITTEN and record.is_test, record, change.verb)
            return replace(record, reason=change.verb)
        case Completed():
            _require(record.state is State.WRITTEN and record.reason == PERSON_UNREAD, record, change.verb)
            return replace(record, reason=change.verb)
        case _:
            assert_never(change)


def _replayed(record: Record, change: Replayed, at: datetime) -> Record:
    _require(State.ACCEPTED in ALLOWED[record.state], record, change.verb)
    if record.state is State.DUPLICATE and not change.own_lead:
        raise NotAllowed("duplicate", f"{record.lead_id} repeats {record.duplicate_of}; --anyway writes it too")
    if record.state is State.MERGED and not change.own_lead:
        raise NotAllowed("merged", f"{record.lead_id} is a note on {record.duplicate_of}; --anyway writes it too")
    return replace(
        _read_again(record, record.payload),
        state=State.ACCEPTED,
        reason="",
        detail="",
        attempt=record.attempt + 1,
        rounds=0,
        written_at=None,
        failing_since=None,
        duplicate_of="",
        own_lead=record.own_lead or change.own_lead,
        next_try_at=at,
    )


def _tombstone(record: Record) -> Record:
    return Record(
        lead_id=record.lead_id,
        state=State.ERASED,
        attempt=record.attempt + 1,
        received_at=record.received_at,
        updated_at=record.updated_at,
        written_at=record.written_at,
        duplicate_of=record.noted_on,
        source=_without_address(record.source),
        action=_without_address(record.action),
        offer=_without_address(record.offer),
        is_test=record.is_test,
        key_name=record.key_name,
        version=record.version,
    )


def _without_address(text: str) -> str:
    """The text, unless a person's address is in it: anything may be posted under any key."""
    return "" if "@" in text else text


def _read_again(record: Record, payload: str | bytes | None) -> Record:
    """The record with what is read from the payload. Raises NotAllowed if that is gone or is not a lead."""
    if payload is None:
        raise NotAllowed("payload_missing", f"nothing is kept of {record.lead_id} that could be written")
    posted = _as_bytes(payload)
    # A lead that did not come by a post may be larger than a post.
    at_most = max(MAX_PAYLOAD_BYTES, len(_as_bytes(record.payload or b"")))
    try:
        fresh = Record.accepted(record.lead_id, posted_text(posted, at_most=at_most))
    except InvalidLead as error:
        # Only the start of a payload that was too large is kept, so it cannot be parsed.
        slug = "too_large" if len(posted) > MAX_PAYLOAD_BYTES else error.slug
        raise NotAllowed(slug, f"{record.lead_id} is not a lead as it stands: {error.detail}") from error
    return replace(
        record,
        fingerprint=fresh.fingerprint,
        offer=fresh.offer,
        source=fresh.source,
        action=fresh.action,
        email=fresh.email,
        name=fresh.name,
        company=fresh.company,
        is_test=fresh.is_test,
        payload=fresh.payload,
    )


def _as_bytes(payload: str | bytes) -> bytes:
    return payload.encode("utf-8", "surrogatepass") if isinstance(payload, str) else payload


def _require(allowed: bool, record: Record, verb: str) -> None:
    if not allowed:
        where = "open" if record.state in OPEN else str(record.state)
        raise NotAllowed(f"not_{verb}", f"{record.lead_id} is {where}; that cannot be {verb}")
