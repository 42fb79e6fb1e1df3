"""Claims content and customers: of leads with one fingerprint, or of one customer, exactly one is created.

A claim of a fingerprint is lost by a lead that is not and will not be in Dynamics. A claim of a customer is lost too by
one that a person has to decide about, so that the customer's later actions do not wait for that.
"""

from datetime import timedelta

from leadpipe.ledger_writes import MOST_RACES
from leadpipe.model.claim import TAKES_NOTES, Claim, Verdict, verdict
from leadpipe.model.errors import RecordDamaged, StorageFailed
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Ledger, Ports
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings


def find_first(record: Record, lead: Lead, *, gone: str, ports: Ports, settings: Settings) -> Record | None:
    """Step 3. Returns the record of the customer's first lead, open or written; None if this lead is the first.

    The first is the one that holds the claim, whichever was received first. `gone`: a lead that Dynamics lacks.
    """
    if not settings.merge or record.own_lead:
        return None
    for _ in range(MOST_RACES):
        holder = claim(record, lead.customer(), settings.merge, holding=TAKES_NOTES, ports=ports, gone=gone)
        if holder == record.lead_id:
            return None
        first = ports.ledger.read(holder)
        if first is not None and first.state in TAKES_NOTES:
            return first
    raise contended("the record of the customer's first lead")


def claim(
    record: Record, claimed: str, window: timedelta, *, holding: frozenset[State], ports: Ports, gone: str = ""
) -> str:
    """Claims the fingerprint or the customer. Returns the id of the lead that holds it: this one's, or another's.

    Both are computed from the payload; the record's columns are only for searches. An empty one is not claimed.
    """
    if not claimed:
        return record.lead_id
    mine = Claim(fingerprint=claimed, lead_id=record.lead_id, received_at=record.received_at)
    for _ in range(MOST_RACES):
        holder = ports.claims.take(mine)
        if holder.lead_id == record.lead_id:
            return record.lead_id
        state = None if holder.lead_id == gone else _state_of(holder.lead_id, ports.ledger)
        decided = verdict(mine, holder, window, state, holding=holding)
        if decided is Verdict.YIELDS:
            return holder.lead_id
        if decided is Verdict.GOES_ON or ports.claims.take_over(holder, mine):
            return record.lead_id
    raise contended("the claim")


def contended(what: str) -> StorageFailed:
    return StorageFailed("record_contended", f"another process changed {what} each of {MOST_RACES} times")


def _state_of(holder: str, ledger: Ledger) -> State | None:
    """The state of the lead that holds a claim; None if it has no record.

    A damaged record counts as poisoned: a person can still get the lead written.
    """
    try:
        held = ledger.read(holder)
    except RecordDamaged:
        return State.POISONED
    return held.state if held else None
