"""Defines what the flow needs from outside: one protocol for each store and one for Dynamics.

Every adapter raises StorageFailed, Transient, Blocked or Refused (model.errors), never its library's own errors.
Every adapter is thread-safe.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, Self

from leadpipe.model.always import always
from leadpipe.model.attention import Notice
from leadpipe.model.canary import CanaryMark
from leadpipe.model.claim import Claim
from leadpipe.model.gate import Gate
from leadpipe.model.lead import Lead
from leadpipe.model.pulse import Pulse
from leadpipe.model.record import Event, Record, State
from leadpipe.model.told import Told

Columns = dict[str, Any]


class Receipt(StrEnum):
    """How it is known that Dynamics has the lead."""

    CREATED = "created"
    FOUND = "found"  # the id was taken, and reading it back found this lead
    UNCONFIRMED = "unconfirmed"  # Dynamics answers that the id is taken, but the role may not read leads


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerouted:
    """Dynamics has the lead, but not for the owner that a rule names. `detail`: which owner, and why not."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMessage:
    """A message of a queue. `text` is raw if it was not base64. `receipt` is empty if it was peeked, not received."""

    id: str
    inserted_at: datetime
    text: str
    receipt: str = ""


class LeadQueue(Protocol):
    def put(self, text: str, *, delay: timedelta = timedelta(0)) -> None:
        """Puts the text on the queue, without expiry and visible after the delay."""

    def peek(self) -> list[SeenMessage]:
        """The first messages of the queue, at most 32, without those that are delayed or being delivered."""

    def depth(self) -> int:
        """About how many messages there are, with those that are delayed or being delivered."""


class Ledger(Protocol):
    """If a method takes `damage`, that list gets a line with the keys of each row that is damaged or was corrected.

    Without the list each such row is logged.
    """

    def insert(self, record: Record) -> Record | None:
        """Adds the record and returns it with its version; None if its lead id has a record already."""

    def read(self, lead_id: str, *, damage: list[str] | None = None) -> Record | None:
        """The record; None if there is none. Raises RecordDamaged."""

    def write(self, before: Record, after: Record, event: Event | None) -> Record:
        """Replaces what was read as `before` by `after` and adds the event, or does neither.

        Returns `after` with its version. Raises Changed if the record is no longer what was read, even if this same
        change was written already.
        """

    def events(self, lead_id: str, *, damage: list[str] | None = None) -> list[Event]:
        """The record's history, oldest first."""

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
        """The records received on these UTC days, oldest day first, newest first within a day, without versions.

        `reason`: only those with that reason. `payloads`: with what was posted, which is most of a record's weight.
        `fields`: with these alone, one of the sets of model.record; the others look empty. `page`: how many records are
        fetched at once, if it is known that no more will be looked at.
        """

    def decisions(self, first: date, last: date, *, damage: list[str]) -> Iterator[Event]:
        """What persons did with the leads received on these UTC days, oldest day first, without payloads.

        `damage` gets a line for each row that cannot be read.
        """

    def quotes(self, first: date, last: date, *, damage: list[str]) -> Iterator[Event]:
        """The events of the leads received on these UTC days that may quote them: with a payload or a detail.

        `damage` gets a line for each row that cannot be read.
        """

    def due(
        self, first: date, before: datetime, *, states: frozenset[State], go_on: Callable[[], bool] = always
    ) -> Iterator[Record]:
        """The records received on that UTC day or later that should have been tried before that time, by day.

        Without their payloads and versions. A queued record whose next try is missing or days ahead is among them:
        leadpipe does not write such a row, and nothing else would find it. `go_on` is called before each further page;
        the listing ends if it returns False.
        """

    def moving(self, first: date, since: datetime, *, damage: list[str]) -> Iterator[Record]:
        """The records received on that UTC day or later that are queued, or that changed since that time.

        Without their payloads and versions. `damage` gets a line for each row that cannot be read.
        """

    def unforgotten(self, first: date, last: date) -> Iterator[Record]:
        """The records of these UTC days that retention may strip and that still hold personal data.

        Without their payloads and versions.
        """

    def first_day(self) -> date | None:
        """The UTC day of the oldest record; None if there is none."""

    def next_day(self, first: date) -> date | None:
        """The first UTC day with a record, from that day on; None if there is none."""

    def forget_details(self, lead_id: str) -> None:
        """Removes from the record's history what may quote the lead: payloads from before edits, and details."""


