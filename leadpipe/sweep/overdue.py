"""Queues overdue records again, and deletes fallback rows that a process left behind when it died.

A record is overdue if it should have been tried a while ago and its message is not simply waiting its turn. The sweep
cannot see where a message is: it may be deep in the queue, delayed, being delivered, or lost with a process. So it
peeks at the queue's head, up to 32 visible messages. While one of them was put before the record's next try, those
ahead of the record are still being worked off. Once all are younger, or there is none, the record's own message had
its turn.

The head holds a lost lead back for a while only. Only messages that were put before its next try can do that, and no
more of those can come. Delivery takes each of them off the queue, and whatever it puts instead is younger: a delayed
copy of an outage (put long before it is seen), a message of a newer leadpipe. A text that is not leadpipe's goes to the
poison queue after five tries. While delivery is switched off nothing is put again, since nothing would be tried.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from leadpipe.ledger_writes import write_or_poison
from leadpipe.model.change import QueuedAgain
from leadpipe.model.lead_id import EPOCH, ONE_DAY, is_lead_id
from leadpipe.model.ports import Marks
from leadpipe.model.record import OPEN, QUEUED, Record
from leadpipe.sweep.days import Walk, walk_on
from leadpipe.sweep.guard import Guard
from leadpipe.sweep.messages import put
from leadpipe.sweep.run import Run, today

OVERDUE_AFTER = timedelta(minutes=3)
LONGEST_WAIT = timedelta(hours=1)
# A record's own message is put a moment after the time of its next try, by another clock, in whole seconds.
CLOCKS_DIFFER = timedelta(minutes=1)


def queue_overdue(marks: Marks, run: Run) -> Marks:
    """Queues again the leads of yesterday and today that should have been tried three minutes ago, and are lost.

    Raises StorageFailed if the queue's head cannot be seen: then nothing is put.
    """
    guard = run.guard("overdue")
    due = run.ports.ledger.due(today(run) - ONE_DAY, run.now() - OVERDUE_AFTER, states=QUEUED, go_on=guard.goes_on)
    queue_all_again(due, guard, run)
    return marks


def look_back(marks: Marks, run: Run) -> Marks:
    """Does the same once an hour for all days since the watermark, and moves that to the oldest day with an open lead.

    It also deletes left-over fallback rows, because the watermark never goes back to a day that it has passed.
    """
    if not run.hourly and marks.looking_from is None:
        return marks
    guard = run.guard("look_back")
    walk = Walk(done_before=marks.watermark or EPOCH.date(), goes_on_from=marks.looking_from)
    walk = walk_on(walk, today(run) + ONE_DAY, lambda first, last: look_through(first, last, guard, run), guard, run)
    return replace(
        marks,
        watermark=min(walk.done_before, today(run) - ONE_DAY),
        looking_from=walk.goes_on_from,
        looked_back_at=marks.looked_back_at if walk.goes_on_from else run.now(),
    )


def look_through(first: date, last: date, guard: Guard, run: Run) -> date | None:
    """Queues overdue leads of these days and deletes left-over rows. Returns the first day with an open lead."""
    open_ones = {record.lead_id: record for record in run.ports.ledger.between(first, last, states=OPEN)}
    queue_all_again((record for record in open_ones.values() if record.state in QUEUED), guard, run)
    clear_leftovers((row for row in run.ports.fallback.lead_ids(first, last) if row not in open_ones), guard, run)
    return min((record.received_at.date() for record in open_ones.values()), default=None)


def clear_leftovers(lead_ids: Iterable[str], guard: Guard, run: Run) -> None:
    """Deletes the fallback rows of settled leads. A delivery that died or lost a race left them."""
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
        if waited(waiting, run) <= OVERDUE_AFTER or waits_its_turn(waiting, run):
            continue
        with guard.item(lead_id=waiting.lead_id):
            record = run.ports.ledger.read(waiting.lead_id)
            if record is not None:
                queue_again(record, run)


def waited(record: Record, run: Run) -> timedelta:
    """How long it has been since the record should have been tried."""
    return run.now() - due_at(record)


def waits_its_turn(record: Record, run: Run) -> bool:
    """Whether a message at the queue's head was put before the record should have been tried, or as its own."""
    oldest = run.head.oldest()
    return oldest is not None and oldest < due_at(record) + CLOCKS_DIFFER


def due_at(record: Record) -> datetime:
    return record.next_try_at or record.received_at


def queue_again(record: Record, run: Run) -> None:
    """Raises the attempt, then puts a message. Older copies become stale, so one chain of messages remains."""
    overdue_for = waited(record, run)
    if overdue_for < OVERDUE_AFTER:
        return  # somebody else was faster
    change = QueuedAgain(next_try_at=run.now() + min(2 * overdue_for, LONGEST_WAIT))
    again = write_or_poison(record, change, run.now, attempt=record.attempt, ledger=run.ports.ledger)
    put(again, record, "overdue", run)
