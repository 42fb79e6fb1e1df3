"""In-memory stores and Dynamics, held to the same behaviour as the real ones by tests/ports.

Every call goes into one journal, so that a test can say in which order things happened. Every fake can be down, and
can lose a reply: do what was asked and then fail.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

from leadpipe.model.claim import Claim
from leadpipe.model.errors import Changed, DeliveryFailed, StorageFailed
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Ports, Receipt
from leadpipe.model.record import QUEUED, Event, Record, State

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)


class Part:
    """What all fakes share: the journal and the ways to fail."""

    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.journal = journal
        self.down = False
        self.losing: list[DeliveryFailed] = []  # raised after the work was done, one a call
        self.failing: list[DeliveryFailed] = []  # raised instead of the work, one a call
        self.lock = threading.RLock()

    @contextmanager
    def call(self, what: str) -> Iterator[None]:
        with self.lock:
            if self.down:
                raise StorageFailed("storage_unreachable", f"the {self.name} did not answer")
            if self.failing:
                raise self.failing.pop(0)
            self.journal.append(f"{self.name}.{what}")
            yield
            if self.losing:
                raise self.losing.pop(0)


@dataclass(frozen=True)
class Message:
    text: str
    delay: timedelta = timedelta(0)


class FakeQueue(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("queue", journal)
        self.messages: list[Message] = []

    def put(self, text: str, *, delay: timedelta = timedelta(0)) -> None:
        with self.call("put"):
            self.messages.append(Message(text, delay))


class FakeLedger(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("ledger", journal)
        self.rows: dict[str, Record] = {}
        self.history: dict[str, Event] = {}
        self._versions = count(1)

    def insert(self, record: Record) -> Record | None:
        with self.call("insert"):
            if record.lead_id in self.rows:
                return None
            return self._put(record)

    def read(self, lead_id: str) -> Record | None:
        with self.call("read"):
            return self.rows.get(lead_id)

    def write(self, before: Record, after: Record, event: Event | None) -> Record:
        with self.call("write"):
            now = self.rows.get(before.lead_id)
            told = None if event is None else repr(replace(event, payload=None))
            if now is None or now.version != before.version or told in self.history:
                raise Changed("record_changed", before.lead_id)
            if event is not None and told is not None:
                self.history[told] = event
            return self._put(after)

    def events(self, lead_id: str) -> list[Event]:
        with self.call("events"):
            return sorted((e for e in self.history.values() if e.lead_id == lead_id), key=lambda event: event.at)

    def records(self, day: date, *, states: frozenset[State] | None = None) -> Iterator[Record]:
        with self.call("records"):
            listed = [r for r in self.rows.values() if r.received_at.date() == day]
        yield from (
            replace(r, payload=None, version=None)
            for r in sorted(listed, key=lambda r: r.lead_id, reverse=True)
            if states is None or r.state in states
        )

    def overdue(self, day: date, before: datetime) -> Iterator[Record]:
        for record in self.records(day, states=QUEUED):
            if record.next_try_at is not None and record.next_try_at < before:
                yield record

    def _put(self, record: Record) -> Record:
        self.rows[record.lead_id] = replace(record, version=f"v{next(self._versions)}")
        return self.rows[record.lead_id]


class FakeClaims(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("claims", journal)
        self.rows: dict[str, Claim] = {}
        self._versions = count(1)

    def take(self, mine: Claim) -> Claim:
        with self.call("take"):
            if mine.fingerprint in self.rows:
                return self.rows[mine.fingerprint]
            self._put(mine)
            return mine

    def take_over(self, holder: Claim, mine: Claim) -> bool:
        with self.call("take_over"):
            now = self.rows.get(holder.fingerprint)
            if now is None or now.version != holder.version:
                return False
            self._put(mine)
            return True

    def _put(self, claim: Claim) -> None:
        self.rows[claim.fingerprint] = replace(claim, version=f"v{next(self._versions)}")


class FakeFallback(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("fallback", journal)
        self.rows: dict[str, Record] = {}

    def keep(self, record: Record) -> None:
        with self.call("keep"):
            self.rows.setdefault(record.lead_id, record)

    def remove(self, lead_id: str) -> None:
        with self.call("remove"):
            self.rows.pop(lead_id, None)


class FakeDynamics(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("dynamics", journal)
        self.leads: dict[str, Lead] = {}
        self.may_read = True
        self.asked = 0

    def create(self, lead_id: str, lead: Lead) -> Receipt:
        self.asked += 1
        with self.call("create"):
            if lead_id in self.leads:
                return Receipt.FOUND if self.may_read else Receipt.UNCONFIRMED
            self.leads[lead_id] = lead
            return Receipt.CREATED


@dataclass
class World:
    """All fakes with one journal and one clock, which stands still until it is moved."""

    at: datetime = NOW
    journal: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = FakeQueue(self.journal)
        self.ledger = FakeLedger(self.journal)
        self.claims = FakeClaims(self.journal)
        self.fallback = FakeFallback(self.journal)
        self.dynamics = FakeDynamics(self.journal)

    @property
    def ports(self) -> Ports:
        return Ports(
            queue=self.queue,
            ledger=self.ledger,
            claims=self.claims,
            fallback=self.fallback,
            dynamics=self.dynamics,
        )

    def now(self) -> datetime:
        return self.at