class Claims(Protocol):
    def take(self, mine: Claim) -> Claim:
        """Inserts the claim, and returns the claim that now holds the fingerprint: `mine` if the insert won.

        A row that names no lead does not count; `mine` replaces it.
        """

    def take_over(self, holder: Claim, mine: Claim) -> bool:
        """Replaces what was read as `holder` by `mine`; False if another process was faster."""

    def read(self, fingerprint: str) -> Claim | None:
        """The claim; None if there is none, or if its row names no lead."""

    def of_leads_received(self, since: datetime, before: datetime) -> Iterator[Claim]:
        """The claims whose holder was received within that time, unordered."""

    def damaged(self, *, at_a_glance: bool = False) -> Iterator[str]:
        """The damaged rows by their keys, with what is wrong with each. Reads all claims.

        `at_a_glance`: only those that a query finds, which is most of them and costs little.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A row that the marketplace wrote into its table destination. `key` is a hash of the row's keys, in hex.

    `name`: the row's keys, for people.
    """

    key: str
    at: datetime
    payload: str
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackRow:
    """`lead_id` is empty for a row that the marketplace wrote, and for a copy of one of leadpipe's.

    `name`: the row's keys. `payload`: what it says, in the shape of a post.
    """

    lead_id: str
    name: str
    payload: str


class Fallback(Protocol):
    def keep(self, record: Record) -> None:
        """Adds the lead's row, unless it is there already."""

    def remove(self, lead_id: str) -> None:
        """Deletes the lead's row, if there is one."""

    def has(self, record: Record) -> bool:
        """Whether the lead has a row: its own, or the one that the marketplace wrote."""

    def lead_ids(self, first: date, last: date) -> Iterator[str]:
        """The ids of the leads received on these UTC days that have a row of their own, by day."""

    def all_rows(self) -> Iterator[FallbackRow]:
        """All rows of the table, whoever wrote them, unordered."""

    def damaged(self, first: date, last: date) -> Iterator[str]:
        """The rows of these UTC days whose LeadId is not in leadpipe's format, by their keys, with what is wrong."""

    def arrivals(self, since: datetime, *, go_on: Callable[[], bool] = always) -> Iterator[Arrival]:
        """The rows that the marketplace itself wrote and that were last written at that time or later, unordered.

        `go_on` is called before each further page; the listing ends if it returns False.
        """


class PoisonQueue(Protocol):
    """The messages that the host gave up on."""

    def receive(self) -> list[SeenMessage]:
        """Some of the messages, if there are any. They are hidden from others for a while."""

    def peek(self) -> list[SeenMessage]:
        """The oldest messages, at most 32. They stay where they are."""

    def delete(self, message: SeenMessage) -> None:
        """Deletes a received message, if it is still there."""

    def depth(self) -> int:
        """About how many messages there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far the sweep has come. `version` is the store's tag of the row as it was read.

    watermark: no lead received before that UTC day is open. looked_back_at: when that was last checked.
    looking_from: the UTC day from which the next sweep goes on with an unfinished check.
    taken_in_until: the marketplace's rows up to then are taken in. forgotten_before: settled leads received before
    that UTC day hold no personal data any more. forgetting_from: the UTC day from which the next sweep goes on with
    an unfinished retention. expiry_told_on: the UTC day of the last check whether a credential expires.
    probes_fail_since: since when Dynamics has been away for the leads in the fallback table, None while it is not.
    next_probe_at: before that time the sweep does not ask Dynamics for one of them. reconciled_at: what was received
    until then was compared with an export of Partner Center; a person's command writes it, and the sweep reads it.
    damaged: the names of marks that are in the store but cannot be read; here they are None (model.marks).
    """

    watermark: date | None = None
    looked_back_at: datetime | None = None
    looking_from: date | None = None
    taken_in_until: datetime | None = None
    forgotten_before: date | None = None
    forgetting_from: date | None = None
    expiry_told_on: date | None = None
    probes_fail_since: datetime | None = None
    next_probe_at: datetime | None = None
    reconciled_at: datetime | None = None
    damaged: frozenset[str] = frozenset()
    version: str | None = field(default=None, compare=False)

    def back_to(self, day: date) -> Self:
        """The marks lowered to that day, which has or will have an open lead, so that the sweep looks there again."""
        return replace(
            self,
            watermark=self.watermark and min(self.watermark, day),
            forgotten_before=self.forgotten_before and min(self.forgotten_before, day),
        )


