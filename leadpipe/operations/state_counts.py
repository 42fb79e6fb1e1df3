"""Counts the leads of each state that a filter chooses, newest first, with a bound on what is read."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, TO_COUNT, TO_LIST, State
from leadpipe.operations.find import Search
from leadpipe.operations.ledger_pages import newest_first

# So many leads are looked at, and fewer where the texts of each have to be compared.
MOST_COUNTED, MOST_COMPARED = 1000, 500
# Without a time in the filter, so far back.
FURTHEST_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCounts:
    """`since`: from when on leads are counted. `is_cut`: only the newest `looked_at` leads were looked at."""

    states: Counter[State] = field(default_factory=Counter)
    since: datetime
    looked_at: int = 0
    is_cut: bool = False

    @property
    def open(self) -> int:
        return sum(self.states[state] for state in OPEN)

    @property
    def leads(self) -> int:
        return self.states.total()


def counts_of(ledger: Ledger, search: Search, *, at: datetime) -> StateCounts:
    """The counts of the filter without its states."""
    most = MOST_COMPARED if search.looks_into_texts else MOST_COUNTED
    whole = replace(search, states=None)
    since = search.since or at - FURTHEST_BACK
    stored = newest_first(
        ledger,
        since.astimezone(UTC).date(),
        at.astimezone(UTC).date(),
        reason=search.only_reason,
        wanted=most,
        fields=TO_LIST if search.looks_into_texts else TO_COUNT,
        page=most,
    )
    counts, looked_at, last = Counter[State](), 0, at
    for record in stored:
        if record.received_at < since:
            continue
        if looked_at == most:
            return StateCounts(states=counts, since=last, looked_at=looked_at, is_cut=True)
        looked_at, last = looked_at + 1, record.received_at
        counts[record.state] += whole.matches(record)
    return StateCounts(states=counts, since=since, looked_at=looked_at)
