"""Delivery: what happens to one message, in the order in which it happens.

    1. read_record   the record is the truth: a message of an old try, or of a settled lead, ends here
    2. keep_out      a lead that repeats another one (`claim`), or that a setting keeps, is not written
    3. find_first    with LEADPIPE_MERGE one of a customer's actions is the lead, by a claim too; the others wait for it
    4. create        `ask_dynamics` to create the lead under its own id, unless the gate is shut
       or add_note   the same, for a later action: a note under the action's own id on the lead that find_first found
    5. settle        write the outcome into the record

A process may die between any two lines. A second run repeats whatever was done before step 4, and after step 4 it finds
the lead or the note in Dynamics under the same id. An exception that leaves `deliver` means one thing, "crash, please
redeliver". Its text holds no lead data, because the host logs it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from leadpipe.claiming import claim, contended, find_first
from leadpipe.ledger_writes import MOST_RACES, insert, log_refusal, lower_marks, write_or_poison
from leadpipe.model.canary_form import PATIENCE
from leadpipe.model.change import (
    Deferred,
    Duplicate,
    Kept,
    Merged,
    Outcome,
    Poisoned,
    Setback,
    ToFallback,
    Written,
)
from leadpipe.model.claim import HOLDING
from leadpipe.model.envelope import LARGEST_ATTEMPT, Envelope
from leadpipe.model.errors import (
    Blocked,
    DeliveryFailed,
    GateShut,
    InvalidLead,
    LeadMissing,
    NewerEnvelope,
    NotAnEnvelope,
    Refused,
    RowRefused,
    StorageFailed,
    Transient,
    raised_at,
    unforeseen_waits,
)
from leadpipe.model.gate import LONGEST_PAUSE, Gate, Shut
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import ONE_DAY, can_be_received
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Dynamics, Fallback, LeadQueue, Ports, Receipt, Rerouted
from leadpipe.model.record import BEHIND_FIRST, CANARY, CANARY_FAILED, OPEN, PERSON_UNREAD, QUEUED, Record, State
from leadpipe.model.schedule import NEWER_ENVELOPE_DELAY, after_opening, delay, rest
from leadpipe.model.settings import Area, Settings, SpecialLeads

# The sweep looks at today and yesterday whatever its marks say.
ALWAYS_SWEPT = ONE_DAY
# The attempt of a record that cannot be written falls behind that of its messages, but never by so many. A message that
# is further ahead was not written by leadpipe, and must not make the lead's own messages stale or impossible.
FURTHEST_AHEAD = 100_000

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try at a delivery. `first`: no earlier one can have reached Dynamics. `chance`, 0 up to 1, spreads delays."""

    attempt: int
    first: bool
    chance: float
    now: Callable[[], datetime]


def deliver(
    message: str,
    *,
    dequeue_count: int,
    chance: float,
    now: Callable[[], datetime],
    ports: Ports,
    settings: Settings,
) -> None:
    """Handles one message of the queue `leads`.

    Raises NotAnEnvelope for a text that leadpipe did not write, StorageFailed if a delayed copy cannot be put either.
    """
    try:
        envelope = Envelope.from_text(message)
    except NewerEnvelope as newer:
        ports.queue.put(message, delay=NEWER_ENVELOPE_DELAY)
        log.warning(log_line("envelope_newer", detail=newer.detail))
        return
    a_try = Try(attempt=envelope.attempt, first=envelope.attempt == dequeue_count == 1, chance=chance, now=now)
    try:
        record = read_record(envelope, a_try.now, ports=ports)
        a_try = replace(a_try, attempt=min(a_try.attempt, record.attempt + FURTHEST_AHEAD))
        if record.awaits(a_try.attempt):
            deliver_record(record, a_try, ports=ports, settings=settings)
        else:
            log.info(log_line("message_stale", lead_id=record.lead_id, outcome=record.state, attempt=a_try.attempt))
    except StorageFailed as failure:
        put_again(envelope, failure, a_try, queue=ports.queue)


