"""Finds an e-mail address wherever leadpipe can look, and erases a lead in its stores and, if wanted, in Dynamics.

Dynamics comes first: a lead that could not be erased there keeps its data here, so that the next run finds it again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import DeliveryFailed, NewerEnvelope, NotAnEnvelope, StorageFailed
from leadpipe.model.lead_id import EPOCH, is_lead_id, received_at
from leadpipe.model.ports import Ports, SeenMessage
from leadpipe.model.record import Record, State
from leadpipe.operations.addresses import Standing, folded, standing, standing_in, stands_in
from leadpipe.operations.decisions import Desk, erase
from leadpipe.operations.erasure_dynamics import InDynamics
from leadpipe.operations.find import read_unless_damaged
from leadpipe.operations.ledger_pages import LAST_DAY

Peek = Callable[[], list[SeenMessage]]
Watched = Callable[[Iterator[Record]], Iterable[Record]]


class Place(StrEnum):
    """Where a lead has the address."""

    LEAD = "in the lead"
    HISTORY = "in its history"
    FALLBACK = "in its fallback row"
    MESSAGE = "in its message"
    DYNAMICS = "in Dynamics"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressMatch:
    """A lead that has the address. `standing`: whose the address is. `state` None: the ledger does not have the lead.

    An address in the history alone is not the lead's own: somebody replaced it.
    """

    lead_id: str
    state: State | None
    standing: Standing
    places: tuple[Place, ...]

    @property
    def received_at(self) -> datetime:
        return received_at(self.lead_id)


@dataclass(slots=True, kw_only=True)
class Found:
    """`elsewhere`: how often it is in what leadpipe may not change, by a name without personal data.

    `named`: the places of those, which may have personal data in their names. `unsearched`: what could not be read.
    """

    matches: dict[str, AddressMatch] = field(default_factory=dict)
    elsewhere: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)
    unsearched: list[str] = field(default_factory=list)

    def add(self, lead_id: str, state: State | None, whose: Standing, place: Place) -> None:
        there = self.matches.get(lead_id)
        if there is None:
            self.matches[lead_id] = AddressMatch(lead_id=lead_id, state=state, standing=whose, places=(place,))
            return
        owned = Standing.OWN if Standing.OWN in {whose, there.standing} else whose
        self.matches[lead_id] = replace(there, standing=owned, places=(*dict.fromkeys((*there.places, place)),))


class Search:
    """Looks for one address. `watched` shows the progress over the ledger."""

    def __init__(self, address: str, ports: Ports, *, watched: Watched = lambda records: records) -> None:
        self._address = address
        self._ports = ports
        self._watched = watched
        self.found = Found()

    def through_leadpipe(self, queues: Mapping[str, Peek]) -> Found:
        """Looks through the ledger, the fallback table, and the heads of these queues."""
        self._ledger()
        self._history()
        self._fallback()
        for name, peek in queues.items():
            try:
                messages = peek()
            except StorageFailed as failure:
                self.found.unsearched.append(f"the queue {name} ({failure.slug})")
                continue
            for message in messages:
                self._message(name, message)
        return self.found

    def in_dynamics(self, lead_ids: Iterable[str]) -> Found:
        """Adds the leads that have the address there, also those that leadpipe has forgotten."""
        for lead_id in lead_ids:
            record = read_unless_damaged(lead_id, self._ports.ledger) if is_lead_id(lead_id) else None
            if record is not None:
                self.found.add(lead_id, record.state, Standing.OWN, Place.DYNAMICS)
            else:
                self._elsewhere("lead in Dynamics that did not come from here", f"Dynamics, lead {lead_id}")
        return self.found

    def _ledger(self) -> None:
        records = self._ports.ledger.between(EPOCH.date(), LAST_DAY, payloads=True)
        for record in self._watched(records):
            if whose := standing(self._address, record):
                self.found.add(record.lead_id, record.state, whose, Place.LEAD)

    def _history(self) -> None:
        for event in self._ports.ledger.quotes(EPOCH.date(), LAST_DAY, damage=[]):
            if self._mentions(event.detail) or standing_in(self._address, event.payload):
                state = self._state_of(event.lead_id)
                whose = Standing.OWN if state is State.ERASED else Standing.MENTIONED  # erasing it was interrupted
                self.found.add(event.lead_id, state, whose, Place.HISTORY)

    def _fallback(self) -> None:
        for row in self._ports.fallback.all_rows():
            whose = standing_in(self._address, row.payload)
            if whose and row.lead_id:
                self.found.add(row.lead_id, self._state_of(row.lead_id), whose, Place.FALLBACK)
            elif whose:
                self._elsewhere("row that the marketplace wrote", f"marketplaceleads, row {row.name}")

    def _message(self, queue: str, message: SeenMessage) -> None:
        try:
            envelope = Envelope.from_text(message.text)
        except (NotAnEnvelope, NewerEnvelope):
            if standing_in(self._address, message.text):
                self._elsewhere(f"message on the queue {queue}", f"queue {queue}, message {message.id}")
            return
        if whose := standing_in(self._address, envelope.payload):
            self.found.add(envelope.lead_id, self._state_of(envelope.lead_id), whose, Place.MESSAGE)

    def _mentions(self, text: str) -> bool:
        return stands_in(folded(self._address), folded(text))

    def _elsewhere(self, what: str, name: str) -> None:
        self.found.elsewhere[what] += 1
        self.found.named.append(name)

    def _state_of(self, lead_id: str) -> State | None:
        if lead_id in self.found.matches:
            return self.found.matches[lead_id].state
        record = read_unless_damaged(lead_id, self._ports.ledger)
        return record.state if record else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """`unrecorded`: leads that may be known from a row or message alone. `there`: what was done in Dynamics, by id."""

    desk: Desk
    dynamics: InDynamics | None = None
    unrecorded: frozenset[str] = frozenset()
    there: dict[str, str] = field(default_factory=dict)

    def erase(self, lead_id: str, *, dry_run: bool) -> Record:
        """Raises what Dynamics or storage raised."""
        if self.dynamics is not None and not dry_run:
            self._erase_there(lead_id, self.dynamics)
        return erase(lead_id, self.desk, dry_run=dry_run, unrecorded=lead_id in self.unrecorded)

    def _erase_there(self, lead_id: str, dynamics: InDynamics) -> None:
        """Each lead may be a note as well. What was done stands in `there` also where the note is refused."""
        done = dynamics.erase_lead(lead_id)
        self.there[lead_id] = f"{done}, note not reached"
        if dynamics.erase_note(lead_id):
            done = "note deleted" if done == "not there" else f"{done}, note deleted"
        self.there[lead_id] = done


def dynamics_has(record: Record, ports: Ports) -> str:
    """A verb that says whether Dynamics has the lead, or the note of it; empty where it does not."""
    if ports.dynamics is None:
        return "has" if record.written_at else "could not be asked whether it has"
    look = ports.dynamics.note_on if record.noted_on else ports.dynamics.has
    try:
        return "has" if look(record.lead_id) else ""
    except DeliveryFailed:
        return "has, or had," if record.written_at else "could not be asked whether it has"
