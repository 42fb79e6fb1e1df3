"""Removes the personal data of leads that were settled long ago."""

from dataclasses import replace
from datetime import UTC, date

from leadpipe.ledger_writes import write
from leadpipe.model.change import Forgotten
from leadpipe.model.errors import StorageFailed
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Marks
from leadpipe.model.record import UNSETTLED
from leadpipe.sweep.days import Walk, walk_on
from leadpipe.sweep.guard import Guard
from leadpipe.sweep.run import Run


def forget_old(marks: Marks, run: Run) -> Marks:
    """Removes the personal data of settled leads that were received longer ago than the setting says.

    A day with an unsettled lead holds the mark back, so that it is looked at again an hour later.
    """
    if not run.hourly and marks.forgetting_from is None:
        return marks
    guard = run.guard("retention")
    cutoff = (run.now() - run.settings.retention).astimezone(UTC).date()
    walk = Walk(done_before=marks.forgotten_before or EPOCH.date(), goes_on_from=marks.forgetting_from)
    walk = walk_on(walk, cutoff, lambda first, last: forget_days(first, last, guard, run), guard, run)
    return replace(marks, forgotten_before=walk.done_before, forgetting_from=walk.goes_on_from)


def forget_days(first: date, last: date, guard: Guard, run: Run) -> date | None:
    """Forgets the settled leads of these days. Returns the first day with an unsettled one."""
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
