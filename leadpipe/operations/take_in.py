"""Takes in what lies elsewhere: rows that the marketplace wrote before the first sweep, and what an earlier app has.

Each item is taken in once, however often the command runs and wherever it is killed. A claim holds the lead id, under a
hash of where the item lies (a row, a message) or of what it says (a part of a file). The same lead in two of these
places is written once: delivery compares its content.

    sweep's marks lowered → claim → record → message → item deleted, of a queue
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from hashlib import sha256

from leadpipe.ledger_writes import lower_marks
from leadpipe.model.errors import InvalidLead
from leadpipe.model.lead import Lead, posted_text
from leadpipe.model.lead_id import can_be_received, new_lead_id
from leadpipe.model.ports import Arrival, Ports, SeenMessage
from leadpipe.model.record import Record, State
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.moving.found import FoundLead, leads_in
from leadpipe.sweep.arrivals import take_in
from leadpipe.sweep.guard import Guard

NO_LEAD = InvalidLead("not_a_lead", "no object in it has a lead's keys")
Make = Callable[[str, str], Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something in which leads may be. `name`: where it lies, for people. `key`: a hash in hex, of its own.

    `at`: when it came there, None if that is not known. `leads`: those in it. `message`: the one to delete afterwards.
    """

    name: str
    key: str
    text: str | bytes
    at: datetime | None = None
    leads: Sequence[FoundLead] = ()
    message: SeenMessage | None = None

    @classmethod
    def of_row(cls, row: Arrival, leads: Sequence[FoundLead]) -> "Item":
        return cls(name=f"row {row.name}", key=row.key, text=row.payload, at=row.at, leads=leads)

    @classmethod
    def of_text(cls, name: str, key: str, text: str | bytes) -> "Item":
        return cls(name=name, key=key, text=text, leads=leads_in(text))

    @classmethod
    def of_message(cls, message: SeenMessage, key: str) -> "Item":
        at, leads = message.inserted_at, leads_in(message.text)
        return cls(name=f"message {message.id}", key=key, text=message.text, at=at, leads=leads, message=message)

    @property
    def keys(self) -> list[str]:
        """One for each lead."""
        more = (sha256(f"{self.key}/{number}".encode()).hexdigest() for number in range(1, len(self.leads)))
        return [self.key, *more]


def own_row(row: Arrival) -> Item:
    """A row of the table that the sweep takes in too: whatever it has in it, it is a lead or poisoned."""
    return Item.of_row(row, [FoundLead(payload=row.payload)])


