"""Finds all that a customer did: the first lead, its notes, and what waits behind it or repeats one of them."""

from datetime import datetime, timedelta

from leadpipe.model.lead_id import END_OF_TIME, EPOCH
from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, Record, State
from leadpipe.operations.find import read_unless_damaged

# How far apart a customer's actions may be where the setting does not say it any more.
USUAL_WINDOW = timedelta(days=30)
# The states in which a record names another lead.
_NAMING = OPEN | {State.MERGED, State.DUPLICATE, State.POISONED}


def actions_of(record: Record, window: timedelta, ledger: Ledger) -> list[Record]:
    """The records of that customer's actions, oldest first; empty if nothing else is known of the customer.

    Reads what names another lead in twice the window around the record.
    """
    span = window or USUAL_WINDOW
    first, last = max(record.received_at, EPOCH + span) - span, min(record.received_at, END_OF_TIME - span) + span
    naming = {each.lead_id: each for each in _between(ledger, first, last) if each.duplicate_of}
    naming |= {record.lead_id: record} if record.duplicate_of else {}
    first_id = _first(record.lead_id, naming)
    found = [each for each in naming.values() if _first(each.lead_id, naming) == first_id]
    if not found:
        return []
    whole = _first_record(first_id, record, ledger)
    return sorted([*found, *([whole] if whole else [])], key=lambda each: each.lead_id)


def _first(lead_id: str, naming: dict[str, Record]) -> str:
    """Follows the leads that name one another, at most as many as there are."""
    for _ in range(len(naming)):
        if lead_id not in naming:
            break
        lead_id = naming[lead_id].duplicate_of
    return lead_id


def _between(ledger: Ledger, first: datetime, last: datetime) -> list[Record]:
    return list(ledger.between(first.date(), last.date(), states=_NAMING, damage=[]))


def _first_record(lead_id: str, record: Record, ledger: Ledger) -> Record | None:
    if lead_id == record.lead_id:
        return record
    return read_unless_damaged(lead_id, ledger)
