"""Says of each of the endpoint's own keys when it was last used, so that an old one can be removed safely."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from leadpipe.model.keys import EndpointKey
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Ledger
from leadpipe.model.record import Record, State
from leadpipe.operations.ledger_pages import newest_first

# Leads are counted this far back, and a key's last use is looked for that far.
COUNTED = timedelta(days=7)
LOOKED_BACK = timedelta(days=90)


@dataclass(slots=True, kw_only=True)
class KeyUse:
    """One key by its name. `leads`: those received within COUNTED. Posts that were not leads are a use of the key too.

    `configured` False: the ledger has the name, LEADPIPE_KEYS does not.
    """

    name: str
    configured: bool
    last_used_at: datetime | None = None
    last_lead_id: str = ""
    leads: int = 0

    def add(self, record: Record, *, counts: bool) -> None:
        """Adds a post, the newest first."""
        if self.last_used_at is None:
            self.last_used_at, self.last_lead_id = record.received_at, record.lead_id
        self.leads += counts and record.state is not State.REJECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUses:
    """The keys of LEADPIPE_KEYS in their order, then the other names. `nameless`: leads within COUNTED without one."""

    keys: list[KeyUse]
    nameless: int


def uses_of(keys: Iterable[EndpointKey], ledger: Ledger, at: datetime) -> KeyUses:
    """Reads the ledger from its newest record back: all of COUNTED, and LOOKED_BACK until each key is seen."""
    uses = {key.name: KeyUse(name=key.name, configured=True) for key in keys}
    nameless = 0
    for record in newest_first(ledger, _first_day(at), at.astimezone(UTC).date()):
        counts = record.received_at >= at - COUNTED
        if not counts and all(use.last_used_at for use in uses.values()):
            break
        if not record.key_name:
            nameless += counts and record.state is not State.REJECTED
        elif counts or record.key_name in uses:
            uses.setdefault(record.key_name, KeyUse(name=record.key_name, configured=False)).add(record, counts=counts)
    return KeyUses(keys=sorted(uses.values(), key=lambda use: not use.configured), nameless=nameless)


def _first_day(at: datetime) -> date:
    return max(at - LOOKED_BACK, EPOCH).astimezone(UTC).date()
