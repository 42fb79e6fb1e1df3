"""The claim names the lead that holds a fingerprint. `verdict` decides about a second lead with that fingerprint."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from leadpipe.model.record import UNSETTLED, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The holder of a fingerprint. `version` is the store's tag of the row as it was read."""

    fingerprint: str
    lead_id: str
    received_at: datetime
    version: str = field(default="", compare=False)


class Verdict(StrEnum):
    TAKES_OVER = "takes over"  # the claim passes to this lead, which then goes on
    GOES_ON = "goes on"  # an old lead outside the holder's window: delivered without a claim
    DUPLICATE = "duplicate"


# A holder in one of these states is in Dynamics, may still get there, or stays in the ledger by setting.
HOLDING = UNSETTLED | {State.WRITTEN, State.KEPT}


def verdict(mine: Claim, holder: Claim, window: timedelta, holder_state: State | None) -> Verdict:
    """Decides what `mine` does if another lead holds the claim. `holder_state` None: the holder has no record.

    Compares times of receipt only, so that neither a clock nor a backlog turns a duplicate into a second lead.
    """
    if abs(mine.received_at - holder.received_at) > window:
        return Verdict.TAKES_OVER if mine.received_at > holder.received_at else Verdict.GOES_ON
    return Verdict.DUPLICATE if holder_state in HOLDING else Verdict.TAKES_OVER
