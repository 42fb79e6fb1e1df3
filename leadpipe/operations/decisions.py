"""Carries out a person's decision about a lead: replay, edit, discard, erase.

A record changes only through `write` in `ledger_writes`. The order of the writes makes a crash between two harmless:

    replay    lower the sweep's marks → record accepted, attempt + 1 → message    no message: the sweep puts it
    edit      record, with the previous payload in the event
    discard   ask Dynamics → record
    erase     tombstone → history → fallback row                                  incomplete: erase it again
"""

import getpass
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from leadpipe.ledger_writes import lower_marks, write
from leadpipe.model.change import (
    Completed,
    Decision,
    Discarded,
    Edited,
    Erased,
    Merged,
    Receipted,
    Replayed,
    Revealed,
    Written,
    transition,
)
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import (
    DeliveryFailed,
    LeadpipeError,
    NotAllowed,
    RecordDamaged,
    RowRefused,
    StorageFailed,
    reason_of,
)
from leadpipe.model.lead_id import END_OF_TIME, EPOCH, received_at
from leadpipe.model.marks import CLOCKS_APART
from leadpipe.model.ports import Ledger, Ports
from leadpipe.model.record import Record, State
from leadpipe.operations.causes import failure_in_words

# A delivery that began before the lead was poisoned for another reason may still be writing it.
STILL_UNDER_WAY = timedelta(minutes=2)


