"""Delivery: what happens to one message, in the order in which it happens.

    1. read     the record counts, not the message: an old or settled one ends here
    2. claim    one lead id holds a fingerprint; the others are duplicates
    3. create   Dynamics is asked to create the lead under its own id, unless the gate is shut
    4. settle   the outcome goes into the record

A process may die between any two lines. Before step 3 nothing has happened that a second run would not do again;
after it, the second run finds the lead in Dynamics under the same id. An exception that leaves `deliver` means one
thing, "crash, please redeliver", and its text holds no lead data, for the host logs it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from leadpipe.model.change import (
    Change,
    Deferred,
    Duplicate,
    Kept,
    Outcome,
    Poisoned,
    ToFallback,
    Written,
    transition,
)
from leadpipe.model.claim import Claim, Verdict, verdict
from leadpipe.model.envelope import LARGEST_ATTEMPT, Envelope
from leadpipe.model.errors import (
    Blocked,
    Changed,
    DeliveryFailed,
    GateShut,
    InvalidLead,
    NewerEnvelope,
    NotAnEnvelope,
    RecordDamaged,
    Refused,
    RowRefused,
    StorageFailed,
    Transient,
    raised_at,
    unforeseen_waits,
)
from leadpipe.model.gate import LONGEST_PAUSE, Gate, Shut
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import can_be_received
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Claims, Dynamics, Fallback, LeadQueue, Ledger, MarksStore, Ports, Receipt, Rerouted
from leadpipe.model.record import OPEN, PERSON_UNREAD, ROW_REFUSED, Record, State
from leadpipe.model.schedule import FIRST_REST, NEWER_ENVELOPE_DELAY, after_opening, delay, rest
from leadpipe.model.settings import Area, Settings, SpecialLeads

# The sweep looks at today and yesterday whatever its marks say.
ALWAYS_SWEPT = timedelta(days=1)
# After so many tries, more than an hour, an answer that leadpipe does not know counts as a refusal of the row.
TRIES_AT_A_RECORD = 10
# A record that cannot be written stays behind its messages, but never by so many tries. A message that is further ahead
# is none of leadpipe's, and must not make the lead's own messages stale or impossible.
FURTHEST_AHEAD = 100_000
# Somebody else being faster so many times in a row is no race any more.
DECISIONS = 20

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One run of delivery. `first`: no earlier one can have reached Dynamics. `chance`, 0 up to 1, spreads delays."""

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

    Raises NotAnEnvelope for a text that leadpipe did not write, StorageFailed when no delayed copy could be put either.
    """
    try:
        envelope = Envelope.from_text(message)
    except NewerEnvelope as newer:
        ports.queue.put(message, delay=NEWER_ENVELOPE_DELAY)
        log.warning(log_line("envelope_newer", detail=newer.detail))
        return
    run = Try(attempt=envelope.attempt, first=envelope.attempt == dequeue_count == 1, chance=chance, now=now)
    try:
        record = record_of_message(envelope, run.now, ports=ports)
        run = replace(run, attempt=min(run.attempt, record.attempt + FURTHEST_AHEAD))
        if record.awaits(run.attempt):
            deliver_record(record, run, ports=ports, settings=settings)
        else:
            log.info(log_line("message_stale", lead_id=record.lead_id, outcome=record.state, attempt=run.attempt))
    except StorageFailed as failure:
        put_again(envelope, failure, run, queue=ports.queue)


def deliver_record(record: Record, run: Try, *, ports: Ports, settings: Settings) -> Record:
    """Steps 2 to 4, for a message and for the sweep's drain alike."""
    outcome = outcome_of(record, run, ports=ports, settings=settings)
    return settle(record, outcome, run, ports=ports)


def record_of_message(envelope: Envelope, now: Callable[[], datetime], *, ports: Ports) -> Record:
    """Step 1. The record of the message's lead; made from the message when the ledger was away at intake.

    Raises NotAnEnvelope where there is no record, and nobody can have received a lead at the time that the id says.
    A record that exists is delivered whatever its time.
    """
    found = ports.ledger.read(envelope.lead_id)
    if found is not None:
        return found
    if not can_be_received(envelope.received_at, now()):
        raise NotAnEnvelope("not_an_envelope", f"its lead id is of {envelope.received_at:%Y-%m-%d}")
    if now() - envelope.received_at > ALWAYS_SWEPT:
        lower_marks(envelope.received_at.date(), ports.marks)
    found = inserted(_made_from(envelope), ledger=ports.ledger) or ports.ledger.read(envelope.lead_id)
    if found is None:
        raise StorageFailed("record_unreadable", "the ledger says that the record exists and does not give it")
    return found