def deliver_record(record: Record, a_try: Try, *, ports: Ports, settings: Settings) -> Record:
    """Takes steps 2 to 5, for a message and for the sweep's drain alike. Returns the record as it now stands."""
    find = find_outcome_of_canary if is_canary(record) else find_outcome
    outcome = find(record, a_try, ports=ports, settings=settings)
    return settle(record, outcome, a_try, ports=ports)


def read_record(envelope: Envelope, now: Callable[[], datetime], *, ports: Ports) -> Record:
    """Step 1. Reads the lead's record, or makes it from the message if the ledger was away at intake.

    Raises NotAnEnvelope if there is no record and the id's time cannot be right. An existing record may have any time.
    """
    found = ports.ledger.read(envelope.lead_id)
    if found is not None:
        return found
    if not can_be_received(envelope.received_at, now()):
        raise NotAnEnvelope("not_an_envelope", f"its lead id is of {envelope.received_at:%Y-%m-%d}")
    if now() - envelope.received_at > ALWAYS_SWEPT:
        lower_marks(envelope.received_at.date(), ports.marks)
    record = replace(_record_of_message(envelope), key_name=envelope.key_name)
    found = insert(record, ledger=ports.ledger) or ports.ledger.read(envelope.lead_id)
    if found is None:
        raise StorageFailed("record_unreadable", "the ledger says that the record exists, but does not return it")
    return found


def find_outcome(record: Record, a_try: Try, *, ports: Ports, settings: Settings) -> Outcome:
    """Takes steps 2 to 4. Returns what becomes of the lead this time."""
    try:
        lead = _read_lead(record)
        _require_usable(settings)
        kept_out = keep_out(record, lead, ports=ports, settings=settings)
    except InvalidLead as why:
        return Poisoned(reason=why.slug, detail=why.detail)
    except DeliveryFailed as failure:
        # A lead in the fallback table does not claim its content again, so no lead may go there before it has claimed.
        return outcome_of_failure(record, failure, a_try, fallback_after=timedelta.max)
    if kept_out:
        return kept_out
    if ports.dynamics is None:
        return ToFallback(reason="no_dynamics", next_try_at=None)
    return bring(record, lead, a_try, ports=ports, dynamics=ports.dynamics, settings=settings)


def bring(record: Record, lead: Lead, a_try: Try, *, ports: Ports, dynamics: Dynamics, settings: Settings) -> Outcome:
    """Takes steps 3 and 4. If the first lead was deleted in Dynamics, this one takes its place."""
    first, gone = None, ""
    try:
        for _ in range(MOST_RACES):
            first = find_first(record, lead, gone=gone, ports=ports, settings=settings)
            if first is None:
                may_be_note = not a_try.first and may_be_noted(record, lead, settings)
                return create(record, lead, a_try, dynamics=dynamics, gate=ports.gate, may_be_note=may_be_note)
            if first.state in OPEN:
                return wait_behind(first, record, a_try)
            try:
                return add_note(record, lead, first.lead_id, a_try, dynamics=dynamics, gate=ports.gate)
            except LeadMissing:
                gone = first.lead_id
        raise contended("the claim of the customer")
    except StorageFailed as failure:
        if record.state is State.FALLBACK and not isinstance(failure, RowRefused):
            raise  # what rests there waits for Dynamics, which was not asked
        return outcome_of_failure(record, failure, a_try, fallback_after=settings.fallback_after)
    except DeliveryFailed as failure:
        alone = not ports.gate.in_doubt(a_try.now())
        outcome = outcome_of_failure(record, failure, a_try, fallback_after=settings.fallback_after, alone=alone)
        return replace(outcome, of=first.lead_id if first else "")


def keep_out(record: Record, lead: Lead, *, ports: Ports, settings: Settings) -> Outcome | None:
    """Step 2. Returns an outcome if another lead's claim or a setting forbids writing this lead."""
    if record.state is State.FALLBACK:
        return None  # it took this step on its way into the fallback table
    if settings.dedupe_window and not record.own_lead:
        holder = claim(record, lead.fingerprint(), settings.dedupe_window, holding=HOLDING, ports=ports)
        if holder != record.lead_id:
            return Duplicate(of=holder)
    if lead.is_test and settings.test_leads is SpecialLeads.KEEP:
        return Kept(reason="test_lead")
    if lead.is_do_not_contact and settings.dnc_leads is SpecialLeads.KEEP:
        return Kept(reason="do_not_contact")
    return None


