"""Delivers the leads in the fallback table when a person asks for it.

The sweep does the same when a lead's next try is due. Leads kept because no organisation was set wait for this.
"""

import random
from collections.abc import Iterable, Iterator

from leadpipe.model.errors import RecordDamaged, SettingsError
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, State
from leadpipe.model.settings import Area
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.target import Target
from leadpipe.sweep.fallback import deliver_resting
from leadpipe.sweep.run import Resources
from leadpipe.wiring import now


def resources_of(target: Target) -> Resources:
    """What a drain works with. Raises SettingsError where no organisation is set."""
    faults = target.settings.faults_of(Area.DYNAMICS)
    if faults or target.ports.dynamics is None:
        raise SettingsError("settings", faults or "DATAVERSE_URL is not set: no organisation to deliver to")
    chance = random.random()  # noqa: S311 - spreads the next tries
    return Resources(now=now, chance=chance, ports=target.ports, settings=target.settings)


def drained(lead_ids: Iterable[str], resources: Resources) -> Iterator[Result]:
    """Delivers the leads one after the other. Ends at a failure that may concern all, and where storage is away.

    A lead that Dynamics refuses for good is poisoned; then, as after any failure of one lead alone, the next follows.
    """
    for lead_id in lead_ids:
        try:
            result = _drain(lead_id, resources)
            may_concern_all = resources.ports.gate.in_doubt(resources.now())
        except Exception as error:  # noqa: BLE001 - a fault on one lead must not keep the others waiting
            result, may_concern_all = Result.of_error(lead_id, error), True
        yield result
        if result.outcome is Outcome.FAILED and may_concern_all:
            return


def _drain(lead_id: str, resources: Resources) -> Result:
    record = resources.ports.ledger.read(lead_id)
    if record is None or record.state is not State.FALLBACK:
        return Result(lead_id=lead_id, outcome=Outcome.CHANGED, state=record.state if record else "")
    record = deliver_resting(record, resources)
    outcomes = {State.WRITTEN: Outcome.WRITTEN, State.MERGED: Outcome.WRITTEN, State.FALLBACK: Outcome.FAILED}
    return Result(
        lead_id=lead_id,
        outcome=outcomes.get(record.state, Outcome.REFUSED),
        state=record.state,
        attempt=record.attempt,
        reason=record.reason,
        detail=record.detail,
    )


def rows_left_behind(resources: Resources) -> Iterator[str]:
    """The rows of the fallback table whose lead is settled: a delivery crashed between its last two writes."""
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
