"""Delivers the leads in the fallback table."""

from collections.abc import Iterable
from itertools import islice

from leadpipe.delivery import Try, deliver_record
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Marks
from leadpipe.model.record import Record, State
from leadpipe.sweep.run import Resources, Run

FALLBACK_BATCH = 1000


def drain_fallback(marks: Marks, run: Run) -> Marks:
    """Delivers the leads that are due, oldest first, until one of them finds Dynamics still away."""
    if run.ports.dynamics is not None and not run.ports.gate.is_shut(run.now()):
        first, resting = marks.watermark or EPOCH.date(), frozenset({State.FALLBACK})
        due = run.ports.ledger.due(first, run.now(), states=resting, go_on=run.time_left)
        oldest_first = sorted(islice(due, FALLBACK_BATCH), key=lambda record: record.lead_id)
        drain((listed.lead_id for listed in oldest_first), run)
    return marks


def drain(lead_ids: Iterable[str], run: Run) -> None:
    """Delivers these leads. If one fails, the drain ends, unless the failure concerns that lead alone."""
    guard = run.guard("fallback")
    for lead_id in lead_ids:
        if not guard.goes_on() or run.ports.gate.is_shut(run.now()):
            return
        left_the_table = False
        with guard.item(lead_id=lead_id):
            left_the_table = deliver_from_fallback(lead_id, run)
        if not left_the_table and run.ports.gate.in_doubt(run.now()):
            return


def deliver_from_fallback(lead_id: str, run: Run) -> bool:
    """Delivers the lead, unless somebody else did. Returns whether it has left the state `fallback`."""
    record = run.ports.ledger.read(lead_id)
    if record is None or record.state is not State.FALLBACK:
        return True
    return deliver_resting(record, run).state is not State.FALLBACK


def deliver_resting(record: Record, resources: Resources) -> Record:
    a_try = Try(attempt=record.attempt, first=False, chance=resources.chance, now=resources.now)
    return deliver_record(record, a_try, ports=resources.ports, settings=resources.settings)