def inserted(record: Record, *, ledger: Ledger) -> Record | None:
    """Inserts the record; where storage refuses its row, the smallest one, which is poisoned.

    Gives what was inserted, None when the lead has a record already.
    """
    try:
        return ledger.insert(record)
    except StorageFailed as failure:
        unknown = failure.slug == "storage_error" and record.attempt >= TRIES_AT_A_RECORD
        if not isinstance(failure, RowRefused) and not unknown:
            raise
        _log_refusal(record, failure, "ledger")
        return ledger.insert(record.smallest(failure.detail))


def lower_marks(day: date, store: MarksStore) -> None:
    """Sees to it that the sweep looks at that day again. To be done before the day gets its open lead.

    Raises StorageFailed when each time somebody else was faster.
    """
    for _ in range(DECISIONS):
        marks = store.read()
        lower = marks.back_to(day)
        if lower == marks or store.write(marks, lower):
            return
    raise StorageFailed("record_contended", f"the marks were others each of the {DECISIONS} times they were written")


def outcome_of(record: Record, run: Try, *, ports: Ports, settings: Settings) -> Outcome:
    """Steps 2 and 3: what becomes of the lead this time."""
    try:
        lead = _lead_of(record)
        _require_usable(settings)
        settled_already = aside(record, lead, ports=ports, settings=settings)
    except (InvalidLead, RowRefused) as why:
        return Poisoned(reason=why.slug, detail=why.detail)
    except DeliveryFailed as failure:
        # A resting lead is not asked for its claim again, so none may rest before it has passed there.
        return outcome_of_failure(record, failure, run, fallback_after=timedelta.max)
    if settled_already:
        return settled_already
    if ports.dynamics is None:
        return ToFallback(reason="no_dynamics", next_try_at=None)
    try:
        return created(record, lead, run, dynamics=ports.dynamics, gate=ports.gate)
    except DeliveryFailed as failure:
        return outcome_of_failure(record, failure, run, fallback_after=settings.fallback_after)


def aside(record: Record, lead: Lead, *, ports: Ports, settings: Settings) -> Outcome | None:
    """Step 2. What keeps the lead from being written at all: another one that holds the claim, or a setting."""
    if record.state is State.FALLBACK:
        return None  # it has passed here on its way into the fallback table
    holder = claimed(record, lead, window=settings.dedupe_window, claims=ports.claims, ledger=ports.ledger)
    if holder != record.lead_id:
        return Duplicate(of=holder)
    if lead.is_test and settings.test_leads is SpecialLeads.KEEP:
        return Kept(reason="test_lead")
    if lead.is_do_not_contact and settings.dnc_leads is SpecialLeads.KEEP:
        return Kept(reason="do_not_contact")
    return None


def claimed(record: Record, lead: Lead, *, window: timedelta, claims: Claims, ledger: Ledger) -> str:
    """The lead id that may be written: this lead's own, or that of the lead it repeats.

    The fingerprint is that of the lead as it is read now. The record's column is for people who look it up.
    """
    fingerprint = lead.fingerprint()
    if record.own_lead or not window or not fingerprint:
        return record.lead_id
    mine = Claim(fingerprint=fingerprint, lead_id=record.lead_id, received_at=record.received_at)
    for _ in range(DECISIONS):
        holder = claims.take(mine)
        if holder.lead_id == record.lead_id:
            return record.lead_id
        decided = verdict(mine, holder, window, _state_of(holder.lead_id, ledger))
        if decided is Verdict.DUPLICATE:
            return holder.lead_id
        if decided is Verdict.GOES_ON or claims.take_over(holder, mine):
            return record.lead_id
    raise StorageFailed("record_contended", f"the claim was another each of the {DECISIONS} times it was taken")


def created(record: Record, lead: Lead, run: Try, *, dynamics: Dynamics, gate: Gate) -> Outcome:
    """Step 3. Asks Dynamics to create the lead, unless the gate is shut; that the id is there is a receipt too."""
    receipt = asked(record, lead, run, dynamics=dynamics, gate=gate)
    if receipt is Receipt.UNCONFIRMED and run.first:
        # Nobody has asked for this id before, so what raised this was not this lead's own row.
        return Poisoned(reason="id_taken", detail="Dynamics says the id exists; the role may not read leads to see")
    return written(receipt, lead)


