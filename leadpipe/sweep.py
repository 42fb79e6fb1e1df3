"""The sweep: once a minute, what nobody else is left to do.

A process can die between any two writes, a store can be away for one of them, and the host gives up on a message
after five crashes. Whatever that leaves undone is found here, by looking at what is kept: records that should have
been tried, messages in the host's poison queue, leads in the fallback table, rows that the marketplace itself wrote.

Two sweeps at once are harmless: every step is an insert, a write under an ETag, or a message that can come twice.
One item that fails is logged and left where it is, and the loop goes on with the next (leadpipe.guard). What a task has
done is kept before the next task begins, also when its time was too short for all of it.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import islice

from leadpipe.delivery import Try, deliver_record, inserted, record_of_message, write, write_or_poison
from leadpipe.guard import Guard, reason_of
from leadpipe.model.change import AnotherRound, Forgotten, Poisoned, QueuedAgain
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import InvalidLead, NewerEnvelope, NotAnEnvelope, StorageFailed
from leadpipe.model.expiry import ending_of
from leadpipe.model.lead_id import EPOCH, can_be_received, is_lead_id, new_lead_id
from leadpipe.model.log_line import log_line
from leadpipe.model.marks import damage, set_aside
from leadpipe.model.ports import Arrival, Marks, PoisonMessage, Ports
from leadpipe.model.record import FORGETTABLE, OPEN, QUEUED, Record, State
from leadpipe.model.schedule import NEWER_ENVELOPE_DELAY
from leadpipe.model.settings import Settings

# A sweep ends well before the next one begins; what it did not reach, the next one does.
LONGEST_SWEEP = timedelta(seconds=40)
# How much of the time that is left a task may take, so that those after it get some in every sweep.
SHARE = 0.75
OVERDUE_AFTER = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=1)
LOOK_BACK_EVERY = timedelta(hours=1)
ROUNDS = 3
# Rows that the marketplace writes at one moment may become readable in another order.
ARRIVAL_OVERLAP = timedelta(minutes=5)
FALLBACK_BATCH = 1000
ONE_DAY = timedelta(days=1)
# Days that are looked at together, in a handful of requests.
STRETCH = timedelta(days=7)
# What retention leaves alone and looks at again: it is open, or waits for a person.
UNSETTLED = frozenset({*State}) - FORGETTABLE - {State.ERASED}

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

    def guard(self, step: str) -> Guard:
        return Guard(step, self.time_left)

    def for_one_task(self) -> "Run":
        now = self.now()
        return replace(self, until=now + SHARE * max(self.until - now, timedelta(0)))


def sweep(*, now: Callable[[], datetime], chance: float, ports: Ports, settings: Settings) -> None:
    """Runs every task; one that fails is logged and does not stop the next.

    Raises StorageFailed when not even the marks can be read: then there is no storage to sweep.
    """
    stored = ports.marks.read()
    marks = set_aside(stored, now())
    run = Run(
        now=now,
        until=now() + LONGEST_SWEEP,
        hourly=marks.looked_back_at is None or now() - marks.looked_back_at >= LOOK_BACK_EVERY,
        chance=chance,
        ports=ports,
        settings=settings,
    )
    for mark in damage(stored, now()):
        log.error(log_line("mark_damaged", mark=mark))
    marks = kept("marks", stored, marks, run)
    for name, task in TASKS.items():
        try:
            after = task(marks, run.for_one_task())
        except Exception as error:  # noqa: BLE001 - one task's fault must not stop the next
            log.error(log_line("sweep_failed", step=name, reason=reason_of(error)))
        else:
            marks = kept(name, marks, after, run)


def kept(step: str, before: Marks, after: Marks, run: Run) -> Marks:
    """The marks as they stand once `after` was written; `after` itself where that failed, for the next task to keep."""
    if after == before:
        return before
    try:
        run.ports.marks.write(before, after)
        return set_aside(run.ports.marks.read(), run.now())
    except Exception as error:  # noqa: BLE001 - what the tasks do counts more than how far they came
        log.error(log_line("sweep_failed", step=step, reason=reason_of(error)))
        return after


# The days with leads


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How far a task has come through the days. `done_before`: nothing is left to do on the days before that one.

    `goes_on_from`: where the next sweep goes on, None once the walk has come to its end.
    """

    done_before: date
    goes_on_from: date | None


