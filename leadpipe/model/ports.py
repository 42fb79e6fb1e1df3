"""What the flow needs of the outside: one protocol for each store and for Dynamics.

Every adapter raises StorageFailed, Transient, Blocked or Refused (model.errors), never its library's own errors, and
may be called from several threads at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, Self

from leadpipe.model.claim import Claim
from leadpipe.model.gate import Gate
from leadpipe.model.lead import Lead
from leadpipe.model.record import Event, Record, State

Columns = dict[str, Any]


class Receipt(StrEnum):
    """How Dynamics was seen to have the lead."""

    CREATED = "created"
    FOUND = "found"  # the id was taken, and reading it back found this lead
    UNCONFIRMED = "unconfirmed"  # the id is said to be taken, but the role may not read leads


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerouted:
    """Dynamics has the lead, but not for the owner that a rule names; `detail` says which, and why not."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeekedMessage:
    """A message that was looked at and left where it is. `text` is raw where it was no base64."""

    id: str
    inserted_at: datetime
    text: str


def always() -> bool:
    """For a listing that is read to its end."""
    return True


class LeadQueue(Protocol):
    def put(self, text: str, *, delay: timedelta = timedelta(0)) -> None:
        """Puts the text on the queue, without expiry, to be seen after the delay."""

    def peek(self) -> list[PeekedMessage]:
        """The messages at the queue's head, at most 32; those with a delay, or being delivered, are not seen."""

    def depth(self) -> int:
        """About how many messages there are, those that are not seen included."""


class Ledger(Protocol):
    """Where a method takes `damage`, that list gets a line for each row that is damaged or was healed, by its keys.

    Without the list each such row is logged.
    """

    def insert(self, record: Record) -> Record | None:
        """Adds the record and gives it with its version; None when its lead id has one already."""

    def read(self, lead_id: str, *, damage: list[str] | None = None) -> Record | None:
        """The record; None where there is none. Raises RecordDamaged."""

    def write(self, before: Record, after: Record, event: Event | None) -> Record:
        """Puts `after` in the place of what was read as `before`, together with the event or not at all.

        Gives `after` with its version. Raises Changed when the record is no longer what was read, be it that this
        very change was written already.
        """

    def events(self, lead_id: str, *, damage: list[str] | None = None) -> list[Event]:
        """The record's history, oldest first."""

    def between(
        self,
        first: date,
        last: date,
        *,
        states: frozenset[State] | None = None,
        payloads: bool = False,
        damage: list[str] | None = None,
    ) -> Iterator[Record]:
        """The records received on these UTC days, oldest day first, newest first within a day, without versions.

        `payloads`: with what was posted, which is most of a record's weight.
        """

    def due(
        self, first: date, before: datetime, *, states: frozenset[State], go_on: Callable[[], bool] = always
    ) -> Iterator[Record]:
        """The records received on that UTC day or later that should have been tried before that time, by day.

        Without their payloads and versions. A queued one whose next try is missing is among them, and one whose next
        try is days ahead: leadpipe did not write so, and nothing else would ever find them. `go_on` is asked before
        each further page; the listing ends where it says no.
        """

    def moving(self, first: date, since: datetime, *, damage: list[str]) -> Iterator[Record]:
        """The records received on that UTC day or later that are queued, or that changed since that time.

        Without their payloads and versions. `damage` gets a line for each row that cannot be read.
        """

    def unforgotten(self, first: date, last: date) -> Iterator[Record]:
        """The records of these UTC days that retention may forget and that still hold personal data.

        Without their payloads and versions.
        """

    def first_day(self) -> date | None:
        """The UTC day of the oldest record; None while there is none."""

    def next_day(self, first: date) -> date | None:
        """The first UTC day with a record, from that day on; None when there is none."""

    def forget_details(self, lead_id: str) -> None:
        """Removes from the record's history what may quote the lead: payloads from before edits, and details."""


class Claims(Protocol):
    def take(self, mine: Claim) -> Claim:
        """Inserts the claim; gives who holds the fingerprint now, `mine` itself where the insert won.

        A row that names no lead holds nothing, and `mine` replaces it.
        """

    def take_over(self, holder: Claim, mine: Claim) -> bool:
        """Puts `mine` in the place of what was read as `holder`; False when somebody else did first."""

    def read(self, fingerprint: str) -> Claim | None:
        """The claim; None where there is none, or its row names no lead."""

    def of_leads_received(self, since: datetime, before: datetime) -> Iterator[Claim]:
        """The claims whose holder was received within that time, in no order that means anything."""

    def damaged(self, *, at_a_glance: bool = False) -> Iterator[str]:
        """The damaged rows by their keys, with what is wrong with each. Reads all claims.

        `at_a_glance`: only those that the service can find by itself, which is most of them and costs little.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A row that the marketplace wrote into its table destination. `key` is a hash of the row's keys, in hex."""

    key: str
    at: datetime
    payload: str


