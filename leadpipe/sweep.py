"""The sweep: once a minute, what nobody else is left to do.

A process can die between any two writes, a store can be away for one of them, and the host gives up on a message
after five crashes. Whatever that leaves undone is found here, by looking at what is kept: records that should have
been tried, messages in the host's poison queue, leads in the fallback table, rows that the marketplace itself wrote.

Two sweeps at once are harmless: every step is an insert, a write under an ETag, or a message that can come twice.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import islice

from leadpipe.delivery import Try, deliver_record, inserted, record_of_message, write, write_or_poison
from leadpipe.model.change import AnotherRound, Forgotten, Poisoned, QueuedAgain
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import InvalidLead, LeadpipeError, NewerEnvelope, NotAnEnvelope, StorageFailed
from leadpipe.model.expiry import ending_of
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Arrival, Marks, PoisonMessage, Ports
from leadpipe.model.record import FORGETTABLE, OPEN, QUEUED, Record, State
from leadpipe.model.schedule import NEWER_ENVELOPE_DELAY
from leadpipe.model.settings import Settings

# A sweep ends well before the next one begins; what it did not reach, the next one does.
LONGEST_SWEEP = timedelta(seconds=40)
OVERDUE_AFTER = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=1)
LOOK_BACK_EVERY = timedelta(hours=1)
ROUNDS = 3
# Rows that the marketplace writes at one moment may become readable in another order.
ARRIVAL_OVERLAP = timedelta(minutes=5)
FALLBACK_BATCH = 1000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One sweep. `until`: no further piece of work is begun after that. `hourly`: the rarer tasks are due too."""

    now: Callable[[], datetime]
    until: datetime
    hourly: bool
    chance: float
    ports: Ports
    settings: Settings

    def time_left(self) -> bool:
        return self.now() < self.until


def sweep(*, now: Callable[[], datetime], chance: float, ports: Ports, settings: Settings) -> None:
    """Runs every task; one that fails is logged and does not stop the next.

    Raises StorageFailed when not even the marks can be read: then there is no storage to sweep.
    """
    after = marks = ports.marks.read()
    run = Run(
        now=now,
        until=now() + LONGEST_SWEEP,
        hourly=marks.looked_back_at is None or now() - marks.looked_back_at >= LOOK_BACK_EVERY,
        chance=chance,
        ports=ports,
        settings=settings,
    )
    for name, task in TASKS.items():
        try:
            after = task(after, run)
        except LeadpipeError as error:
            log.error(log_line("sweep_failed", step=name, reason=error.slug))
        except Exception as error:  # noqa: BLE001 - one task's fault must not stop the next
            log.error(log_line("sweep_failed", step=name, reason=type(error).__name__))
    if after != marks:
        ports.marks.write(marks, after)


# The host's poison queue


def bring_back_poisoned(marks: Marks, run: Run) -> Marks:
    """Empties the host's poison queue: every message there becomes another round, or waits for a person."""
    while run.time_left() and (messages := run.ports.poison_queue.receive()):
        for message in messages:
            bring_back(message, run)
            run.ports.poison_queue.delete(message)
    return marks


def bring_back(message: PoisonMessage, run: Run) -> None:
    """What becomes of one message that crashed as often as the host allows."""
    try:
        envelope = Envelope.from_text(message.text)
    except NewerEnvelope:
        run.ports.queue.put(message.text, delay=NEWER_ENVELOPE_DELAY)
        return
    except NotAnEnvelope as why:
        keep_rubbish(message, why, run)
        return
    record = record_of_message(envelope, run.now, ports=run.ports)
    if not record.awaits(envelope.attempt):
        return
    if record.rounds + 1 >= ROUNDS:
        no_outcome = Poisoned(reason="no_outcome", detail=f"no outcome in {ROUNDS} rounds")
        write_or_poison(record, no_outcome, run.now, attempt=envelope.attempt, ledger=run.ports.ledger)
        log.error(log_line("lead_settled", lead_id=record.lead_id, outcome=State.POISONED, reason=no_outcome.reason))
        return
    round_ = AnotherRound(next_try_at=run.now())
    again = write_or_poison(record, round_, run.now, attempt=record.attempt, ledger=run.ports.ledger)
    put(again, record, "poison_queue", run)


