"""Sums up the ledger: counts the leads of a span, and groups all that are unsettled."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from leadpipe.model.keys import WRONG_KEY
from leadpipe.model.lead_id import END_OF_TIME, EPOCH
from leadpipe.model.pulse import is_of_a_customer
from leadpipe.model.reasons import BLOCKED
from leadpipe.model.record import OPEN, PERSON_UNREAD, UNSETTLED, Record, State
from leadpipe.model.waiting import LONGEST_FAILING, Tally, add
from leadpipe.operations.causes import Cause, cause_of

_NOT_TRIED = Cause("not tried yet", "nothing; if it lasts, see whether the function app runs")


@dataclass(slots=True, kw_only=True)
class Group:
    """Leads in one state for one reason."""

    oldest: Record
    newest: Record | None = None
    leads: int = 0
    failing_since: datetime | None = None

    def add(self, record: Record) -> None:
        self.leads += 1
        self.failing_since = min(filter(None, (self.failing_since, record.failing_since)), default=None)
        self.oldest = min(self.oldest, record, key=lambda record: record.received_at)
        self.newest = max(self.newest or record, record, key=lambda record: record.received_at)

    def __str__(self) -> str:
        return f"{self.leads} {self.state} ({self.reason})"

    @property
    def state(self) -> State:
        return self.oldest.state

    @property
    def reason(self) -> str:
        return self.oldest.reason

    @property
    def since(self) -> datetime:
        """Since when the first of them fails; since when it is there, if it does not fail."""
        return (self.failing_since if self.state in OPEN else None) or self.oldest.received_at

    def needs_a_person(self, at: datetime) -> bool:
        too_long = self.failing_since is not None and at - self.failing_since > LONGEST_FAILING
        return self.state not in OPEN or self.reason in BLOCKED or too_long

    def fields(self, at: datetime) -> dict[str, Any]:
        cause = cause_of(self.reason) if self.reason else _NOT_TRIED
        return {
            "state": self.state,
            "reason": self.reason,
            "leads": self.leads,
            "oldest_lead_id": self.oldest.lead_id,
            "oldest_received_at": self.oldest.received_at,
            "since": self.since,
            "needs_a_person": self.needs_a_person(at),
            **asdict(cause),
        }


def grouped(records: Iterable[Record], ids: list[str] | None = None) -> list[Group]:
    """One group for each state and reason, the largest first; adds each lead's id to `ids`."""
    groups: dict[tuple[State, str], Group] = {}
    for record in records:
        groups.setdefault((record.state, record.reason), Group(oldest=record)).add(record)
        if ids is not None:
            ids.append(record.lead_id)
    return sorted(groups.values(), key=lambda group: -group.leads)


@dataclass(slots=True, kw_only=True)
class Summary:
    """Counts the leads received since then, and groups the written ones that a person has to complete.

    Unsettled leads are grouped whatever their age: a lead that waits long must not be forgotten. Canaries are left out.
    `at`: now.
    """

    since: datetime
    until: datetime = END_OF_TIME  # a lead received later has its time from a wrong clock, and is not counted
    at: datetime = EPOCH
    counts: Counter[State] = field(default_factory=Counter)
    unsettled: list[Group] = field(default_factory=list)
    last_received_at: datetime | None = None
    last_written_at: datetime | None = None
    first_received_at: datetime | None = None
    last_lead_at: datetime | None = None  # of a customer, also before the span
    tallies: dict[tuple[State, str], Tally] = field(default_factory=dict)
    wrong_keys: list[datetime] = field(default_factory=list)

    def add_all(self, records: Iterable[Record]) -> None:
        self.unsettled = grouped(self._counted(records))

    def groups(self, states: Iterable[State]) -> list[Group]:
        """Those in the states, largest first."""
        return [group for group in self.unsettled if group.state in states]

    @property
    def oldest_open(self) -> Record | None:
        found = (group.oldest for group in self.groups(OPEN))
        return min(found, key=lambda record: record.received_at, default=None)

    def _counted(self, records: Iterable[Record]) -> Iterator[Record]:
        """Counts the records of the span, and yields those that are unsettled or that a person has to complete."""
        for record in records:
            if record.is_canary:
                continue
            self.first_received_at = min(self.first_received_at or record.received_at, record.received_at)
            if record.state is State.REJECTED and record.reason == WRONG_KEY:
                self.wrong_keys.append(record.received_at)
            if is_of_a_customer(record) and record.received_at <= self.until:
                self.last_lead_at = max(self.last_lead_at or record.received_at, record.received_at)
            if self.since <= record.received_at <= self.until:
                self._count(record)
            is_unread = record.state is State.WRITTEN and record.reason == PERSON_UNREAD
            if record.state in UNSETTLED or (is_unread and record.received_at >= self.since):
                add(record, self.tallies, self.at)
                yield record

    def _count(self, record: Record) -> None:
        self.counts[record.state] += 1
        self.last_received_at = max(self.last_received_at or record.received_at, record.received_at)
        if record.written_at is not None:
            self.last_written_at = max(self.last_written_at or record.written_at, record.written_at)