def written(receipt: Receipt | Rerouted, lead: Lead) -> Written:
    """Dynamics has the lead. What a person has to complete is the reason; the detail has the other one too."""
    outcome = Written(reason="assumed") if receipt is Receipt.UNCONFIRMED else Written()
    if isinstance(receipt, Rerouted):
        outcome = Written(reason="default_owner", detail=receipt.detail)
    if not lead.unread:
        return outcome
    other = ": ".join(text for text in (outcome.reason, outcome.detail) if text)
    keys = ", ".join(lead.unread)
    return Written(reason=PERSON_UNREAD, detail=f"{keys}; {other}" if other else keys)


def asked(record: Record, lead: Lead, run: Try, *, dynamics: Dynamics, gate: Gate) -> Receipt | Rerouted:
    """Passes the gate, asks, and tells the gate what became of it, whatever that is.

    Raises GateShut, what Dynamics answered, or Transient for what nobody foresaw.
    """
    ticket = gate.enter(record.lead_id, run.now())
    if isinstance(ticket, Shut):
        # What has become of the other lead's reason by now, only the next one that is tried will tell.
        detail = f"not tried; an earlier lead: {ticket.detail or ticket.reason}"
        raise GateShut(ticket.reason, detail, opens_at=ticket.until)
    try:
        with unforeseen_waits():
            receipt = dynamics.create(record.lead_id, lead)
    except DeliveryFailed as failure:
        if failure.slug == "unforeseen":
            place = raised_at(failure.__cause__)
            log.error(log_line("unforeseen", lead_id=record.lead_id, kind=failure.detail, place=place))
        gate.failed(ticket, failure, run.now())
        raise
    gate.answered(ticket)
    return receipt


def outcome_of_failure(record: Record, failure: DeliveryFailed, run: Try, *, fallback_after: timedelta) -> Outcome:
    """What a failed try means: a person's turn, another try, or a rest in the fallback table."""
    if isinstance(failure, Refused):
        return Poisoned(reason=failure.slug, detail=failure.detail)
    now = run.now()
    if record.state is State.FALLBACK:
        next_try_at = now + rest(now - record.updated_at)
        return ToFallback(reason=failure.slug, detail=failure.detail, next_try_at=next_try_at)
    if now - (record.failing_since or now) >= fallback_after:
        return ToFallback(reason=failure.slug, detail=failure.detail, next_try_at=now + FIRST_REST)
    next_try_at = _next_try_at(failure, run, now)
    return Deferred(reason=failure.slug, detail=failure.detail, attempt=run.attempt + 1, next_try_at=next_try_at)


def settle(record: Record, outcome: Outcome, run: Try, *, ports: Ports) -> Record:
    """Step 4. Where the lead goes on comes first, then what the record says of it."""
    if isinstance(outcome, Deferred):
        return defer(record, outcome, run, ports=ports)
    if isinstance(outcome, ToFallback):
        rest_in(ports.fallback, record)
    settled = write_or_poison(record, outcome, run.now, attempt=run.attempt, ledger=ports.ledger)
    rested = record.state is State.FALLBACK or isinstance(outcome, ToFallback)
    if rested and settled.state not in OPEN:
        ports.fallback.remove(record.lead_id)
    log.info(log_line("lead_settled", lead_id=record.lead_id, outcome=settled.state, reason=settled.reason))
    return settled


def rest_in(fallback: Fallback, record: Record) -> None:
    """Adds the lead's fallback row. One that storage refuses is missed by flows that read that table, not by drains."""
    try:
        fallback.keep(record)
    except RowRefused as refusal:
        _log_refusal(record, refusal, "fallback")


def defer(record: Record, outcome: Deferred, run: Try, *, ports: Ports) -> Record:
    """Puts the delayed copy, then says so in the record. The copy carries the lead on even if the ledger is away."""
    copy = Envelope.for_payload(record.lead_id, record.text, attempt=outcome.attempt)
    ports.queue.put(copy.to_text(), delay=outcome.next_try_at - run.now())
    log.warning(log_line("lead_deferred", lead_id=record.lead_id, reason=outcome.reason, attempt=outcome.attempt))
    try:
        return write_or_poison(record, outcome, run.now, attempt=run.attempt, ledger=ports.ledger)
    except StorageFailed as failure:
        log.warning(log_line("record_behind", lead_id=record.lead_id, reason=failure.slug))
        return record