def walked(walk: Walk, end: date, step: Callable[[date, date], date | None], guard: Guard, run: Run) -> Walk:
    """Goes on with the walk until the day `end`, which is not looked at, or until the guard ends it.

    It jumps from one day with leads to the next and looks at a week together, so years without leads cost nothing.
    `step` does the work of these days, and gives the first one on which something is left to do.
    """
    done_before, place = walk.done_before, walk.goes_on_from or walk.done_before
    while guard.goes_on():
        first = run.ports.ledger.next_day(place)
        if first is None or first >= end:
            return Walk(done_before=max(done_before, end) if done_before >= place else done_before, goes_on_from=None)
        last = min(first + STRETCH, end) - ONE_DAY
        left = left_after(step, first, last, guard)
        if not guard.goes_on():
            break  # nobody knows whether the step did all of it
        if done_before >= place:
            done_before = left or last + ONE_DAY
        place = last + ONE_DAY
    return Walk(done_before=done_before, goes_on_from=place)


def left_after(step: Callable[[date, date], date | None], first: date, last: date, guard: Guard) -> date | None:
    """The first day on which something is left to do; the first of all where anything failed."""
    failed, left = guard.failed, None
    with guard.item(day=first):
        left = step(first, last)
    return first if guard.failed > failed else left


# The host's poison queue