class Fallback(Protocol):
    def keep(self, record: Record) -> None:
        """Adds the lead's row; nothing happens when it is there already."""

    def remove(self, lead_id: str) -> None:
        """Deletes the lead's row; nothing happens when there is none."""

    def has(self, record: Record) -> bool:
        """Whether the row is there that stands for the lead: its own, or the one that the marketplace wrote."""

    def lead_ids(self, first: date, last: date) -> Iterator[str]:
        """The leads received on these UTC days that have a row of their own, by day."""

    def damaged(self, first: date, last: date) -> Iterator[str]:
        """The rows of these UTC days whose LeadId is not as leadpipe writes it, by their keys, with what is wrong."""

    def arrivals(self, since: datetime, *, go_on: Callable[[], bool] = always) -> Iterator[Arrival]:
        """The rows that the marketplace itself wrote and that were last written at that time or later, in any order.

        `go_on` is asked before each further page; the listing ends where it says no.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PoisonMessage:
    """What the host gave up on. `text` is as it was sent, or raw where it was no base64."""

    id: str
    inserted_at: datetime
    text: str
    receipt: str


class PoisonQueue(Protocol):
    def receive(self) -> list[PoisonMessage]:
        """Some of the messages, hidden from others for a while; none when there are none."""

    def peek(self) -> list[PoisonMessage]:
        """The oldest messages, at most 32, left for whoever receives them; without a receipt."""

    def delete(self, message: PoisonMessage) -> None:
        """Removes what was received; nothing happens when it is gone."""

    def depth(self) -> int:
        """About how many messages there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far the sweep has come. `version` is the store's tag of what was read.

    watermark: no lead received before that UTC day is open. looked_back_at: when that was last checked.
    looking_from: the UTC day from which the next sweep goes on with a check that was not finished.
    taken_in_until: the marketplace's rows up to then are taken in. forgotten_before: settled leads received before
    that UTC day hold no personal data any more. forgetting_from: the UTC day from which the next sweep goes on with
    an unfinished retention. expiry_told_on: the UTC day on which it was last said that a credential ends.
    damaged: the marks, by name, that are in the store and cannot be read; here they are None (model.marks).
    """

    watermark: date | None = None
    looked_back_at: datetime | None = None
    looking_from: date | None = None
    taken_in_until: datetime | None = None
    forgotten_before: date | None = None
    forgetting_from: date | None = None
    expiry_told_on: date | None = None
    damaged: frozenset[str] = frozenset()
    version: str | None = field(default=None, compare=False)

    def back_to(self, day: date) -> Self:
        """The marks when that day has, or soon will have, an open lead: the sweep has to look there again."""
        return replace(
            self,
            watermark=self.watermark and min(self.watermark, day),
            forgotten_before=self.forgotten_before and min(self.forgotten_before, day),
        )


class MarksStore(Protocol):
    def read(self) -> Marks: ...

    def write(self, before: Marks, after: Marks) -> bool:
        """Puts `after` in the place of what was read as `before`; False when somebody else did first.

        A mark that `after` names as damaged stays damaged.
        """


class Dynamics(Protocol):
    def create(self, lead_id: str, lead: Lead) -> Receipt | Rerouted:
        """Asks Dynamics to create the lead under that id; it is there once, however often this is asked."""

    def has(self, lead_id: str) -> bool:
        """Whether Dynamics has a lead under that id. Raises Blocked where the role may not read leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything delivery works with. `dynamics` None: no organisation is configured. The gate is the process's own.

    `certificate_ends`: the last day of the certificate that is signed in with, None where there is none. `taken_in`:
    the keys of the marketplace's rows that this process knows to be leads, so that it need not ask again.
    """

    queue: LeadQueue
    ledger: Ledger
    claims: Claims
    fallback: Fallback
    poison_queue: PoisonQueue
    marks: MarksStore
    dynamics: Dynamics | None
    gate: Gate = field(default_factory=Gate)
    certificate_ends: Callable[[], date | None] = lambda: None
    taken_in: set[str] = field(default_factory=set)
