"""Finds records by state, time, offer and e-mail, newest or oldest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from leadpipe.model.errors import RecordDamaged
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Ledger
from leadpipe.model.record import IN_DYNAMICS, Event, Record, State
from leadpipe.operations.ledger_pages import LAST_DAY, newest_first

FOR_A_DECISION = frozenset({State.POISONED, State.REJECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Selects records. `offer` and `email` match anywhere in the field, in any case; `text` in any of four fields.

    `canaries`: leadpipe's own canaries and nothing else; otherwise every lead but those.
    """

    states: frozenset[State] | None = None
    reasons: frozenset[str] = frozenset()
    since: datetime | None = None
    offer: str = ""
    email: str = ""
    text: str = ""
    canaries: bool = False

    def matches(self, record: Record) -> bool:
        return (
            record.is_canary is self.canaries
            and (self.since is None or record.received_at >= self.since)
            and (not self.reasons or record.reason in self.reasons)
            and self.offer.casefold() in record.offer.casefold()
            and self.email.casefold() in record.email.casefold()
            and any(self.text.casefold() in each.casefold() for each in _texts_of(record))
        )

    @property
    def only_reason(self) -> str:
        """The reason, where there is one alone, for which storage can look."""
        return next(iter(self.reasons)) if len(self.reasons) == 1 else ""

    @property
    def looks_into_texts(self) -> bool:
        """Whether records are compared here, one by one: storage cannot look for a part of a text."""
        return bool(self.offer or self.email or self.text)

    @property
    def narrows(self) -> bool:
        """Whether records may have to be passed over: one that matches can be far away."""
        return self.canaries or bool(self.states or self.reasons or self.offer or self.email or self.text)


def _texts_of(record: Record) -> tuple[str, ...]:
    return record.email, record.company, record.name, record.offer


def found_in(ledger: Ledger, search: Search, *, today: date) -> Iterator[Record]:
    """The records that match, newest first. Reads a day only once the day after it is used up."""
    oldest = ledger.first_day()
    if oldest is None:
        return
    first = max(oldest, search.since.date()) if search.since else oldest
    yield from filter(search.matches, newest_first(ledger, first, today, states=search.states))


def oldest_first(ledger: Ledger, search: Search) -> Iterator[Record]:
    """The records that match, oldest day first, in one reading."""
    first = search.since.date() if search.since else EPOCH.date()
    return filter(search.matches, ledger.between(first, LAST_DAY, states=search.states))


def history_of(record: Record, events: Sequence[Event]) -> list[Event]:
    """The events in order of time, the delivery included: where all went well, only the record has its time."""
    if record.written_at is None or any(event.event in IN_DYNAMICS for event in events):
        return list(events)
    written = Event(lead_id=record.lead_id, at=record.written_at, event=State.WRITTEN, state=State.WRITTEN)
    return sorted([*events, written], key=lambda event: event.at)


def read_unless_damaged(lead_id: str, ledger: Ledger, *, damage: list[str] | None = None) -> Record | None:
    """The lead's record; None where there is none, and where it is damaged. `damage`: as of the ledger's `read`."""
    try:
        return ledger.read(lead_id, damage=damage)
    except RecordDamaged:
        return None