def bring_back_poisoned(marks: Marks, run: Run) -> Marks:
    """Empties the host's poison queue: every message there becomes another round, or waits for a person.

    A message that could not be kept stays there, hidden for a while, so that those behind it come into sight.
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


def bring_back(message: PoisonMessage, run: Run) -> None:
    """What becomes of one message that crashed as often as the host allows."""
    try:
        envelope = Envelope.from_text(message.text)
        record = record_of_message(envelope, run.now, ports=run.ports)
    except NewerEnvelope:
        run.ports.queue.put(message.text, delay=NEWER_ENVELOPE_DELAY)
        return
    except NotAnEnvelope as why:
        keep_rubbish(message, why, run)
        return
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
    lead_id = new_lead_id(time_of(message, run.now()), sha256(message.id.encode("utf-8", "replace")).digest())
    run.ports.ledger.insert(Record.poisoned(lead_id, why.slug, why.detail, message.text.encode("utf-8", "replace")))
    log.error(log_line("lead_settled", lead_id=lead_id, outcome=State.POISONED, reason=why.slug))


def time_of(message: PoisonMessage, now: datetime) -> datetime:
    """When the host gave up on it; the start of today where the message says a time that cannot be."""
    if can_be_received(message.inserted_at, now):
        return message.inserted_at
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC)


# Overdue records


def queue_overdue(marks: Marks, run: Run) -> Marks:
    """Puts on the queue again what should have been tried a quarter of an hour ago, of yesterday and today."""
    guard = run.guard("overdue")
    due = run.ports.ledger.due(today(run) - ONE_DAY, run.now() - OVERDUE_AFTER, states=QUEUED, go_on=guard.goes_on)
    queue_all_again(due, guard, run)
    return marks


def look_back(marks: Marks, run: Run) -> Marks:
    """Once an hour the same for all days that still have an open lead, and finds the oldest of them.

    What a death left in the fallback table goes first: the watermark never comes back to a day that it has passed.
    """
    if not run.hourly and marks.looking_from is None:
        return marks
    guard = run.guard("look_back")
    walk = Walk(done_before=marks.watermark or EPOCH.date(), goes_on_from=marks.looking_from)
    walk = walked(walk, today(run) + ONE_DAY, lambda first, last: look_through(first, last, guard, run), guard, run)
    return replace(
        marks,
        watermark=min(walk.done_before, today(run) - ONE_DAY),
        looking_from=walk.goes_on_from,
        looked_back_at=marks.looked_back_at if walk.goes_on_from else run.now(),
    )


def look_through(first: date, last: date, guard: Guard, run: Run) -> date | None:
    """Queues what is overdue of these days, deletes rows left behind; gives the first day that has an open lead."""
    open_ones = {record.lead_id: record for record in run.ports.ledger.between(first, last, states=OPEN)}
    queue_all_again((record for record in open_ones.values() if record.state in QUEUED), guard, run)
    clear_leftovers((row for row in run.ports.fallback.lead_ids(first, last) if row not in open_ones), guard, run)
    return min((record.received_at.date() for record in open_ones.values()), default=None)


def clear_leftovers(lead_ids: Iterable[str], guard: Guard, run: Run) -> None:
    """Deletes the fallback rows of settled leads, left by a run that died or was overtaken."""
    for lead_id in lead_ids:
        if not guard.goes_on():
            return
        with guard.item(lead_id=lead_id):
            record = run.ports.ledger.read(lead_id) if is_lead_id(lead_id) else None
            if record is not None and record.state not in OPEN:
                run.ports.fallback.remove(lead_id)


def queue_all_again(listed: Iterable[Record], guard: Guard, run: Run) -> None:
    for waiting in listed:
        if not guard.goes_on():
            return
        with guard.item(lead_id=waiting.lead_id):
            record = run.ports.ledger.read(waiting.lead_id) if waited(waiting, run) > OVERDUE_AFTER else None
            if record is not None:
                queue_again(record, run)


def waited(record: Record, run: Run) -> timedelta:
    """How long it has been since the record should have been tried."""
    return run.now() - (record.next_try_at or record.received_at)


def queue_again(record: Record, run: Run) -> None:
    """Raises the attempt first, so that older copies become stale and one chain of messages lives."""
    overdue_for = waited(record, run)
    if overdue_for < OVERDUE_AFTER:
        return  # somebody else was faster
    change = QueuedAgain(next_try_at=run.now() + min(2 * overdue_for, LONGEST_WAIT))
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
        first, resting = marks.watermark or EPOCH.date(), frozenset({State.FALLBACK})
        due = run.ports.ledger.due(first, run.now(), states=resting, go_on=run.time_left)
        oldest_first = sorted(islice(due, FALLBACK_BATCH), key=lambda record: record.lead_id)
        drain((listed.lead_id for listed in oldest_first), run)
    return marks


def drain(lead_ids: Iterable[str], run: Run) -> None:
    """Delivers these out of the fallback table. The first one is the probe: when it fails, the run ends.

    Unless what failed concerns that lead alone, which must not keep the others waiting.
    """
    guard = run.guard("fallback")
    for lead_id in lead_ids:
        if not guard.goes_on() or run.ports.gate.is_shut(run.now()):
            return
        settled = False
        with guard.item(lead_id=lead_id):
            settled = is_settled_now(lead_id, run)
        if not settled and run.ports.gate.in_doubt(run.now()):
            return


def is_settled_now(lead_id: str, run: Run) -> bool:
    """Delivers the lead, unless somebody else did; whether it does not rest any more."""
    record = run.ports.ledger.read(lead_id)
    if record is None or record.state is not State.FALLBACK:
        return True
    return deliver_resting(record, run).state is not State.FALLBACK


def deliver_resting(record: Record, run: Run) -> Record:
    a_try = Try(attempt=record.attempt, first=False, chance=run.chance, now=run.now)
    return deliver_record(record, a_try, ports=run.ports, settings=run.settings)


# Rows that the marketplace itself wrote


def take_in_arrivals(marks: Marks, run: Run) -> Marks:
    """Takes in the rows of the marketplace's own table destination, from the time of the first sweep on.

    A row that cannot be taken in holds the mark back, so that it is tried again in each sweep.
    """
    guard, known = run.guard("arrivals"), run.ports.taken_in
    since, lowered = marks.taken_in_until or run.now(), marks
    times: dict[str, datetime] = {}
    for arrival in run.ports.fallback.arrivals(since - ARRIVAL_OVERLAP, go_on=guard.goes_on):
        lowered = lowered.back_to(arrival.at.date())  # it may have waited for days while nothing swept
        if not guard.goes_on():
            break
        times[arrival.key] = arrival.at
        if arrival.key not in known:
            with guard.item(row=arrival.key):
                take_in(arrival, run)
                known.add(arrival.key)
    if not guard.goes_on():
        return lowered  # the rows come in no order, so none may be taken for done
    known.intersection_update(times)
    latest = max([since, *times.values()])
    return replace(lowered, taken_in_until=min([latest, *(at for key, at in times.items() if key not in known)]))


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
    """Removes the personal data of leads settled and received longer ago than the setting says.

    A day with a lead that is not settled holds the mark back, so that it is looked at again an hour later.
    """
    if not run.hourly and marks.forgetting_from is None:
        return marks
    guard = run.guard("retention")
    cutoff = (run.now() - run.settings.retention).astimezone(UTC).date()
    walk = Walk(done_before=marks.forgotten_before or EPOCH.date(), goes_on_from=marks.forgetting_from)
    walk = walked(walk, cutoff, lambda first, last: forget_days(first, last, guard, run), guard, run)
    return replace(marks, forgotten_before=walk.done_before, forgetting_from=walk.goes_on_from)


def forget_days(first: date, last: date, guard: Guard, run: Run) -> date | None:
    """Forgets what is settled of these days; gives the first day with a lead that is not."""
    unsettled = run.ports.ledger.between(first, last, states=UNSETTLED)
    left = next((record.received_at.date() for record in unsettled), None)
    for listed in run.ports.ledger.unforgotten(first, last):
        if not guard.goes_on():
            break
        with guard.item(lead_id=listed.lead_id):
            forget(listed.lead_id, run)
    return left


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
