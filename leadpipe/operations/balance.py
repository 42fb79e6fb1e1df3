"""Checks that every received lead is accounted for: each state against the store that must hold it.

Leads move during the count, so a record that looks wrong is read again before it is reported.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from leadpipe.model.claim import HOLDING
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import LeadpipeError, RecordDamaged, SettingsError
from leadpipe.model.lead_id import EPOCH, is_lead_id, received_at
from leadpipe.model.marks import damage
from leadpipe.model.ports import Dynamics, Ports
from leadpipe.model.record import OPEN, Record, State
from leadpipe.model.waiting import TOO_LONG, is_overdue
from leadpipe.operations.causes import Cause
from leadpipe.operations.ledger_pages import PAGE, Page, pages
from leadpipe.operations.patience import patiently
from leadpipe.sweep.without_record import messages_without_record

READERS = 8


class What(StrEnum):
    """What is wrong. The last four are only worth knowing."""

    OVERDUE = "overdue"
    NO_ROW = "fallback_without_row"
    ROW_ALONE = "row_without_record"
    DAMAGED = "record_damaged"
    ROW_DAMAGED = "fallback_row_damaged"
    CLAIM_DAMAGED = "claim_damaged"
    MARK_DAMAGED = "mark_damaged"
    MESSAGE_ALONE = "message_without_record"
    NOT_HELD = "duplicate_not_held"
    HOLDER_GONE = "duplicate_holder_gone"
    CLAIM_ALONE = "claim_without_record"
    ON_POISON_QUEUE = "on_poison_queue"
    NO_PAYLOAD = "poisoned_without_payload"
    NOT_SEEN = "could_not_be_looked_at"
    ROW_LEFT_BEHIND = "row_left_behind"
    NOT_IN_DYNAMICS = "not_in_dynamics"
    NOTE_GONE = "note_not_in_dynamics"
    IN_DYNAMICS_ALONE = "in_dynamics_alone"


MEANING = {
    What.OVERDUE: Cause("should have been tried over an hour ago", "see whether the function app and its sweep run"),
    What.NO_ROW: Cause(
        "in state fallback without its row in the fallback table",
        "`leadpipe fallback drain` delivers it from its record",
    ),
    What.ROW_ALONE: Cause(
        "a fallback row without a record in the ledger", "post its content to the endpoint again, then delete it"
    ),
    What.DAMAGED: Cause(
        "a damaged row of the ledger; lists leave it out, unless the detail says how it is read",
        "correct the row by hand, for example in Storage Explorer, or delete it and post the lead again",
    ),
    What.ROW_DAMAGED: Cause(
        "a fallback row with a damaged LeadId", "correct LeadId, which is the RowKey; delete the row if it is a copy"
    ),
    What.CLAIM_DAMAGED: Cause("a damaged claim", "delete the row: at worst a repeat of that lead is written too"),
    What.MARK_DAMAGED: Cause(
        "a damaged mark of the sweep", "the next sweep replaces it; if it lasts, see whether the app and its sweep run"
    ),
    What.MESSAGE_ALONE: Cause(
        "a lead that is only on the queue leads: the ledger has no record of it",
        "see whether the function app runs and may write to the ledger: the record is made at the next delivery",
    ),
    What.NOT_HELD: Cause(
        "a duplicate of a lead that is not, and will not be, in Dynamics",
        "`leadpipe poison replay ID --anyway` makes it a lead; `leadpipe erase ID` ends it",
    ),
    What.HOLDER_GONE: Cause(
        "a duplicate of the lead in the detail, whose record is missing",
        "`leadpipe balance --dynamics` asks Dynamics for that lead: if it is there, nothing is missing; if not,"
        " `leadpipe poison replay ID --anyway` makes this one a lead",
    ),
    What.CLAIM_ALONE: Cause(
        "a claim without a record",
        "`leadpipe balance --dynamics` looks for the lead; if Dynamics lacks it, it was lost",
    ),
    What.ON_POISON_QUEUE: Cause(
        "on the host's poison queue for more than an hour", "see whether the function app and its sweep run"
    ),
    What.NO_PAYLOAD: Cause("poisoned, and nothing is kept of the post", "`leadpipe poison discard ID --why TEXT`"),
    What.NOT_SEEN: Cause(
        "could not be checked: a fault in leadpipe", "report the kind in the detail; the other lines are still right"
    ),
    What.ROW_LEFT_BEHIND: Cause("a fallback row whose lead is settled", "`leadpipe fallback drain` removes it"),
    What.NOT_IN_DYNAMICS: Cause("written, and no longer in Dynamics", "nothing, if somebody deleted it there"),
    What.NOTE_GONE: Cause(
        "merged, and its note is no longer in Dynamics", "nothing, if somebody deleted it or its lead there"
    ),
    What.IN_DYNAMICS_ALONE: Cause("a lead that Dynamics has, without a record in the ledger", "nothing"),
}
# An old row is not a lost lead, and people delete leads from Dynamics.
NOTES = frozenset({What.ROW_LEFT_BEHIND, What.NOT_IN_DYNAMICS, What.NOTE_GONE, What.IN_DYNAMICS_ALONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """`id`: a lead's, that of a message or row without a lead, or a number of messages."""

    what: What
    id: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The audit of the leads received from `since` until `before`, as they are at `at`.

    `counts` and `unread` are filled while the findings are consumed. `in_dynamics`, `has_note`: whether Dynamics has
    the lead, or the note, under an id; None: it is not asked.
    """

    since: datetime
    before: datetime
    at: datetime
    ports: Ports
    in_dynamics: Callable[[str], bool] | None = None
    has_note: Callable[[str], bool] | None = None
    page_size: int = PAGE
    counts: Counter[State] = field(default_factory=Counter)
    unread: dict[str, str] = field(default_factory=dict)

    def findings(self) -> Iterator[Discrepancy]:
        """Yields what is wrong or worth knowing. Raises StorageFailed, and whatever `in_dynamics` raises."""
        yield from self._without_record()
        first, last = self.since.date(), self.before.date()
        yield from _damaged(What.ROW_DAMAGED, self.ports.fallback.damaged(first, last))
        yield from _damaged(What.CLAIM_DAMAGED, self.ports.claims.damaged())
        for mark in damage(self.ports.marks.read(), self.at):
            yield Discrepancy(what=What.MARK_DAMAGED, id=mark)
        for page in pages(self.since, self.before, at=self.at, ledger=self.ports.ledger, size=self.page_size):
            yield from _damaged(What.DAMAGED, page.damage)
            self.counts.update(page.counts())
            for look in (self._overdue, self._fallback, self._duplicates, self._claims, self._payloads, self._absent):
                yield from _as_far_as_it_goes(look(page), look.__name__.strip("_"))
        yield from _as_far_as_it_goes(self._on_poison_queue(), "poison queue")
        for lead_id, kind in self.unread.items():
            yield Discrepancy(what=What.NOT_SEEN, id=lead_id, detail=kind)

    def _without_record(self) -> Iterator[Discrepancy]:
        ports = self.ports
        found = messages_without_record(queue=ports.queue, ledger=ports.ledger, marks=ports.marks, at=self.at)
        for name in found.seen:
            yield Discrepancy(what=What.MESSAGE_ALONE, id=name)
        if found.unseen:
            counted = "1 message" if found.unseen == 1 else f"{found.unseen} messages"
            yield Discrepancy(what=What.MESSAGE_ALONE, id=counted, detail="not at the queue's head")

    def _overdue(self, page: Page) -> Iterator[Discrepancy]:
        suspects = page.overdue
        if page.resting_overdue and not self._is_fallback_tried():
            suspects = suspects + page.resting_overdue
        for lead_id, record in self._read(suspects):
            if record is not None and is_overdue(record, self.at):
                yield Discrepancy(what=What.OVERDUE, id=lead_id, detail=f"{record.state} {record.reason}".strip())

    def _is_fallback_tried(self) -> bool:
        """Whether any resting lead was tried within the hour: in an outage the others wait behind that one."""
        marks, ledger = self.ports.marks.read(), self.ports.ledger
        first = marks.watermark or EPOCH.date()
        resting = ledger.due(first, self.at + 2 * TOO_LONG, states=frozenset({State.FALLBACK}))
        return any(record.updated_at >= self.at - TOO_LONG for record in resting)

    def _fallback(self, page: Page) -> Iterator[Discrepancy]:
        listed = self.ports.fallback.lead_ids(page.since.date(), page.before.date())
        rows = {row for row in listed if page.since <= received_at(row) < page.before}
        for lead_id, record in self._read(lead_id for lead_id in page.of(State.FALLBACK) if lead_id not in rows):
            if record is not None and record.state is State.FALLBACK and not self.ports.fallback.has(record):
                yield Discrepancy(what=What.NO_ROW, id=lead_id, detail=record.reason)
        settled = frozenset(State) - OPEN - {State.REJECTED}
        for lead_id, record in self._read(row for row in rows if page.states.get(row, State.ERASED) in settled):
            if record is None:
                yield Discrepancy(what=What.ROW_ALONE, id=lead_id)
            elif record.state in settled and self.ports.fallback.has(record):
                yield Discrepancy(what=What.ROW_LEFT_BEHIND, id=lead_id, detail=str(record.state))

    def _duplicates(self, page: Page) -> Iterator[Discrepancy]:
        held = {holder for holder in page.holders.values() if page.states.get(holder) in HOLDING}
        suspects = {lead_id: holder for lead_id, holder in page.holders.items() if holder not in held}
        not_holding = {
            holder: record
            for holder, record in self._read(dict.fromkeys(suspects.values()))
            if not _holds(record) and not (record is None and self._is_in_dynamics(holder))
        }
        for lead_id, record in self._read(lead_id for lead_id, holder in suspects.items() if holder in not_holding):
            if record is not None and record.state is State.DUPLICATE and record.duplicate_of in not_holding:
                holder = not_holding[record.duplicate_of]
                if holder is None:
                    yield Discrepancy(what=What.HOLDER_GONE, id=lead_id, detail=record.duplicate_of)
                else:
                    detail = f"{record.duplicate_of} is {holder.state}"
                    yield Discrepancy(what=What.NOT_HELD, id=lead_id, detail=detail)

    def _claims(self, page: Page) -> Iterator[Discrepancy]:
        claims = self.ports.claims.of_leads_received(page.since, page.before)
        alone = dict.fromkeys(claim.lead_id for claim in claims if claim.lead_id not in page.states)
        for lead_id, record in self._read(alone):
            if record is None:
                there = self._is_in_dynamics(lead_id)
                yield Discrepancy(what=What.IN_DYNAMICS_ALONE if there else What.CLAIM_ALONE, id=lead_id)

    def _payloads(self, page: Page) -> Iterator[Discrepancy]:
        if State.POISONED not in page.states.values():
            return
        poisoned = self.ports.ledger.between(
            page.since.date(), page.before.date(), states=frozenset({State.POISONED}), payloads=True, damage=[]
        )
        for record in poisoned:
            if not record.payload and page.since <= record.received_at < page.before:
                yield Discrepancy(what=What.NO_PAYLOAD, id=record.lead_id, detail=record.reason)

    def _absent(self, page: Page) -> Iterator[Discrepancy]:
        written = [lead_id for lead_id in page.of(State.WRITTEN) if lead_id not in page.removed]
        for lead_id in _those_without(written, self.in_dynamics):
            yield Discrepancy(what=What.NOT_IN_DYNAMICS, id=lead_id)
        for lead_id in _those_without(page.of(State.MERGED), self.has_note):
            yield Discrepancy(what=What.NOTE_GONE, id=lead_id)

    def _on_poison_queue(self) -> Iterator[Discrepancy]:
        for message in self.ports.poison_queue.peek():
            if message.inserted_at < self.at - TOO_LONG:
                yield Discrepancy(what=What.ON_POISON_QUEUE, id=_lead_id_of(message.text) or f"message {message.id}")

    def _read(self, lead_ids: Iterable[str]) -> Iterator[tuple[str, Record | None]]:
        """The records as they are now; None where there is none, or the id is not a lead id. Skips damaged ones."""
        wanted = list(lead_ids)
        if not wanted:
            return
        with ThreadPoolExecutor(READERS) as pool:
            for found in pool.map(self._record, wanted):
                yield from found

    def _record(self, lead_id: str) -> list[tuple[str, Record | None]]:
        try:
            return [(lead_id, self.ports.ledger.read(lead_id) if is_lead_id(lead_id) else None)]
        except RecordDamaged:
            return []
        except Exception as error:  # noqa: BLE001 - a fault on one record must not end the balance
            self.unread[lead_id] = type(error).__name__
            return []

    def _is_in_dynamics(self, lead_id: str) -> bool:
        """False also where it is not asked."""
        return self.in_dynamics is not None and self.in_dynamics(lead_id)


def _those_without(lead_ids: Sequence[str], look: Callable[[str], bool] | None) -> Iterator[str]:
    """The ids under which Dynamics has nothing; none where it is not asked."""
    if look is None:
        return
    with ThreadPoolExecutor(READERS) as pool:
        for lead_id, there in zip(lead_ids, pool.map(look, lead_ids), strict=True):
            if not there:
                yield lead_id


def _damaged(what: What, rows: Iterable[str]) -> Iterator[Discrepancy]:
    for damaged in rows:
        row, _, why = damaged.partition(": ")
        yield Discrepancy(what=what, id=row, detail=why)


def _as_far_as_it_goes(findings: Iterator[Discrepancy], what: str) -> Iterator[Discrepancy]:
    """The findings. An unforeseen exception becomes one more; leadpipe's own errors are raised."""
    try:
        yield from findings
    except LeadpipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the other findings must not be lost with this one
        yield Discrepancy(what=What.NOT_SEEN, id=what, detail=type(error).__name__)


def _holds(record: Record | None) -> bool:
    """Whether Dynamics has, or will have, the lead. A holder that was erased after it was written counts."""
    return record is not None and (record.state in HOLDING or record.written_at is not None)


def _lead_id_of(text: str) -> str:
    try:
        return Envelope.from_text(text).lead_id
    except LeadpipeError:
        return ""


def asker_of(ports: Ports) -> Callable[[str], bool]:
    """A function that asks Dynamics for a lead. It waits where Dynamics asks for a pause."""
    dynamics = _dynamics_of(ports)
    return lambda lead_id: patiently(lambda: dynamics.has(lead_id))


def note_asker_of(ports: Ports) -> Callable[[str], bool]:
    """The same for a note."""
    dynamics = _dynamics_of(ports)
    return lambda lead_id: patiently(lambda: dynamics.note_on(lead_id)) is not None


def _dynamics_of(ports: Ports) -> Dynamics:
    if ports.dynamics is None:
        raise SettingsError("settings", "--dynamics needs DATAVERSE_URL and a sign-in among the settings")
    return ports.dynamics
