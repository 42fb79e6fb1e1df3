"""Puts the message of a lead that the sweep queues again."""

import logging

from leadpipe.model.envelope import Envelope
from leadpipe.model.log_line import log_line
from leadpipe.model.record import QUEUED, Record
from leadpipe.sweep.run import Run

log = logging.getLogger(__name__)


def put(again: Record, before: Record, task: str, run: Run) -> None:
    """Puts the lead's message, unless its record was settled since `before` was read."""
    if again.attempt == before.attempt or again.state not in QUEUED:
        return
    run.ports.queue.put(Envelope.of(again).to_text())
    log.warning(log_line("lead_queued_again", lead_id=again.lead_id, step=task, attempt=again.attempt))