def wait_behind(first: Record, record: Record, a_try: Try) -> Setback:
    """A later action waits where the first lead waits, on the queue or in the fallback table, and asks nobody."""
    now = a_try.now()
    if State.FALLBACK in {record.state, first.state}:
        # Not due at once: a lead that is due after its try found Dynamics away.
        next_try_at = now + delay(1, chance=a_try.chance)
        return ToFallback(reason=BEHIND_FIRST, of=first.lead_id, next_try_at=next_try_at)
    next_try_at = now + delay(a_try.attempt, chance=a_try.chance)
    return Deferred(reason=BEHIND_FIRST, of=first.lead_id, attempt=a_try.attempt + 1, next_try_at=next_try_at)


def create(
    record: Record, lead: Lead, a_try: Try, *, dynamics: Dynamics, gate: Gate, may_be_note: bool = False
) -> Outcome:
    """Step 4. Asks Dynamics to create the lead. If the id is there already, that is a receipt too."""

    def ask() -> Receipt | Rerouted | Merged:
        first = noted_on(record.lead_id, dynamics) if may_be_note else None
        return dynamics.create(record.lead_id, lead) if first is None else Merged(of=first)

    receipt = ask_dynamics(record, ask, a_try, gate=gate)
    if isinstance(receipt, Merged):
        return receipt
    if receipt is Receipt.UNCONFIRMED and a_try.first:
        return _id_taken()
    return outcome_of_receipt(receipt, lead)


def add_note(record: Record, lead: Lead, of: str, a_try: Try, *, dynamics: Dynamics, gate: Gate) -> Outcome:
    """Step 4 of a later action. Asks Dynamics to create the note, unless an earlier try has created the lead."""

    def ask() -> Receipt | Written:
        if not a_try.first and is_lead(record.lead_id, dynamics):
            return Written()
        return dynamics.note(record.lead_id, lead, of=of)

    receipt = ask_dynamics(record, ask, a_try, gate=gate)
    if isinstance(receipt, Written):
        return receipt
    if receipt is Receipt.UNCONFIRMED and a_try.first:
        return _id_taken()
    return Merged(of=of, reason="assumed" if receipt is Receipt.UNCONFIRMED else "")


def may_be_noted(record: Record, lead: Lead, settings: Settings) -> bool:
    """Whether an earlier try may have made a note of the lead, before its first lead was lost or merge switched off."""
    merges = bool(settings.merge and lead.customer())
    return not record.own_lead and (merges or bool(record.duplicate_of))


def noted_on(lead_id: str, dynamics: Dynamics) -> str | None:
    """The lead that has the note; None also if the role may not read notes: then there may be a note too many."""
    return if_readable(lambda: dynamics.note_on(lead_id), otherwise=None)


def is_lead(lead_id: str, dynamics: Dynamics) -> bool:
    """Whether Dynamics has the lead; False also if the role may not read leads."""
    return if_readable(lambda: dynamics.has(lead_id), otherwise=False)


def if_readable(ask: Callable[[], T], *, otherwise: T) -> T:
    """What Dynamics answers; `otherwise` if the role may not read it."""
    try:
        return ask()
    except Blocked as failure:
        if failure.slug != "missing_privilege":
            raise
        return otherwise


def outcome_of_receipt(receipt: Receipt | Rerouted, lead: Lead) -> Written:
    """Dynamics has the lead. The reason says what a person has to complete; a second one goes into the detail."""
    outcome = Written(reason="assumed") if receipt is Receipt.UNCONFIRMED else Written()
    if isinstance(receipt, Rerouted):
        outcome = Written(reason="default_owner", detail=receipt.detail)
    if not lead.unread:
        return outcome
    other = ": ".join(text for text in (outcome.reason, outcome.detail) if text)
    keys = ", ".join(lead.unread)
    return Written(reason=PERSON_UNREAD, detail=f"{keys}; {other}" if other else keys)


