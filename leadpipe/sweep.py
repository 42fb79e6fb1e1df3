"""The sweep: once a minute, what nobody else is left to do.

A process can die between any two writes, and a store can be away for one of them. Whatever that leaves undone shows
as a record that should have been tried and was not.
"""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from leadpipe.delivery import write
from leadpipe.model.change import QueuedAgain
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import LeadpipeError
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import LeadQueue, Ledger, Ports
from leadpipe.model.record import Record

OVERDUE_AFTER = timedelta(minutes=15)
LONGEST_WAIT = timedelta(hours=1)

log = logging.getLogger(__name__)


def sweep(*, now: Callable[[], datetime], ports: Ports) -> None:
    """Runs every task; one that fails is logged and does not stop the next. Two sweeps at once are harmless."""
    today = now().astimezone(UTC).date()
    for day in (today, today - timedelta(days=1)):
        try:
            queue_overdue(day, now=now, ledger=ports.ledger, queue=ports.queue)
        except LeadpipeError as error:
            log.error(log_line("sweep_failed", step="overdue", reason=error.slug))


def queue_overdue(day: date, *, now: Callable[[], datetime], ledger: Ledger, queue: LeadQueue) -> None:
    """Puts the day's leads that should have been tried a quarter of an hour ago on the queue again."""
    for listed in ledger.overdue(day, now() - OVERDUE_AFTER):
        record = ledger.read(listed.lead_id)
        if record is not None:
            queue_again(record, now=now, ledger=ledger, queue=queue)


def queue_again(record: Record, *, now: Callable[[], datetime], ledger: Ledger, queue: LeadQueue) -> None:
    """Raises the attempt first, so that older copies become stale and one chain of messages lives."""
    waited = now() - (record.next_try_at or record.received_at)
    change = QueuedAgain(next_try_at=now() + min(2 * waited, LONGEST_WAIT))
    queued = write(record, change, now, ledger=ledger)
    if queued.attempt == record.attempt:
        return  # it was settled meanwhile
    payload = queued.payload if isinstance(queued.payload, str) else None
    queue.put(Envelope.for_payload(queued.lead_id, payload, attempt=queued.attempt).to_text())
    log.warning(log_line("lead_overdue", lead_id=queued.lead_id, attempt=queued.attempt))