class MarksStore(Protocol):
    def read(self) -> Marks: ...

    def write(self, before: Marks, after: Marks) -> bool:
        """Replaces what was read as `before` by `after`; False if another process was faster.

        A mark that `after` names as damaged stays damaged.
        """


class AttentionStore(Protocol):
    """What the sweep remembers between its runs so that each of them reads little, and says a thing once."""

    def read(self) -> tuple[Pulse, dict[str, Told]]:
        """The pulse, and the marks of attention by their keys. A mark that cannot be read is dropped."""

    def keep_pulse(self, before: Pulse, after: Pulse) -> bool:
        """Replaces what was read as `before` by `after`; False if another process was faster."""

    def mark(self, before: Told | None, after: Told | None) -> Told | None:
        """Replaces what was read as `before` by `after`, adds `after` if there is none, or deletes `before`.

        Returns `after` with its version. None if another process was faster, in which case nothing changes, or if the
        mark was deleted.
        """


class Dynamics(Protocol):
    def create(self, lead_id: str, lead: Lead) -> Receipt | Rerouted:
        """Asks Dynamics to create the lead under that id. However often it is asked, the lead is there once."""

    def note(self, lead_id: str, lead: Lead, *, of: str) -> Receipt:
        """Asks Dynamics to create a note of the lead, under its id, on the lead `of`. It is there once, as a lead is.

        Raises LeadMissing if Dynamics has no lead `of`.
        """

    def note_on(self, lead_id: str) -> str | None:
        """The id of the lead that has a note under that id; None if there is no such note.

        Raises Blocked if the role may not read notes.
        """

    def has(self, lead_id: str) -> bool:
        """Whether Dynamics has a lead under that id. Raises Blocked if the role may not read leads."""


class Notifier(Protocol):
    def send(self, notice: Notice) -> None:
        """Posts the notice. Raises NotifyFailed, after at most ten seconds."""


class CanaryMarks(Protocol):
    def read(self) -> CanaryMark: ...

    def write(self, before: CanaryMark, after: CanaryMark) -> CanaryMark | None:
        """Replaces what was read as `before`, and returns `after` with its version; None if another was faster."""


class Canary(Protocol):
    def post(self, body: str) -> str:
        """Posts a canary to LEADPIPE_CANARY_URL and returns its lead id. Raises CanaryFailed, within ten seconds."""


@dataclass(slots=True)
class Seen:
    """What the sweeps of one process saw. `nothing_rests_at`: when no lead was in the fallback table, if that is known.

    A process that knows nothing asks; so a lost memory costs a request.
    """

    nothing_rests_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything delivery works with. `dynamics` None: no organisation is configured. Each process has its own gate.

    `mapping_faults`: why the mapping file cannot be used; empty if it can.
    `certificate_ends`: the last day of the certificate used to sign in, None if there is none. `taken_in`: the keys of
    the marketplace's rows that this process took in already, so that it does not read their leads again. `notifier`
    None: LEADPIPE_NOTIFY_URL is not set. `canary` None: no canary is to be posted.
    """

    queue: LeadQueue
    ledger: Ledger
    claims: Claims
    fallback: Fallback
    poison_queue: PoisonQueue
    marks: MarksStore
    attention: AttentionStore
    canary_marks: CanaryMarks
    dynamics: Dynamics | None
    gate: Gate = field(default_factory=Gate)
    certificate_ends: Callable[[], date | None] = lambda: None
    mapping_faults: Callable[[], Sequence[str]] = lambda: ()
    taken_in: set[str] = field(default_factory=set)
    seen: Seen = field(default_factory=Seen)
    notifier: Notifier | None = None
    canary: Canary | None = None