def ask_dynamics(record: Record, ask: Callable[[], T], a_try: Try, *, gate: Gate) -> T:
    """Passes the gate, asks Dynamics, and reports the result to the gate.

    Raises GateShut, the failure that Dynamics answered with, or Transient for an unforeseen error.
    """
    ticket = gate.enter(record.lead_id, a_try.now(), resting=record.state is State.FALLBACK)
    if isinstance(ticket, Shut):
        # The reason may no longer hold. Only the next try shows.
        detail = f"not tried; an earlier lead: {ticket.detail or ticket.reason}"
        raise GateShut(ticket.reason, detail, opens_at=ticket.until)
    try:
        with unforeseen_waits():
            answer = ask()
    except DeliveryFailed as failure:
        if failure.slug == "unforeseen":
            place = raised_at(failure.__cause__)
            log.error(log_line("unforeseen", lead_id=record.lead_id, kind=failure.detail, place=place))
        gate.failed(ticket, failure, a_try.now())
        raise
    gate.answered(ticket)
    return answer


def is_canary(record: Record) -> bool:
    """Whether the record waits on the queue and its payload, not only its columns, is a canary's."""
    if not record.is_canary or record.state not in QUEUED:
        return False
    try:
        return _read_lead(record).is_canary
    except InvalidLead:
        return False


def find_outcome_of_canary(record: Record, a_try: Try, *, ports: Ports, settings: Settings) -> Outcome:
    """Takes a canary's steps: no claim, and in place of the create the question whether Dynamics has its id.

    It is tried again like any lead, but it never rests and never waits for a person.
    """
    try:
        _require_usable(settings)
        if ports.dynamics is not None and look_for_canary(record, a_try, dynamics=ports.dynamics, gate=ports.gate):
            return Written()  # a version that knows no canaries has delivered it
    except DeliveryFailed as failure:
        outcome = outcome_of_failure(record, failure, a_try, fallback_after=timedelta.max)
        is_over = a_try.now() - record.received_at >= PATIENCE or not isinstance(outcome, Deferred)
        return Kept(reason=CANARY_FAILED, detail=f"{failure.slug}: {failure.detail}") if is_over else outcome
    return Kept(reason=CANARY)


def look_for_canary(record: Record, a_try: Try, *, dynamics: Dynamics, gate: Gate) -> bool:
    """Asks Dynamics for the canary's id. If the role may not read leads, this shuts the gate for no other lead."""

    def ask() -> bool:
        try:
            return dynamics.has(record.lead_id)
        except Blocked as failure:
            reads = failure.slug == "missing_privilege"
            raise Blocked(failure.slug, failure.detail, lead_only=reads or failure.lead_only) from failure

    return ask_dynamics(record, ask, a_try, gate=gate)


def outcome_of_failure(
    record: Record, failure: DeliveryFailed, a_try: Try, *, fallback_after: timedelta, alone: bool = False
) -> Setback:
    """Decides what follows a failed try: a person has to act, another try, or the fallback table.

    `alone`: the failure concerns this lead alone. Then it rests for a time of its own, so that it is not tried each
    minute. Otherwise it leaves the fallback table with all others, once Dynamics answers one of them.
    """
    if isinstance(failure, Refused | RowRefused):
        return Poisoned(reason=failure.slug, detail=failure.detail)
    now = a_try.now()
    if record.state is State.FALLBACK or now - (record.failing_since or now) >= fallback_after:
        pause = rest(record.own_rest) if alone else timedelta(0)
        return ToFallback(reason=failure.slug, detail=failure.detail, next_try_at=now + pause)
    next_try_at = _next_try_at(failure, a_try, now)
    return Deferred(reason=failure.slug, detail=failure.detail, attempt=a_try.attempt + 1, next_try_at=next_try_at)