class TakingIn:
    """Takes items in, or says with `dry_run` what would become of them. Not thread-safe.

    `retention`: how long a rejected text keeps its data. `done` is called with each item of which all is kept. `make`:
    gives the record, if what is not a lead is not to be rejected.
    """

    def __init__(
        self,
        ports: Ports,
        now: Callable[[], datetime],
        *,
        retention: timedelta,
        dry_run: bool = False,
        done: Callable[[Item], None] = lambda _: None,
        make: Make | None = None,
    ) -> None:
        self._ports = ports
        self._now = now
        self._retention = retention
        self._dry_run = dry_run
        self._done = done
        self._make = make
        self._lowered_to = date.max

    def not_here(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items of which something seems to be missing here: it does no harm to take one in twice.

        Raises what storage raised where it is away.
        """
        guard = Guard("import")
        for item in items:
            known = False
            with guard.item(row=item.key):
                known = all(map(self._is_here, item.keys))
            if not guard.goes_on() and guard.failure is not None:
                raise guard.failure
            if not known:
                yield item

    def results(self, items: Iterable[Item]) -> Iterator[Result]:
        """What became of each lead. An item is done when all of it is kept. Ends where storage does not answer."""
        guard = Guard("import")
        for item in items:
            kept: list[Result] = []
            failed = guard.failed
            with guard.item(row=item.key):
                parts: Sequence[FoundLead | None] = item.leads or [None]
                kept += (self._taken_in(item, *part) for part in zip(item.keys, parts, strict=True))
                if not self._dry_run:
                    self._done(item)
            if guard.failed > failed and guard.failure is not None:
                result = Result.of_error("", guard.failure)
                kept = [replace(result, outcome=Outcome.FAILED, detail=f"{item.name}: {result.detail}")]
            yield from kept
            if not guard.goes_on():
                return

    def _taken_in(self, item: Item, key: str, lead: FoundLead | None) -> Result:
        claim = self._ports.claims.read(key)
        there = self._ports.ledger.read(claim.lead_id) if claim else None
        if there is not None:
            return _result(there, Outcome.ALREADY_HERE, item)
        make = self._make or partial(_lead_or_rejected, text=item.text, is_lead=lead is not None)
        at = claim.received_at if claim else self._time_of(item, lead)  # an import was killed after its first write
        arrival = Arrival(key=key, at=at or self._now(), payload=lead.payload if lead else "")
        lead_id = new_lead_id(arrival.at, bytes.fromhex(key))
        if not self._dry_run:
            self._lower_marks(arrival.at.date())
            lead_id = take_in(arrival, self._ports, lambda *lead: self._due_now(make(*lead)))
        record = make(lead_id, arrival.payload)
        result = _result(record, Outcome.REJECTED if record.state is State.REJECTED else Outcome.TAKEN_IN, item)
        is_decided = at is not None or not self._dry_run
        return result if is_decided else replace(result, lead_id="")  # the real run's time gives another one

    def _due_now(self, record: Record) -> Record:
        """Otherwise a lead of last month is overdue at once, and the sweep puts a second message for it."""
        now = self._now()
        return replace(record, updated_at=now, next_try_at=now) if record.state is State.ACCEPTED else record

    def _is_here(self, key: str) -> bool:
        claim = self._ports.claims.read(key)
        return claim is not None and self._ports.ledger.read(claim.lead_id) is not None

    def _time_of(self, item: Item, found: FoundLead | None) -> datetime | None:
        """When the lead was received there. Where nobody noted that, when the same lead was received here.

        None: it is received now.

        Retention counts from that time, so a text that is not a lead is received now where its time is long ago: its
        data must not go before a person has seen it.
        """
        now, lead = self._now(), Lead.found_in(found.payload if found else None)
        noted = (at for at in (found.at if found else None, item.at) if at and can_be_received(at, now))
        at = next(noted, None)
        if lead is None:
            return at if at and now - at < self._retention / 2 else None
        return at or self._time_here(lead)

    def _time_here(self, lead: Lead) -> datetime | None:
        fingerprint = lead.fingerprint()
        holder = self._ports.claims.read(fingerprint) if fingerprint else None
        return holder.received_at if holder else None

    def _lower_marks(self, day: date) -> None:
        if day < self._lowered_to:
            lower_marks(day, self._ports.marks)
            self._lowered_to = day


def _lead_or_rejected(lead_id: str, payload: str, *, text: str | bytes, is_lead: bool) -> Record:
    try:
        if not is_lead:
            raise _why_none(text)
        return Record.accepted(lead_id, payload)
    except InvalidLead as why:
        return Record.rejected(lead_id, why, text.encode("utf-8", "replace") if isinstance(text, str) else text)


def _why_none(text: str | bytes) -> InvalidLead:
    """The endpoint's own reason for an object that cannot be read; any other text may be of any kind."""
    try:
        posted = text if isinstance(text, str) else posted_text(text, at_most=len(text))
        if posted.lstrip().startswith("{"):
            Lead.from_payload(posted)
    except InvalidLead as why:
        return why if why.slug == "not_json" else NO_LEAD
    return NO_LEAD


def _result(record: Record, outcome: Outcome, item: Item) -> Result:
    return Result(
        lead_id=record.lead_id,
        outcome=outcome,
        state=record.state,
        reason=record.reason,
        detail=": ".join(filter(None, (item.name, record.detail))) if record.reason else item.name,
    )
