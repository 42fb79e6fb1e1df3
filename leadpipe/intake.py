"""Intake: keeps a posted lead before the marketplace gets its 202.

One of the two stores is enough. The sweep queues a record without a message; delivery makes the record of a message
without one. If neither store took the lead, the answer is not 202.

If the ledger answers but refuses the lead's row, intake inserts the smallest row that keeps the lead.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import InvalidLead, NotKept, RowRefused, StorageFailed
from leadpipe.model.lead import MAX_PAYLOAD_BYTES, posted_text
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.log_line import log_line
from leadpipe.model.record import Record

if TYPE_CHECKING:  # a cold start does not need them
    from leadpipe.model.ports import LeadQueue, Ledger

# If both stores fail within this time, there is time to try both again and still answer within ten seconds.
FAST_FAILURE_SECONDS = 1.0

log = logging.getLogger(__name__)


def take(
    body: bytes,
    *,
    at: datetime,
    entropy: bytes,
    ledger: "Ledger",
    queue: "LeadQueue",
    elapsed: Callable[[], float] = time.monotonic,
) -> str:
    """Keeps the posted lead and returns its id.

    Raises InvalidLead after it kept what was posted as `rejected`, and NotKept if no store took it.
    """
    lead_id = new_lead_id(at, entropy)
    try:
        record = Record.accepted(lead_id, posted_text(body))
    except InvalidLead as why:
        reject(lead_id, why, body, ledger=ledger)
        raise
    envelope = Envelope.of(record)

    started = elapsed()
    kept = keep(record, envelope, ledger=ledger, queue=queue)
    if not kept and elapsed() - started < FAST_FAILURE_SECONDS:
        kept = keep(record, envelope, ledger=ledger, queue=queue)
    if not kept:
        raise NotKept("storage_unavailable", "neither the ledger nor the queue took the lead; post it again")
    log.info(log_line("lead_accepted", lead_id=lead_id))
    return lead_id


def keep(record: Record, envelope: Envelope, *, ledger: "Ledger", queue: "LeadQueue") -> bool:
    """Puts the lead into both stores, the record first. Returns whether one of them took enough to deliver it from."""
    failure = _failure_of("record", record.lead_id, lambda: ledger.insert(record))
    # A message without its payload needs the record, which may not exist.
    if failure is None or envelope.payload is not None:
        not_queued = _failure_of("queue", record.lead_id, lambda: queue.put(envelope.to_text()))
        if failure is None or not_queued is None:
            return True
    return isinstance(failure, RowRefused) and keep_smallest(record, failure, ledger=ledger)


def keep_smallest(record: Record, refusal: RowRefused, *, ledger: "Ledger") -> bool:
    """Inserts the smallest row of a lead whose own row the ledger refuses: poisoned, so that a person sees it."""
    return _failure_of("smallest", record.lead_id, lambda: ledger.insert(record.smallest(refusal.detail))) is None


def reject(lead_id: str, why: InvalidLead, body: bytes, *, ledger: "Ledger") -> None:
    """Keeps the start of a body that is not a lead, so that a person can look at it. An empty body is not kept."""
    if not body:
        return
    log.warning(log_line("lead_rejected", lead_id=lead_id, reason=why.slug, bytes=len(body)))
    record = Record.rejected(lead_id, why, body[:MAX_PAYLOAD_BYTES])
    if _failure_of("record", lead_id, lambda: ledger.insert(record)):
        raise NotKept("storage_unavailable", "the ledger did not take it") from why


def _failure_of(step: str, lead_id: str, write: Callable[[], object]) -> Exception | None:
    try:
        write()
    except StorageFailed as failure:
        log.error(log_line("lead_not_kept", lead_id=lead_id, step=step, reason=failure.slug, detail=failure.detail))
        return failure
    except Exception as error:  # noqa: BLE001 - whatever one store raises, the other one has to be tried
        log.error(log_line("lead_not_kept", lead_id=lead_id, step=step, reason=type(error).__name__))
        return error
    return None
