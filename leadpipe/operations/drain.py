"""Delivers the leads in the fallback table when a person asks for it. Plain functions over the ports.

The sweep does the same once a lead's next try is due, except for leads that were kept because no organisation was set.
"""

from collections.abc import Iterable, Iterator

from leadpipe.model.errors import RecordDamaged, RowRefused, StorageFailed
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, State
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.sweep.fallback import deliver_resting
from leadpipe.sweep.run import Resources


def drained(lead_ids: Iterable[str], resources: Resources) -> Iterator[Result]:
    """Delivers the leads one after the other; ends at a failure that may concern all, and when storage is away.

    A lead that Dynamics refuses for good is poisoned, and the next one follows, as it does after a failure that
    concerns that lead alone.
    """
    for lead_id in lead_ids:
        try:
            result = _drain(lead_id, resources)
        except (RecordDamaged, RowRefused) as failure:  # this lead's own row; storage answers
            yield Result.of_failure(lead_id, Outcome.REFUSED, failure)
            continue
        except StorageFailed as failure:
            yield Result.of_failure(lead_id, Outcome.FAILED, failure)
            return
        except Exception as error:  # noqa: BLE001 - what is wrong with one lead must not keep the others waiting
            result = Result.unforeseen(lead_id, error)
        yield result
        if result.outcome is Outcome.FAILED and resources.ports.gate.in_doubt(resources.now()):
            return


def _drain(lead_id: str, resources: Resources) -> Result:
    record = resources.ports.ledger.read(lead_id)
    if record is None or record.state is not State.FALLBACK:
        return Result(lead_id=lead_id, outcome=Outcome.CHANGED, state=record.state if record else "")
    record = deliver_resting(record, resources)
    outcomes = {State.WRITTEN: Outcome.WRITTEN, State.FALLBACK: Outcome.FAILED}
    return Result(
        lead_id=lead_id,
        outcome=outcomes.get(record.state, Outcome.REFUSED),
        state=record.state,
        attempt=record.attempt,
        reason=record.reason,
        detail=record.detail,
    )


def rows_left_behind(resources: Resources) -> Iterator[str]:
    """The rows of the fallback table whose lead is settled: delivery crashed between its last two writes."""
    for lead_id in resources.ports.fallback.lead_ids(EPOCH.date(), resources.now().date()):
        if is_settled(lead_id, resources.ports.ledger):
            yield lead_id


def is_settled(lead_id: str, ledger: Ledger) -> bool:
    """False also where the record is damaged: its row may still be needed."""
    try:
        record = ledger.read(lead_id)
    except RecordDamaged:
        return False
    return record is not None and record.state not in OPEN
