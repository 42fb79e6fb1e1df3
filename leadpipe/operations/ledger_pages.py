"""Reads the ledger in pages of whole days: all of it for the balance, newest first for lists."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from leadpipe.model.lead_id import milliseconds, received_at
from leadpipe.model.ports import Ledger
from leadpipe.model.record import QUEUED, Record, State
from leadpipe.model.waiting import is_overdue

PAGE = 20_000
# Several days that have so many records are not read at once. It is what the service gives in one answer.
MOST_AT_ONCE = 1000
_FASTEST_GROWTH = 8
# The last day that a lead's id can name.
LAST_DAY = date.max
_MOST_DAYS = (LAST_DAY - date.min).days


@dataclass(slots=True, kw_only=True)
class Page:
    """The leads received from `since` until `before`, and those among them that need a closer look.

    `damage`: a line for each damaged row that was met while the page was read.
    """

    since: datetime
    before: datetime
    states: dict[str, State] = field(default_factory=dict)
    overdue: list[str] = field(default_factory=list)
    resting_overdue: list[str] = field(default_factory=list)
    holders: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    canaries: set[str] = field(default_factory=set)
    damage: list[str] = field(default_factory=list)

    def of(self, state: State) -> list[str]:
        return [lead_id for lead_id, found in self.states.items() if found is state]

    def counts(self) -> Counter[State]:
        """How many leads are in each state, canaries left out."""
        return Counter(state for lead_id, state in self.states.items() if lead_id not in self.canaries)

    def add(self, record: Record, *, at: datetime) -> None:
        self.states[record.lead_id] = record.state
        if record.is_canary:
            self.canaries.add(record.lead_id)
        if record.state is State.DUPLICATE:
            self.holders[record.lead_id] = record.duplicate_of
        elif record.reason == "removed":
            self.removed.add(record.lead_id)
        elif is_overdue(record, at):
            (self.overdue if record.state in QUEUED else self.resting_overdue).append(record.lead_id)


def pages(since: datetime, before: datetime, *, at: datetime, ledger: Ledger, size: int = PAGE) -> Iterator[Page]:
    """Pages that cover the whole span without a gap, also where nothing was received."""
    damage: list[str] = []
    page = Page(since=since, before=before)
    day = since.date()
    for record in ledger.between(since.date(), (before - timedelta(microseconds=1)).date(), damage=damage):
        received = record.received_at
        if not since <= received < before:
            continue
        if received.date() != day and len(page.states) >= size:
            page.before = datetime.combine(received.date(), time(), UTC)
            page.damage = [*damage]
            damage.clear()
            yield page
            page = Page(since=page.before, before=before)
        day = received.date()
        page.add(record, at=at)
    page.damage = damage
    yield page


def position(lead_id: str) -> tuple[int, str]:
    """Orders leads as the ledger does: newest first, and those of one millisecond by their ids."""
    return -milliseconds(received_at(lead_id)), lead_id


def newest_first(
    ledger: Ledger,
    first: date,
    today: date,
    *,
    states: frozenset[State] | None = None,
    reason: str = "",
    last: date = LAST_DAY,
    wanted: int = 1,
    fields: frozenset[str] | None = None,
    page: int | None = None,
) -> Iterator[Record]:
    """The records from that UTC day until `last`, newest first. Reads a day only once the day after it is used up.

    Records of future days, from a wrong clock, come first. After each read it chooses how many days to read at once,
    so that about as many records come as are `wanted`: years without leads cost a few requests. `page`: how many
    records of one day are fetched at once. `reason`, `fields`: as of the ledger's `between`.
    """
    days, at_most = max(1, (last - today).days), _MOST_DAYS
    while first <= last:
        days = min(days, (last - first).days + 1)
        start = last - timedelta(days=days - 1)
        found = ledger.between(
            start, last, states=states, reason=reason, fields=fields, page=page if days == 1 else None
        )
        if days > 1:
            listed = [*(found if last > today else islice(found, MOST_AT_ONCE))]
            if len(listed) >= MOST_AT_ONCE and last <= today:
                days = at_most = max(1, days // 4)  # the many are near
                continue
            found = iter(sorted(listed, key=lambda record: position(record.lead_id)))
        rows = 0
        for record in found:
            rows += 1
            yield record
        at_most = at_most if rows == 0 else _MOST_DAYS
        days = 1 if last >= today else min(at_most, _next_days(days, rows, wanted))  # today has begun only
        last = start - timedelta(days=1)


def _next_days(days: int, rows: int, wanted: int) -> int:
    most = _FASTEST_GROWTH * days
    return most if rows == 0 else max(1, min(most, days * wanted // rows))