class Outcome(StrEnum):
    """What became of a decision."""

    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ERASED = "erased"
    MENTIONS = "mentions"  # it only mentions the erased address, and is not changed
    TAKEN_IN = "taken in"
    ALREADY_HERE = "already here"  # an earlier import, or the sweep, took it in
    REJECTED = "kept as rejected"  # it was not a lead
    COMPLETED = "completed"
    RATED = "rated"  # Microsoft's rating was written into the lead in Dynamics
    WRITTEN = "written"  # Dynamics has the lead, so nothing was left to decide
    ALREADY_WRITTEN = "already written"
    ALREADY_DISCARDED = "already discarded"
    ON_ITS_WAY = "on its way"  # open: it needs no decision, or allows none
    CHANGED = "changed"  # its state is no longer one that the decision is about
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result for one lead. `state` is its record's afterwards; empty where the ledger has no record."""

    lead_id: str
    outcome: Outcome
    state: str = ""
    attempt: int = 0
    reason: str = ""
    detail: str = ""

    @classmethod
    def of_error(cls, lead_id: str, error: Exception) -> Self:
        """`failed` where storage does not answer, `refused` where only this lead is at fault.

        Only the kind is shown of an exception that is not leadpipe's own: its text could quote the lead.
        """
        is_away = isinstance(error, StorageFailed) and not isinstance(error, RecordDamaged | RowRefused)
        reason = reason_of(error)
        detail = failure_in_words(error) if isinstance(error, LeadpipeError) else f"a fault in leadpipe: {reason}"
        return cls(
            lead_id=lead_id, outcome=Outcome.FAILED if is_away else Outcome.REFUSED, reason=reason, detail=detail
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Holds the name of the person, the clock and the stores."""

    actor: str
    now: Callable[[], datetime]
    ports: Ports

    def write(self, record: Record, decision: Decision | Receipted) -> Record:
        return write(record, decision, self.now, ledger=self.ports.ledger)


def replay(lead_id: str, desk: Desk, *, anyway: bool = False, dry_run: bool = False) -> Record:
    """Makes the lead accepted again and puts its message. Raises NotAllowed where its state or payload rules it out.

    `anyway`: a duplicate or a merged action becomes a lead of its own. Raises StorageFailed; if the record is written
    by then, the sweep puts the message.
    """
    record = known(lead_id, desk.ports.ledger)
    decision = Replayed(actor=desk.actor, own_lead=anyway)
    rehearsed = check(record, decision, desk)
    if dry_run:
        return rehearsed
    lower_marks(record.received_at.date(), desk.ports.marks)
    try:
        accepted = desk.write(record, decision)
    except NotAllowed:
        accepted = known(lead_id, desk.ports.ledger)
        if (accepted.state, accepted.attempt) != (State.ACCEPTED, record.attempt + 1):
            raise
        # Somebody else has replayed it, or the reply to our own write was lost. A second message does no harm.
    desk.ports.queue.put(Envelope.of(accepted).to_text())
    return accepted


def edit(record: Record, payload: str, desk: Desk) -> Record:
    """Replaces the record's payload; returns the record unchanged where the payload is the same.

    Raises NotAllowed, before it writes, for a payload that is not a lead and for a state that rules an edit out.
    """
    return record if payload == record.payload else desk.write(record, Edited(actor=desk.actor, payload=payload))


def discard(lead_id: str, desk: Desk, *, why: str, without_asking: bool = False, dry_run: bool = False) -> Record:
    """Settles the lead as discarded, or as written or merged where Dynamics has it.

    Raises NotAllowed: `too_soon`, `not_asked` where Dynamics could not be asked for the lead, or for the lead's state.
    """
    record = known(lead_id, desk.ports.ledger)
    decision: Discarded | Receipted = Discarded(actor=desk.actor, why=why)
    check(record, decision, desk)
    if record.state is State.POISONED:  # a rejected post was never on its way to Dynamics
        require_rest(record, desk)
        if not without_asking:
            decision = receipt_of(record, desk.ports) or decision
    return check(record, decision, desk) if dry_run else desk.write(record, decision)


def erase(lead_id: str, desk: Desk, *, dry_run: bool = False, unrecorded: bool = False) -> Record:
    """Leaves a tombstone of the lead, whatever its state. Run again, it finishes an interrupted erasure.

    `unrecorded`: the lead is known from a message or a fallback row, so it gets a tombstone without having a record.
    """
    if unrecorded and desk.ports.ledger.read(lead_id) is None:
        tombstone = Record(lead_id=lead_id, state=State.ERASED, received_at=received_at(lead_id), updated_at=desk.now())
        if dry_run:
            return tombstone
        desk.ports.ledger.insert(tombstone)
    record = known(lead_id, desk.ports.ledger)
    if dry_run:
        return check(record, Erased(actor=desk.actor), desk)
    erased = desk.write(record, Erased(actor=desk.actor))
    desk.ports.ledger.forget_details(lead_id)
    desk.ports.fallback.remove(lead_id)
    return erased


def complete(lead_id: str, desk: Desk, *, dry_run: bool = False) -> Record:
    """Records that a person completed the written lead. Raises NotAllowed where none was asked to."""
    record, decision = known(lead_id, desk.ports.ledger), Completed(actor=desk.actor)
    return check(record, decision, desk) if dry_run else desk.write(record, decision)


def reveal(lead_id: str, desk: Desk) -> Record:
    """Notes in the lead's history that the person looks at its personal data. Changes nothing else."""
    return desk.write(known(lead_id, desk.ports.ledger), Revealed(actor=desk.actor))


def check(record: Record, decision: Decision | Receipted, desk: Desk) -> Record:
    """What the record would be after the decision, without writing it. Raises NotAllowed."""
    decided = transition(record, decision, at=desk.now())
    return record if decided is None else decided.after


def receipt_of(record: Record, ports: Ports) -> Receipted | None:
    """The receipt, if Dynamics has the lead or a note of it. Raises NotAllowed where it cannot be asked."""
    if ports.dynamics is None:
        raise NotAllowed(
            "not_asked", "no organisation is set that could be asked for the lead; --without-asking goes on"
        )
    try:
        if ports.dynamics.has(record.lead_id):
            return Written()
        # Only a lead that waited behind another one can be a note.
        noted_on = ports.dynamics.note_on(record.lead_id) if record.duplicate_of else None
        return None if noted_on is None else Merged(of=noted_on)
    except DeliveryFailed as failure:
        why = f"cannot ask whether Dynamics has it: {failure_in_words(failure)}; --without-asking goes on"
        raise NotAllowed("not_asked", why) from failure


def require_rest(record: Record, desk: Desk) -> None:
    """Raises NotAllowed while a delivery that began before the record's last change may still be writing.

    A change in the future is a wrong clock's: waiting for it could take years, so it counts as over.
    """
    rested = desk.now() - record.updated_at
    if -CLOCKS_APART <= rested < STILL_UNDER_WAY:
        seconds = (STILL_UNDER_WAY - rested).total_seconds()
        raise NotAllowed(
            "too_soon", f"{record.lead_id} changed a moment ago and a delivery may still write it: wait {seconds:.0f} s"
        )


def duplicates_of(lead_ids: Iterable[str], window: timedelta, ledger: Ledger) -> dict[str, list[str]]:
    """The duplicates that name each of these leads as their holder; leads without any are left out."""
    wanted = frozenset(lead_ids)
    found: dict[str, list[str]] = {}
    if not wanted:
        return found
    days = [received_at(lead_id) for lead_id in wanted]
    first, last = min(days) - min(window, min(days) - EPOCH), max(days) + min(window, END_OF_TIME - max(days))
    for record in ledger.between(first.date(), last.date(), states=frozenset({State.DUPLICATE})):
        if record.duplicate_of in wanted:
            found.setdefault(record.duplicate_of, []).append(record.lead_id)
    return found


def known(lead_id: str, ledger: Ledger) -> Record:
    """The lead's record. Raises LeadpipeError when the ledger has none."""
    record = ledger.read(lead_id)
    if record is None:
        raise LeadpipeError("unknown_lead", f"the ledger has no lead {lead_id}")
    return record


def user_at_host() -> str:
    """The name of the person who runs the command, for the history of a lead."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under an id that has no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