def keep_rubbish(message: PoisonMessage, why: NotAnEnvelope, run: Run) -> None:
    """Text that leadpipe never wrote, kept under an id that the same message gets each time."""
    lead_id = new_lead_id(message.inserted_at, sha256(message.id.encode()).digest())
    run.ports.ledger.insert(Record.poisoned(lead_id, why.slug, why.detail, message.text.encode("utf-8", "replace")))
    log.error(log_line("lead_settled", lead_id=lead_id, outcome=State.POISONED, reason=why.slug))


# Overdue records


def queue_overdue(marks: Marks, run: Run) -> Marks:
    """Puts on the queue again what should have been tried a quarter of an hour ago, of yesterday and today."""
    queue_overdue_since(today(run) - timedelta(days=1), run)
    return marks


def look_back(marks: Marks, run: Run) -> Marks:
    """Once an hour the same for all days that still have an open lead, and finds the oldest of them.

    What a death left in the fallback table goes first: the watermark never comes back to a day that it has passed.
    """
    if not run.hourly:
        return marks
    yesterday = today(run) - timedelta(days=1)
    first = marks.watermark or run.ports.ledger.first_day() or yesterday
    queue_overdue_since(first, run)
    if not clear_leftovers(first, run):
        return marks
    days = (first + timedelta(days=days) for days in range((yesterday - first).days))
    oldest = next((day for day in days if any(run.ports.ledger.records(day, states=OPEN))), yesterday)
    return replace(marks, watermark=min(oldest, yesterday), looked_back_at=run.now())


def clear_leftovers(first: date, run: Run) -> bool:
    """Deletes the fallback rows of settled leads, left by a run that died or was overtaken; whether it got through."""
    still_open = {record.lead_id for record in run.ports.ledger.between(first, today(run), states=OPEN)}
    for lead_id in run.ports.fallback.lead_ids(first, today(run)):
        if not run.time_left():
            return False
        record = None if lead_id in still_open else run.ports.ledger.read(lead_id)
        if record is not None and record.state not in OPEN:
            run.ports.fallback.remove(lead_id)
    return True


def queue_overdue_since(first: date, run: Run) -> None:
    for listed in run.ports.ledger.due(first, run.now() - OVERDUE_AFTER, states=QUEUED):
        if not run.time_left():
            return
        record = run.ports.ledger.read(listed.lead_id)
        if record is not None:
            queue_again(record, run)


def queue_again(record: Record, run: Run) -> None:
    """Raises the attempt first, so that older copies become stale and one chain of messages lives."""
    waited = run.now() - (record.next_try_at or record.received_at)
    if waited < OVERDUE_AFTER:
        return  # somebody else was faster
    change = QueuedAgain(next_try_at=run.now() + min(2 * waited, LONGEST_WAIT))
    again = write_or_poison(record, change, run.now, attempt=record.attempt, ledger=run.ports.ledger)
    put(again, record, "overdue", run)


def put(again: Record, before: Record, step: str, run: Run) -> None:
    """Puts the lead's message, unless somebody settled its record since `before` was read."""
    if again.attempt == before.attempt or again.state not in QUEUED:
        return
    payload = again.payload if isinstance(again.payload, str) else None
    run.ports.queue.put(Envelope.for_payload(again.lead_id, payload, attempt=again.attempt).to_text())
    log.warning(log_line("lead_queued_again", lead_id=again.lead_id, step=step, attempt=again.attempt))


# The fallback table


def drain_fallback(marks: Marks, run: Run) -> Marks:
    """Delivers what rests and is due, oldest first, until one of them still finds no Dynamics."""
    if run.ports.dynamics is not None and not run.ports.gate.is_shut(run.now()):
        first = marks.watermark or run.ports.ledger.first_day() or today(run)
        due = run.ports.ledger.due(first, run.now(), states=frozenset({State.FALLBACK}))
        oldest_first = sorted(islice(due, FALLBACK_BATCH), key=lambda record: record.lead_id)
        drain((listed.lead_id for listed in oldest_first), run)
    return marks


def drain(lead_ids: Iterator[str], run: Run) -> None:
    """Delivers these out of the fallback table. The first one is the probe: when it fails, the run ends.

    Unless what failed concerns that lead alone, which must not keep the others waiting.
    """
    for lead_id in lead_ids:
        if not run.time_left() or run.ports.gate.is_shut(run.now()):
            return
        record = run.ports.ledger.read(lead_id)
        if record is None or record.state is not State.FALLBACK:
            continue
        if deliver_resting(record, run).state is State.FALLBACK and run.ports.gate.in_doubt(run.now()):
            return


