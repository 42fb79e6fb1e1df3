"""Empties the host's poison queue."""

import logging
from datetime import UTC, datetime, time
from hashlib import sha256

from leadpipe.delivery import read_record
from leadpipe.ledger_writes import write_or_poison
from leadpipe.model.change import AnotherRound, Kept, Outcome, Poisoned
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import NewerEnvelope, NotAnEnvelope
from leadpipe.model.lead_id import can_be_received, new_lead_id
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Marks, SeenMessage
from leadpipe.model.record import CANARY_FAILED, Record, State
from leadpipe.model.schedule import NEWER_ENVELOPE_DELAY
from leadpipe.sweep.messages import put
from leadpipe.sweep.run import Run

log = logging.getLogger(__name__)

ROUNDS = 3


def bring_back_poisoned(marks: Marks, run: Run) -> Marks:
    """Gives the lead of each message there another round, or leaves it to a person.

    A message that fails stays in the queue. It is hidden for a while, so that those behind it can be received.
    """
    guard = run.guard("poison_queue")
    while guard.goes_on() and (messages := run.ports.poison_queue.receive()):
        for message in messages:
            if not guard.goes_on():
                break
            with guard.item(message=message.id):
                bring_back(message, run)
                run.ports.poison_queue.delete(message)
    return marks


def bring_back(message: SeenMessage, run: Run) -> None:
    """Handles one message that crashed as often as the host allows."""
    try:
        envelope = Envelope.from_text(message.text)
        record = read_record(envelope, run.now, ports=run.ports)
    except NewerEnvelope:
        run.ports.queue.put(message.text, delay=NEWER_ENVELOPE_DELAY)
        return
    except NotAnEnvelope as why:
        keep_rubbish(message, why, run)
        return
    if not record.awaits(envelope.attempt):
        return
    if record.rounds + 1 >= ROUNDS:
        end = no_outcome(record)
        settled = write_or_poison(record, end, run.now, attempt=envelope.attempt, ledger=run.ports.ledger)
        log.error(log_line("lead_settled", lead_id=record.lead_id, outcome=settled.state, reason=settled.reason))
        return
    round_ = AnotherRound(next_try_at=run.now())
    again = write_or_poison(record, round_, run.now, attempt=record.attempt, ledger=run.ports.ledger)
    put(again, record, "poison_queue", run)


def no_outcome(record: Record) -> Outcome:
    """A person has to see to it; to a canary nobody has to."""
    said = f"no outcome in {ROUNDS} rounds"
    if record.is_canary:
        return Kept(reason=CANARY_FAILED, detail=f"no_outcome: {said}")
    return Poisoned(reason="no_outcome", detail=said)


def keep_rubbish(message: SeenMessage, why: NotAnEnvelope, run: Run) -> None:
    """Keeps text that leadpipe did not write, as a poisoned record. The same message gets the same id each time."""
    lead_id = new_lead_id(time_of(message, run.now()), sha256(message.id.encode("utf-8", "replace")).digest())
    run.ports.ledger.insert(Record.poisoned(lead_id, why.slug, why.detail, message.text.encode("utf-8", "replace")))
    log.error(log_line("lead_settled", lead_id=lead_id, outcome=State.POISONED, reason=why.slug))


def time_of(message: SeenMessage, now: datetime) -> datetime:
    """When the host gave up on it; the start of today if the message's own time is impossible."""
    if can_be_received(message.inserted_at, now):
        return message.inserted_at
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC)
