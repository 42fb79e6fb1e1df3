"""Queues overdue records again, and deletes fallback rows that a process left behind when it died."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from leadpipe.ledger_writes import write_or_poison
from leadpipe.model.change import QueuedAgain
from leadpipe.model.lead_id import EPOCH, ONE_DAY, is_lead_id
from leadpipe.model.ports import Marks
from leadpipe.model.record import OPEN, QUEUED, Record
from leadpipe.sweep.days import Walk, walk_on
from leadpipe.sweep.guard import Guard
from leadpipe.sweep.messages import put
from leadpipe.sweep.run import Run, today

OVERDUE_AFTER = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=1)


def queue_overdue(marks: Marks, run: Run) -> Marks:
    """Queues again the leads of yesterday and today that should have been tried a quarter of an hour ago."""
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
        with guard.item(lead_id=waiting.lead_id):
            record = run.ports.ledger.read(waiting.lead_id) if waited(waiting, run) > OVERDUE_AFTER else None
            if record is not None:
                queue_again(record, run)


def waited(record: Record, run: Run) -> timedelta:
    """How long it has been since the record should have been tried."""
    return run.now() - (record.next_try_at or record.received_at)


def queue_again(record: Record, run: Run) -> None:
    """Raises the attempt, then puts a message. Older copies become stale, so one chain of messages remains."""
    overdue_for = waited(record, run)
    if overdue_for < OVERDUE_AFTER:
        return  # somebody else was faster
    change = QueuedAgain(next_try_at=run.now() + min(2 * overdue_for, LONGEST_WAIT))
    again = write_or_poison(record, change, run.now, attempt=record.attempt, ledger=run.ports.ledger)
    put(again, record, "overdue", run)
