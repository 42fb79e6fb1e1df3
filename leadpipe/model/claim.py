"""The claim names the lead that holds a hash. `verdict` decides about a second lead with that hash.

There are two kinds of hash: the fingerprint, whose holder makes a repeat of it a duplicate, and the customer, whose
holder gets the customer's later actions as notes (LEADPIPE_MERGE).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from leadpipe.model.record import OPEN, UNSETTLED, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The holder of a fingerprint, or of a customer. `version` is the store's tag of the row as it was read."""

    fingerprint: str
    lead_id: str
    received_at: datetime
    version: str = field(default="", compare=False)


class Verdict(StrEnum):
    TAKES_OVER = "takes over"  # the claim passes to this lead, which then goes on
    GOES_ON = "goes on"  # an old lead outside the holder's window: delivered without a claim
    YIELDS = "yields"  # a duplicate of the holder, or a note on it


# A holder of a fingerprint in one of these states is in Dynamics, may still get there, or stays in the ledger by
# setting.
HOLDING = UNSETTLED | {State.WRITTEN, State.MERGED, State.KEPT}
# A holder of a customer in one of these states is a lead in Dynamics, or becomes one without a person.
TAKES_NOTES = OPEN | {State.WRITTEN}


def verdict(
    mine: Claim, holder: Claim, window: timedelta, holder_state: State | None, *, holding: frozenset[State] = HOLDING
) -> Verdict:
    """Decides what `mine` does if another lead holds the claim. `holder_state` None: the holder has no record.

    `holding`: the states in which a lead holds what it claimed.

    Compares times of receipt only, so that neither a clock nor a backlog turns a duplicate into a second lead.
    """
    if abs(mine.received_at - holder.received_at) > window:
        return Verdict.TAKES_OVER if mine.received_at > holder.received_at else Verdict.GOES_ON
    return Verdict.YIELDS if holder_state in holding else Verdict.TAKES_OVER