def deliver_resting(record: Record, run: Run) -> Record:
    a_try = Try(attempt=record.attempt, first=False, chance=run.chance, now=run.now)
    return deliver_record(record, a_try, ports=run.ports, settings=run.settings)


# Rows that the marketplace itself wrote


def take_in_arrivals(marks: Marks, run: Run) -> Marks:
    """Takes in the rows of the marketplace's own table destination, from the time of the first sweep on."""
    if marks.taken_in_until is None:
        return replace(marks, taken_in_until=run.now())
    latest, lowered = marks.taken_in_until, marks
    for arrival in run.ports.fallback.arrivals(marks.taken_in_until - ARRIVAL_OVERLAP):
        lowered = lowered.back_to(arrival.at.date())  # it may have waited for days while nothing swept
        if not run.time_left():
            return lowered  # the rows come in no order, so none may be taken for done
        take_in(arrival, run)
        latest = max(latest, arrival.at)
    return replace(lowered, taken_in_until=latest)


def take_in(arrival: Arrival, run: Run) -> str:
    """Makes the row a lead, once: the claim on its keys says under which id. Gives that id."""
    mine = new_lead_id(arrival.at, bytes.fromhex(arrival.key))
    claim = Claim(fingerprint=arrival.key, lead_id=mine, received_at=arrival.at)
    lead_id = run.ports.claims.take(claim).lead_id
    if run.ports.ledger.read(lead_id) is not None:
        return lead_id
    record = _record_of(lead_id, arrival)
    record = inserted(record, ledger=run.ports.ledger) or record
    if record.state in QUEUED:
        run.ports.queue.put(Envelope.for_payload(lead_id, arrival.payload, attempt=record.attempt).to_text())
    log.info(log_line("lead_taken_in", lead_id=lead_id))
    return lead_id


def _record_of(lead_id: str, arrival: Arrival) -> Record:
    try:
        return Record.accepted(lead_id, arrival.payload)
    except InvalidLead as why:
        return Record.poisoned(lead_id, why.slug, why.detail, arrival.payload)


# Retention


def forget_old(marks: Marks, run: Run) -> Marks:
    """Removes the personal data of leads settled and received longer ago than the setting says, a day after another.

    A day with a lead that is not settled holds the mark back, so that it is looked at again an hour later.
    """
    if not run.hourly:
        return marks
    cutoff = (run.now() - run.settings.retention).astimezone(UTC).date()
    day = marks.forgotten_before or run.ports.ledger.first_day() or cutoff
    done = day
    unbroken = True
    while day < cutoff and run.time_left():
        unbroken = forget_day(day, run) and unbroken
        day += timedelta(days=1)
        done = day if unbroken else done
    return replace(marks, forgotten_before=done)


def forget_day(day: date, run: Run) -> bool:
    """Whether every lead of that day is now without personal data."""
    whole = True
    for listed in run.ports.ledger.records(day):
        if not run.time_left() or listed.state not in FORGETTABLE | {State.ERASED}:
            whole = False
        elif listed.state in FORGETTABLE:
            forget(listed.lead_id, run)
    return whole


def forget(lead_id: str, run: Run) -> None:
    run.ports.ledger.forget_details(lead_id)
    record = run.ports.ledger.read(lead_id)
    if record is None:
        raise StorageFailed("record_gone", "the record was deleted while it was being looked at")
    write(record, Forgotten(), run.now, ledger=run.ports.ledger)


# Credentials that end


def tell_expiry(marks: Marks, run: Run) -> Marks:
    """Says once a day that what is signed in with ends, from sixty days before."""
    if marks.expiry_told_on == today(run):
        return marks
    ending = ending_of(run.settings, certificate_ends=run.ports.certificate_ends())
    within = ending and ending.within(today(run))
    if ending is not None and within is not None:
        level = logging.ERROR if ending.is_urgent(today(run)) else logging.WARNING
        line = log_line(
            "credential_ends", credential=ending.name, within=within, days_left=ending.days_left(today(run))
        )
        log.log(level, line)
    return replace(marks, expiry_told_on=today(run))


def today(run: Run) -> date:
    return run.now().astimezone(UTC).date()


TASKS: dict[str, Callable[[Marks, Run], Marks]] = {
    "poison_queue": bring_back_poisoned,
    "overdue": queue_overdue,
    "look_back": look_back,
    "fallback": drain_fallback,
    "arrivals": take_in_arrivals,
    "retention": forget_old,
    "expiry": tell_expiry,
}
