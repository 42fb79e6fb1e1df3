"""Sums up the ledger: counts of a span, and all that is unsettled. Pure: records in, a summary out."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from leadpipe.model.lead_id import END_OF_TIME
from leadpipe.model.record import OPEN, PERSON_UNREAD, UNSETTLED, Record, State
from leadpipe.operations.causes import BLOCKED_REASONS, Cause, cause_of

_NOT_TRIED = Cause(says="not tried yet", fix="nothing; if it lasts, see whether the function app runs")


@dataclass(slots=True, kw_only=True)
class Group:
    """Leads in one state for one reason."""

    oldest: Record
    newest: Record | None = None
    leads: int = 0

    def add(self, record: Record) -> None:
        self.leads += 1
        self.oldest = min(self.oldest, record, key=lambda record: record.received_at)
        self.newest = max(self.newest or record, record, key=lambda record: record.received_at)

    @property
    def reason(self) -> str:
        return self.oldest.reason

    @property
    def needs_a_person(self) -> bool:
        return self.oldest.state in {State.POISONED, State.WRITTEN} or self.reason in BLOCKED_REASONS

    def fields(self) -> dict[str, Any]:
        cause = cause_of(self.reason) if self.reason else _NOT_TRIED
        return {
            "state": self.oldest.state,
            "reason": self.reason,
            "leads": self.leads,
            "oldest_lead_id": self.oldest.lead_id,
            "oldest_received_at": self.oldest.received_at,
            "needs_a_person": self.needs_a_person,
            **asdict(cause),
        }


@dataclass(slots=True, kw_only=True)
class Summary:
    """Counts the leads received since then, and collects the written ones that a person has to complete.

    Unsettled leads are collected whatever their age: a lead that waits long must not be forgotten. Canaries are left
    out.
    """

    since: datetime
    until: datetime = END_OF_TIME  # what was received later, by a wrong clock, is not counted
    counts: Counter[State] = field(default_factory=Counter)
    grouped: dict[tuple[State, str], Group] = field(default_factory=dict)
    last_received_at: datetime | None = None
    last_written_at: datetime | None = None

    def add_all(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.is_canary:
                continue
            if self.since <= record.received_at <= self.until:
                self._count(record)
            if record.state in UNSETTLED or self._is_incomplete(record):
                self.grouped.setdefault((record.state, record.reason), Group(oldest=record)).add(record)

    def groups(self, states: Iterable[State]) -> list[Group]:
        """Those in the states, largest first."""
        found = [group for (state, _), group in self.grouped.items() if state in states]
        return sorted(found, key=lambda group: -group.leads)

    @property
    def oldest_open(self) -> Record | None:
        found = (group.oldest for group in self.groups(OPEN))
        return min(found, key=lambda record: record.received_at, default=None)

    def needs_a_person(self, *, on_poison_queue: int) -> list[str]:
        """Why a person is needed, one text for each reason; empty when nobody is."""
        groups = [group for group in self.groups(State) if group.needs_a_person]
        wanted = [f"{group.leads} {group.oldest.state} ({group.reason})" for group in groups]
        return [*wanted, f"{on_poison_queue} on the queue leads-poison"] if on_poison_queue else wanted

    def _is_incomplete(self, record: Record) -> bool:
        is_unread = record.state is State.WRITTEN and record.reason == PERSON_UNREAD
        return is_unread and record.received_at >= self.since

    def _count(self, record: Record) -> None:
        self.counts[record.state] += 1
        self.last_received_at = max(self.last_received_at or record.received_at, record.received_at)
        if record.written_at is not None:
            self.last_written_at = max(self.last_written_at or record.written_at, record.written_at)
