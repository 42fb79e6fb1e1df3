"""Posts a canary when one is due, and sees whether the last one came back."""

import logging

from leadpipe.ledger_writes import write
from leadpipe.model.canary import CanaryMark, CanaryState, is_due, judged
from leadpipe.model.canary_form import canary_payload
from leadpipe.model.change import Kept
from leadpipe.model.errors import CanaryFailed
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Canary, Marks
from leadpipe.model.record import CANARY_FAILED, QUEUED, Record
from leadpipe.sweep.run import Run

log = logging.getLogger(__name__)


def keep_a_canary_out(marks: Marks, run: Run) -> Marks:
    """Judges the canary that is out, then posts the next one if it is due. It has a row of marks of its own."""
    plan, port = run.settings.canary, run.ports.canary
    if plan is None or port is None or not run.time_left():
        return marks
    mark: CanaryMark | None = run.ports.canary_marks.read()
    if mark is not None and mark.state is CanaryState.OUT:
        mark = judge(mark, run)
    if mark is not None and is_due(mark, run.now(), plan.every):
        post(mark, port, run)
    return marks


def judge(mark: CanaryMark, run: Run) -> CanaryMark | None:
    """The mark as it now stands; None if another sweep judged the canary first."""
    record = run.ports.ledger.read(mark.lead_id)
    after = judged(mark, record, run.now())
    if after == mark:
        return mark
    if record is not None and record.state in QUEUED:
        end(record, after, run)
    return keep(mark, after, run)


def end(record: Record, failed: CanaryMark, run: Run) -> None:
    """Ends a canary whose time is over, so that those which nothing delivers do not pile up on the queue."""
    detail = f"{failed.step.removeprefix('canary_')}: {failed.detail}"
    over = Kept(reason=CANARY_FAILED, detail=detail)
    write(record, over, run.now, attempt=record.attempt, ledger=run.ports.ledger)


def post(mark: CanaryMark, port: Canary, run: Run) -> None:
    """Writes the mark first: of two sweeps at once the one that wrote it posts."""
    at = run.now()
    begun = run.ports.canary_marks.write(mark, mark.begun(at))
    if begun is None:
        return
    try:
        after = begun.out(port.post(canary_payload(at)))
    except CanaryFailed as why:
        after = begun.failed(why.slug, why.detail, run.now())
    keep(begun, after, run)


def keep(before: CanaryMark, after: CanaryMark, run: Run) -> CanaryMark | None:
    """Writes and logs what became of the canary. None if another sweep was faster."""
    kept = run.ports.canary_marks.write(before, after)
    if kept is not None:
        failed = after.state is CanaryState.FAILED
        step = after.step if failed else ""
        level = logging.ERROR if failed else logging.INFO
        log.log(level, log_line("canary", lead_id=after.lead_id, outcome=after.state, step=step))
    return kept
