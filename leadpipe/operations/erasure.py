"""Finds the leads that have an e-mail address, in every state and payload."""

from dataclasses import dataclass
from datetime import datetime

from leadpipe.model.errors import DeliveryFailed
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Ledger, Ports
from leadpipe.model.record import Record, State
from leadpipe.operations.addresses import Standing, standing
from leadpipe.operations.ledger_pages import LAST_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressMatch:
    """A lead that has the address; `standing`: whose the address is."""

    lead_id: str
    state: State
    received_at: datetime
    standing: Standing


def with_address(email: str, ledger: Ledger) -> list[AddressMatch]:
    """The leads that have the address, oldest first, whatever their state."""
    found = [
        AddressMatch(lead_id=record.lead_id, state=record.state, received_at=record.received_at, standing=whose)
        for record in ledger.between(EPOCH.date(), LAST_DAY, payloads=True)
        if (whose := standing(email, record))
    ]
    return sorted(found, key=lambda each: each.lead_id)


def dynamics_has(record: Record, ports: Ports) -> str:
    """A verb that says whether Dynamics has the lead, or the note of it; empty where it does not."""
    if ports.dynamics is None:
        return "has" if record.written_at else "could not be asked whether it has"
    look = ports.dynamics.note_on if record.noted_on else ports.dynamics.has
    try:
        return "has" if look(record.lead_id) else ""
    except DeliveryFailed:
        return "has, or had," if record.written_at else "could not be asked whether it has"
