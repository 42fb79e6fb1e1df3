"""What the flow needs of the outside: one protocol for each store and for Dynamics.

Every adapter raises StorageFailed, Transient, Blocked or Refused (model.errors), never its library's own errors, and
may be called from several threads at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from leadpipe.model.claim import Claim
from leadpipe.model.gate import Gate
from leadpipe.model.lead import Lead
from leadpipe.model.record import Event, Record, State


class Receipt(StrEnum):
    """How Dynamics was seen to have the lead."""

    CREATED = "created"
    FOUND = "found"  # the id was taken, and reading it back found this lead
    UNCONFIRMED = "unconfirmed"  # the id is said to be taken, but the role may not read leads


class LeadQueue(Protocol):
    def put(self, text: str, *, delay: timedelta = timedelta(0)) -> None:
        """Puts the text on the queue, without expiry, to be seen after the delay."""


class Ledger(Protocol):
    def insert(self, record: Record) -> Record | None:
        """Adds the record and gives it with its version; None when its lead id has one already."""

    def read(self, lead_id: str) -> Record | None: ...

    def write(self, before: Record, after: Record, event: Event | None) -> Record:
        """Puts `after` in the place of what was read as `before`, together with the event or not at all.

        Gives `after` with its version. Raises Changed when the record is no longer what was read, be it that this
        very change was written already.
        """

    def events(self, lead_id: str) -> list[Event]:
        """The record's history, oldest first."""

    def records(self, day: date, *, states: frozenset[State] | None = None) -> Iterator[Record]:
        """The records received on that UTC day, newest first, without their payloads and versions."""

    def overdue(self, day: date, before: datetime) -> Iterator[Record]:
        """The day's accepted and deferred records that should have been tried before that time."""


class Claims(Protocol):
    def take(self, mine: Claim) -> Claim:
        """Inserts the claim; gives who holds the fingerprint now, `mine` itself where the insert won."""

    def take_over(self, holder: Claim, mine: Claim) -> bool:
        """Puts `mine` in the place of what was read as `holder`; False when somebody else did first."""


class Fallback(Protocol):
    def keep(self, record: Record) -> None:
        """Adds the lead's row; nothing happens when it is there already."""

    def remove(self, lead_id: str) -> None:
        """Deletes the lead's row; nothing happens when there is none."""


class Dynamics(Protocol):
    def create(self, lead_id: str, lead: Lead) -> Receipt:
        """Asks Dynamics to create the lead under that id; it is there once, however often this is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything delivery works with. `dynamics` None: no organisation is configured. The gate is the process's own."""

    queue: LeadQueue
    ledger: Ledger
    claims: Claims
    fallback: Fallback
    dynamics: Dynamics | None
    gate: Gate = field(default_factory=Gate)