def write(
    record: Record, change: Change, now: Callable[[], datetime], *, ledger: Ledger, attempt: int | None = None
) -> Record:
    """The one door to a record: decides on what was last read, and again when somebody else was faster.

    Gives the record as it now stands. Raises NotAllowed when a person asked for what its state rules out, StorageFailed
    when each time somebody else was faster: a store that says so for ever must not hold a thread for ever.
    """
    for _ in range(DECISIONS):
        decided = transition(record, change, at=now(), attempt=attempt)
        if decided is None:
            return record
        try:
            return ledger.write(record, *decided)
        except Changed:
            record = _read_again(record, ledger)
    raise StorageFailed("record_contended", f"the record was another each of the {DECISIONS} times it was written")


def write_or_poison(
    record: Record, change: Change, now: Callable[[], datetime], *, ledger: Ledger, attempt: int
) -> Record:
    """Writes what became of the lead. Where storage refuses that row, the lead is poisoned by a smaller change.

    Nothing is lost by that: a lead that Dynamics has already is found there under its id when it is replayed.
    """
    try:
        return write(record, change, now, attempt=attempt, ledger=ledger)
    except RowRefused as refusal:
        _log_refusal(record, refusal, "ledger")
        poisoned = Poisoned(reason=ROW_REFUSED, detail=refusal.detail)
        return write(record, poisoned, now, attempt=attempt, ledger=ledger)


def put_again(envelope: Envelope, failure: StorageFailed, run: Try, *, queue: LeadQueue) -> None:
    """A delayed copy for a lead whose record could not be read or written. Raises StorageFailed when that fails too."""
    copy = replace(envelope, attempt=min(envelope.attempt + 1, LARGEST_ATTEMPT))
    queue.put(copy.to_text(), delay=delay(run.attempt, chance=run.chance))
    log.warning(log_line("lead_deferred", lead_id=copy.lead_id, reason=failure.slug, attempt=copy.attempt))


def _made_from(envelope: Envelope) -> Record:
    attempt = min(envelope.attempt, FURTHEST_AHEAD)
    if envelope.payload is None:
        detail = "the message leans on a record that does not exist"
        return Record.poisoned(envelope.lead_id, "payload_missing", detail, None, attempt=attempt)
    try:
        return Record.accepted(envelope.lead_id, envelope.payload, attempt=attempt)
    except InvalidLead as why:
        return Record.poisoned(envelope.lead_id, why.slug, why.detail, envelope.payload, attempt=attempt)


def _lead_of(record: Record) -> Lead:
    payload = record.text
    if payload is None:
        raise InvalidLead("payload_missing", "the record holds no payload")
    return Lead.from_payload(payload)


def _state_of(holder: str, ledger: Ledger) -> State | None:
    """The state of the lead that holds a claim, None where it has no record.

    A damaged record waits for a person, as a poisoned one does: both can still be written.
    """
    try:
        held = ledger.read(holder)
    except RecordDamaged:
        return State.POISONED
    return held.state if held else None


def _log_refusal(record: Record, failure: StorageFailed, step: str) -> None:
    log.error(log_line("row_refused", lead_id=record.lead_id, step=step, reason=failure.slug, detail=failure.detail))


def _require_usable(settings: Settings) -> None:
    faults = settings.faults_of(Area.DYNAMICS)
    if faults:
        raise Blocked("settings", faults)


def _next_try_at(failure: DeliveryFailed, run: Try, now: datetime) -> datetime:
    if isinstance(failure, GateShut):
        return after_opening(failure.opens_at, now, chance=run.chance)
    retry_after = failure.retry_after if isinstance(failure, Transient) else None
    wait = delay(run.attempt, chance=run.chance, retry_after=retry_after)
    if isinstance(failure, Blocked) and not failure.lead_only:
        # Once it is mended, this lead is not to wait longer than those that the gate held.
        wait = min(wait, LONGEST_PAUSE)
    return now + wait


def _read_again(record: Record, ledger: Ledger) -> Record:
    found = ledger.read(record.lead_id)
    if found is None:
        raise StorageFailed("record_gone", "the record was deleted while it was being settled")
    return found
