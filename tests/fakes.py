"""In-memory stores and Dynamics, held to the same behaviour as the real ones by tests/ports.

Every call goes into one journal, so that a test can say in which order things happened. Every fake can be down, and
can lose a reply: do what was asked and then fail.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from operator import attrgetter

from leadpipe.model.always import always
from leadpipe.model.attention import Notice
from leadpipe.model.canary import CanaryMark
from leadpipe.model.claim import Claim
from leadpipe.model.errors import Blocked, Changed, DeliveryFailed, LeadMissing, StorageFailed
from leadpipe.model.gate import Gate
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import milliseconds, new_lead_id, received_at
from leadpipe.model.ports import Arrival, Canary, FallbackRow, Marks, Ports, Receipt, Rerouted, SeenMessage
from leadpipe.model.pulse import Pulse
from leadpipe.model.record import FORGETTABLE, QUEUED, Event, Record, State
from leadpipe.model.told import Told

NOW = datetime(2026, 3, 14, 15, 9, 26, 535000, tzinfo=UTC)
_WHAT_HAPPENED = attrgetter(*(each.name for each in fields(Event) if each.name != "payload"))


class Part:
    """What all fakes share: the journal and the ways to fail."""

    def __init__(self, name: str, journal: list[str]) -> None:
        self.name = name
        self.journal = journal
        self.down = False
        self.losing: list[DeliveryFailed] = []  # raised after the work was done, one a call
        self.failing: list[Exception] = []  # raised instead of the work, one a call
        self.lock = threading.RLock()

    def call(self, what: str) -> "Call":
        return Call(self, what)

    def begin(self, what: str) -> None:
        if self.down:
            raise StorageFailed("storage_unreachable", f"the {self.name} did not answer")
        if self.failing:
            raise self.failing.pop(0)
        self.journal.append(f"{self.name}.{what}")

    def end(self) -> None:
        if self.losing:
            raise self.losing.pop(0)


class Call:
    """One call of a fake, for `with`. A class, because simulations make millions: a generator takes twice as long."""

    __slots__ = ("_part", "_what")

    def __init__(self, part: Part, what: str) -> None:
        self._part, self._what = part, what

    def __enter__(self) -> None:
        self._part.lock.acquire()
        try:
            self._part.begin(self._what)
        except BaseException:
            self._part.lock.release()
            raise

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._part.end()
        finally:
            self._part.lock.release()


@dataclass(frozen=True)
class Message:
    text: str
    delay: timedelta = timedelta(0)
    at: datetime = NOW  # when it was put


class FakeQueue(Part):
    def __init__(self, journal: list[str], now: Callable[[], datetime] = lambda: NOW) -> None:
        super().__init__("queue", journal)
        self.messages: list[Message] = []
        self._now = now

    def put(self, text: str, *, delay: timedelta = timedelta(0)) -> None:
        with self.call("put"):
            self.messages.append(Message(text, delay, self._now()))

    def peek(self) -> list[SeenMessage]:
        with self.call("peek"):
            seen = [message for message in self.messages if not message.delay][:32]
        return [SeenMessage(id=f"q{number}", inserted_at=m.at, text=m.text) for number, m in enumerate(seen)]

    def depth(self) -> int:
        with self.call("depth"):
            return len(self.messages)


class FakeLedger(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("ledger", journal)
        self.rows: dict[str, Record] = {}
        self.history: dict[object, Event] = {}  # by what happened
        self._versions = count(1)

    def insert(self, record: Record) -> Record | None:
        with self.call("insert"):
            if record.lead_id in self.rows:
                return None
            return self._put(record)

    def read(self, lead_id: str, *, damage: list[str] | None = None) -> Record | None:
        del damage
        with self.call("read"):
            return self.rows.get(lead_id)

    def write(self, before: Record, after: Record, event: Event | None) -> Record:
        with self.call("write"):
            now = self.rows.get(before.lead_id)
            told = None if event is None else _WHAT_HAPPENED(event)
            if now is None or now.version != before.version or told in self.history:
                raise Changed("record_changed", before.lead_id)
            if event is not None:
                self.history[told] = event
            return self._put(after)

    def events(self, lead_id: str, *, damage: list[str] | None = None) -> list[Event]:
        del damage
        with self.call("events"):
            return sorted((e for e in self.history.values() if e.lead_id == lead_id), key=lambda event: event.at)

    def records(self, day: date, *, states: frozenset[State] | None = None) -> Iterator[Record]:
        with self.call("records"):
            listed = [r for r in self.rows.values() if r.received_at.date() == day]
        yield from (
            replace(r, payload=None, version=None)
            for r in sorted(listed, key=lambda r: (-milliseconds(r.received_at), r.lead_id))
            if states is None or r.state in states
        )

    def between(
        self,
        first: date,
        last: date,
        *,
        states: frozenset[State] | None = None,
        reason: str = "",
        payloads: bool = False,
        fields: frozenset[str] | None = None,
        page: int | None = None,
        damage: list[str] | None = None,
    ) -> Iterator[Record]:
        """Nothing is damaged here: who damages a row damages an object that Python keeps whole."""
        del damage, page
        with self.call("between"):
            days = sorted({r.received_at.date() for r in self.rows.values() if first <= r.received_at.date() <= last})
        for day in days:
            for record in self.records(day, states=states):
                if reason not in {"", record.reason}:
                    continue
                if fields is not None:
                    kept = {name: getattr(record, name) for name in fields}
                    at = record.received_at
                    yield Record(lead_id=record.lead_id, state=record.state, received_at=at, updated_at=at, **kept)
                    continue
                yield replace(record, payload=self.rows[record.lead_id].payload) if payloads else record

    def decisions(self, first: date, last: date, *, damage: list[str]) -> Iterator[Event]:
        """Nothing is damaged here either."""
        del damage
        with self.call("decisions"):
            found = [e for e in self.history.values() if e.actor and first <= received_at(e.lead_id).date() <= last]
        yield from (replace(e, payload=None) for e in sorted(found, key=lambda e: received_at(e.lead_id).date()))

    def quotes(self, first: date, last: date, *, damage: list[str]) -> Iterator[Event]:
        del damage
        with self.call("quotes"):
            found = [e for e in self.history.values() if first <= received_at(e.lead_id).date() <= last]
        yield from (e for e in found if e.detail or e.payload is not None)

    def due(
        self, first: date, before: datetime, *, states: frozenset[State], go_on: Callable[[], bool] = always
    ) -> Iterator[Record]:
        """Each day is a page."""
        with self.call("due"):
            days = sorted({r.received_at.date() for r in self.rows.values() if r.received_at.date() >= first})
        for day in days:
            for record in self.records(day, states=states):
                if record.next_try_at is None:
                    if record.state in QUEUED:
                        yield record
                elif record.next_try_at < before:
                    yield record
            if not go_on():
                return

    def unforgotten(self, first: date, last: date) -> Iterator[Record]:
        for record in self.between(first, last, states=FORGETTABLE):
            whole = self.rows[record.lead_id]
            if any((whole.payload is not None, whole.email, whole.name, whole.company)):
                yield record

    def moving(self, first: date, since: datetime, *, damage: list[str]) -> Iterator[Record]:
        del damage
        for record in self.between(first, date.max):
            if record.state in QUEUED or record.updated_at >= since:
                yield record

    def first_day(self) -> date | None:
        return self.next_day(date.min)

    def next_day(self, first: date) -> date | None:
        with self.call("next_day"):
            days = (r.received_at.date() for r in self.rows.values())
            return min((day for day in days if day >= first), default=None)

    def forget_details(self, lead_id: str) -> None:
        with self.call("forget_details"):
            for told, event in self.history.items():
                if event.lead_id == lead_id:
                    self.history[told] = replace(event, payload=None, detail="")

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

    def read(self, fingerprint: str) -> Claim | None:
        with self.call("read"):
            return self.rows.get(fingerprint)

    def of_leads_received(self, since: datetime, before: datetime) -> Iterator[Claim]:
        with self.call("of_leads_received"):
            found = [claim for claim in self.rows.values() if since <= claim.received_at < before]
        yield from found

    def damaged(self, *, at_a_glance: bool = False) -> Iterator[str]:
        """None, as of the ledger."""
        del at_a_glance
        yield from ()

    def _put(self, claim: Claim) -> None:
        self.rows[claim.fingerprint] = replace(claim, version=f"v{next(self._versions)}")


class FakeFallback(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("fallback", journal)
        self.rows: dict[str, Record] = {}
        self.from_the_marketplace: list[Arrival] = []

    def keep(self, record: Record) -> None:
        with self.call("keep"):
            if not self.arrived(record):  # the row that the marketplace wrote is its fallback row
                self.rows.setdefault(record.lead_id, record)

    def remove(self, lead_id: str) -> None:
        with self.call("remove"):
            self.rows.pop(lead_id, None)

    def has(self, record: Record) -> bool:
        with self.call("has"):
            return record.lead_id in self.rows or self.arrived(record)

    def arrived(self, record: Record) -> bool:
        """Whether the lead is one of the marketplace's rows, whose lead ids are made from their keys."""
        at, keys = received_at(record.lead_id), [arrival.key for arrival in self.from_the_marketplace]
        return record.lead_id in {new_lead_id(at, bytes.fromhex(key)) for key in keys}

    def lead_ids(self, first: date, last: date) -> Iterator[str]:
        with self.call("lead_ids"):
            found = [lead_id for lead_id in self.rows if first <= received_at(lead_id).date() <= last]
        yield from sorted(found)

    def all_rows(self) -> Iterator[FallbackRow]:
        with self.call("all_rows"):
            own = [FallbackRow(lead_id=lead_id, name=lead_id, payload=r.text or "") for lead_id, r in self.rows.items()]
            arrived = [FallbackRow(lead_id="", name=a.name, payload=a.payload) for a in self.from_the_marketplace]
        yield from (*own, *arrived)

    def damaged(self, first: date, last: date) -> Iterator[str]:
        """None, as of the ledger."""
        del first, last
        yield from ()

    def arrivals(self, since: datetime, *, go_on: Callable[[], bool] = always) -> Iterator[Arrival]:
        """Two rows are a page."""
        with self.call("arrivals"):
            found = [arrival for arrival in self.from_the_marketplace if arrival.at >= since]
        for first in range(0, len(found), 2):
            yield from found[first : first + 2]
            if not go_on():
                return