def settle(record: Record, outcome: Outcome, a_try: Try, *, ports: Ports) -> Record:
    """Step 4. First puts what brings the lead back, a message or a fallback row. Then writes the outcome."""
    if isinstance(outcome, Deferred):
        return defer(record, outcome, a_try, ports=ports)
    if isinstance(outcome, ToFallback):
        keep_in_fallback(ports.fallback, record)
    settled = write_or_poison(record, outcome, a_try.now, attempt=a_try.attempt, ledger=ports.ledger)
    rested = record.state is State.FALLBACK or isinstance(outcome, ToFallback)
    if rested and settled.state not in OPEN:
        ports.fallback.remove(record.lead_id)
    log.info(log_line("lead_settled", lead_id=record.lead_id, outcome=settled.state, reason=settled.reason))
    return settled


def keep_in_fallback(fallback: Fallback, record: Record) -> None:
    """Adds the lead's fallback row. If storage refuses it, drains still find the lead; readers of that table do not."""
    try:
        fallback.keep(record)
    except RowRefused as refusal:
        log_refusal(record, refusal, "fallback")


def defer(record: Record, outcome: Deferred, a_try: Try, *, ports: Ports) -> Record:
    """Puts the delayed copy, then writes the record. Even if the ledger is away, the copy brings the lead back."""
    copy = Envelope.of(record, attempt=outcome.attempt)
    ports.queue.put(copy.to_text(), delay=outcome.next_try_at - a_try.now())
    log.warning(log_line("lead_deferred", lead_id=record.lead_id, reason=outcome.reason, attempt=outcome.attempt))
    try:
        return write_or_poison(record, outcome, a_try.now, attempt=a_try.attempt, ledger=ports.ledger)
    except StorageFailed as failure:
        log.warning(log_line("record_behind", lead_id=record.lead_id, reason=failure.slug))
        return record


def put_again(envelope: Envelope, failure: StorageFailed, a_try: Try, *, queue: LeadQueue) -> None:
    """Puts a delayed copy for a lead whose record cannot be read or written. Raises StorageFailed if that fails too."""
    copy = replace(envelope, attempt=min(envelope.attempt + 1, LARGEST_ATTEMPT))
    queue.put(copy.to_text(), delay=delay(a_try.attempt, chance=a_try.chance))
    log.warning(log_line("lead_deferred", lead_id=copy.lead_id, reason=failure.slug, attempt=copy.attempt))


def make_record(lead_id: str, payload: str, *, attempt: int = 1) -> Record:
    """An accepted record, or a poisoned one if the payload is not a lead."""
    try:
        return Record.accepted(lead_id, payload, attempt=attempt)
    except InvalidLead as why:
        return Record.poisoned(lead_id, why.slug, why.detail, payload, attempt=attempt)


def _record_of_message(envelope: Envelope) -> Record:
    attempt = min(envelope.attempt, FURTHEST_AHEAD)
    if envelope.payload is None:
        detail = "the message has no payload, and its lead has no record"
        return Record.poisoned(envelope.lead_id, "payload_missing", detail, None, attempt=attempt)
    return make_record(envelope.lead_id, envelope.payload, attempt=attempt)


def _id_taken() -> Poisoned:
    """Nobody has asked for this id before, so the row that is there is not this lead's."""
    return Poisoned(
        reason="id_taken", detail="Dynamics says that the id exists; the role may not read it, to check whose it is"
    )


def _read_lead(record: Record) -> Lead:
    payload = record.text
    if payload is None:
        raise InvalidLead("payload_missing", "the record holds no payload")
    return Lead.from_payload(payload)


def _require_usable(settings: Settings) -> None:
    faults = settings.faults_of(Area.DYNAMICS)
    if faults:
        raise Blocked("settings", faults)


def _next_try_at(failure: DeliveryFailed, a_try: Try, now: datetime) -> datetime:
    if isinstance(failure, GateShut):
        return after_opening(failure.opens_at, now, chance=a_try.chance)
    retry_after = failure.retry_after if isinstance(failure, Transient) else None
    wait = delay(a_try.attempt, chance=a_try.chance, retry_after=retry_after)
    if isinstance(failure, Blocked) and not failure.lead_only:
        # Once the connection is fixed, this lead must not wait longer than those that the gate held.
        wait = min(wait, LONGEST_PAUSE)
    return now + wait