class FakePoisonQueue(Part):
    HIDDEN = timedelta(seconds=60)

    def __init__(self, journal: list[str], now: Callable[[], datetime] = lambda: NOW) -> None:
        super().__init__("poison_queue", journal)
        self.messages: list[SeenMessage] = []
        self._now = now
        self._hidden_until: dict[str, datetime] = {}
        self._receipts, self._numbers = count(1), count(1)

    def receive(self) -> list[SeenMessage]:
        with self.call("receive"):
            seen = [held for held in self.messages if self._hidden_until.get(held.id, self._now()) <= self._now()][:32]
            for held in seen:
                self._hidden_until[held.id] = self._now() + self.HIDDEN
                self.messages[self.messages.index(held)] = replace(held, receipt=str(next(self._receipts)))
            ids = {held.id for held in seen}
            return [held for held in self.messages if held.id in ids]

    def peek(self) -> list[SeenMessage]:
        with self.call("peek"):
            return [replace(message, receipt="") for message in self.messages[:32]]

    def delete(self, message: SeenMessage) -> None:
        with self.call("delete"):
            held = {other.id: other.receipt for other in self.messages}
            if held.get(message.id, message.receipt) != message.receipt:
                raise StorageFailed("storage_error", "the poison queue answered 400 PopReceiptMismatch")
            self.messages = [other for other in self.messages if other.id != message.id]

    def depth(self) -> int:
        with self.call("depth"):
            return len(self.messages)

    def holding(self, text: str, at: datetime = NOW) -> SeenMessage:
        """Puts a message as the host does when it gives up."""
        self.messages.append(SeenMessage(id=f"m{next(self._numbers)}", inserted_at=at, text=text, receipt="r"))
        return self.messages[-1]


class FakeMarks(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("marks", journal)
        self.marks = Marks()
        self._versions = count(1)

    def read(self) -> Marks:
        with self.call("read"):
            return self.marks

    def write(self, before: Marks, after: Marks) -> bool:
        with self.call("write"):
            if before.version != self.marks.version:
                return False
            self.marks = replace(after, version=f"v{next(self._versions)}")
            return True


class FakeAttention(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("attention", journal)
        self.pulse = Pulse()
        self.marks: dict[str, Told] = {}
        self._versions = count(1)

    def read(self) -> tuple[Pulse, dict[str, Told]]:
        with self.call("read"):
            return self.pulse, dict(self.marks)

    def keep_pulse(self, before: Pulse, after: Pulse) -> bool:
        with self.call("keep_pulse"):
            if before.version != self.pulse.version:
                return False
            self.pulse = self._kept(after, f"v{next(self._versions)}")
            return True

    def _kept(self, pulse: Pulse, version: str) -> Pulse:
        return Pulse.from_text(pulse.to_text(), version)

    def mark(self, before: Told | None, after: Told | None) -> Told | None:
        with self.call("mark"):
            of = after or before
            there = self.marks.get(of.attention.key) if of else None
            if (before and before.version) != (there and there.version):
                return None
            if after is None:
                if before is not None:
                    self.marks.pop(before.attention.key, None)
                return None
            made = replace(after, version=f"v{next(self._versions)}")
            self.marks[after.attention.key] = made
            return made


class FakeNotifier(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("notifier", journal)
        self.sent: list[Notice] = []

    def send(self, notice: Notice) -> None:
        with self.call("send"):
            self.sent.append(notice)


class FakeCanaryMarks(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("canary_marks", journal)
        self.mark = CanaryMark()
        self._versions = count(1)

    def read(self) -> CanaryMark:
        with self.call("read"):
            return self.mark

    def write(self, before: CanaryMark, after: CanaryMark) -> CanaryMark | None:
        with self.call("write"):
            if before.version != self.mark.version:
                return None
            self.mark = replace(after, version=f"v{next(self._versions)}")
            return self.mark


class FakeDynamics(Part):
    def __init__(self, journal: list[str]) -> None:
        super().__init__("dynamics", journal)
        self.leads: dict[str, Lead] = {}
        self.notes: dict[str, str] = {}  # the id of each to that of the lead that it is on
        self.may_read = True
        self.rerouted = ""  # why the owner that a rule names is refused
        self.asked = 0

    def create(self, lead_id: str, lead: Lead) -> Receipt | Rerouted:
        self.asked += 1
        with self.call("create"):
            if lead_id in self.leads:
                return Receipt.FOUND if self.may_read else Receipt.UNCONFIRMED
            self.leads[lead_id] = lead
            return Rerouted(detail=self.rerouted) if self.rerouted else Receipt.CREATED

    def note(self, lead_id: str, lead: Lead, *, of: str) -> Receipt:
        del lead
        self.asked += 1
        with self.call("note"):
            if of not in self.leads:
                raise LeadMissing("lookup_missing", f"Entity 'lead' With Id = {of} Does Not Exist")
            if lead_id in self.notes:
                return Receipt.FOUND if self.may_read else Receipt.UNCONFIRMED
            self.notes[lead_id] = of
            return Receipt.CREATED

    def note_on(self, lead_id: str) -> str | None:
        self.asked += 1
        with self.call("note_on"):
            if not self.may_read:
                raise Blocked("missing_privilege", "prvReadNote")
            return self.notes.get(lead_id)

    def delete(self, lead_id: str) -> None:
        """As a person does in Dynamics: with the lead go its notes."""
        del self.leads[lead_id]
        self.notes = {note: of for note, of in self.notes.items() if of != lead_id}

    def has(self, lead_id: str) -> bool:
        self.asked += 1
        with self.call("has"):
            if not self.may_read:
                raise Blocked("missing_privilege", "prvReadLead")
            return lead_id in self.leads


@dataclass
class World:
    """All fakes with one journal and one clock, which stands still until it is moved."""

    at: datetime = NOW
    journal: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = FakeQueue(self.journal, self.now)
        self.ledger = FakeLedger(self.journal)
        self.claims = FakeClaims(self.journal)
        self.fallback = FakeFallback(self.journal)
        self.poison_queue = FakePoisonQueue(self.journal, self.now)
        self.marks = FakeMarks(self.journal)
        self.attention = FakeAttention(self.journal)
        self.notifier: FakeNotifier | None = None
        self.mapping_faults: list[str] = []
        self.canary_marks = FakeCanaryMarks(self.journal)
        self.canary: Canary | None = None
        self.dynamics = FakeDynamics(self.journal)
        self.gate = Gate()
        self.certificate_ends: date | None = None
        self.taken_in: set[str] = set()

    @property
    def ports(self) -> Ports:
        return Ports(
            queue=self.queue,
            ledger=self.ledger,
            claims=self.claims,
            fallback=self.fallback,
            poison_queue=self.poison_queue,
            marks=self.marks,
            attention=self.attention,
            notifier=self.notifier,
            mapping_faults=lambda: self.mapping_faults,
            canary_marks=self.canary_marks,
            canary=self.canary,
            dynamics=self.dynamics,
            gate=self.gate,
            certificate_ends=lambda: self.certificate_ends,
            taken_in=self.taken_in,
        )

    def now(self) -> datetime:
        return self.at
