"""Compares the rows of an export with the ledger, in one reading of the days that the rows are of.

Of each lead only what is compared and shown is kept, never its payload.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from leadpipe.model.keys import WRONG_KEY
from leadpipe.model.lead_id import EARLIEST, MOST_AHEAD, ONE_DAY
from leadpipe.model.ports import Ledger, Ports
from leadpipe.model.pulse import Pulse
from leadpipe.model.record import Record, State
from leadpipe.operations.reconcile.export import Damaged, Export, Row
from leadpipe.operations.reconcile.matching import (
    A_WEEK,
    Certainty,
    Known,
    Offers,
    Pair,
    known_of,
    matched,
    person_of,
    stripped_matches,
)
from leadpipe.operations.reconcile.probable import Causes, Past, Why

# Partner Center keeps leads for six months. A row without a date may be of any of their days.
KEPT_THERE = timedelta(days=190)
READERS = 8
# Leads that Partner Center may not have as rows of their own.
_NOT_EXPECTED = frozenset({State.REJECTED, State.DUPLICATE, State.ERASED})


class Kind(StrEnum):
    """What became of a row or a lead."""

    BOTH = "both"
    REJECTED = "rejected_here"  # it was posted, and leadpipe rejected the post: the record has it
    MISSING = "missing"
    CANNOT_TELL = "cannot_tell"
    UNREADABLE = "unreadable"
    HERE_ALONE = "here_alone"


# Kinds that a person has to do something about.
_WANTED = frozenset({Kind.MISSING, Kind.REJECTED, Kind.UNREADABLE})
# Moved-in leads of these states keep the time at which another system received them.
_OF_THEIR_OWN_TIME = frozenset({State.REJECTED, State.POISONED})
# How many records to ask for to find one that shows since when leadpipe runs.
_FEW = 100
STRIPPED = "a lead of that time is here whose personal data was removed"
NOBODY = "Partner Center does not show the person any more"
TAKEN_IN_BEFORE = "taken in before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A row with the lead that it is, a row without one, a lead without one, or a row that cannot be read."""

    kind: Kind
    row: Row | None = None
    lead: Known | None = None
    damaged: Damaged | None = None
    certainty: Certainty | None = None
    why: Why | None = None
    detail: str = ""

    @property
    def at(self) -> datetime | None:
        """When Partner Center has it, or else when it was received."""
        return self.row.at if self.row else self.lead.at if self.lead else None

    @property
    def place(self) -> str:
        """Where it stands in the files."""
        where = self.row or self.damaged
        return f"{where.file}:{where.line}" if where else ""

    @property
    def is_unsure(self) -> bool:
        """Whether a person has to say if the row is a lead that is here."""
        return self.kind is Kind.CANNOT_TELL or self.certainty is Certainty.WEAK

    @property
    def needs_person(self) -> bool:
        return self.kind in _WANTED or self.is_unsure


@dataclass(slots=True, kw_only=True)
class Comparison:
    """`until`: what was received here until then is compared with Partner Center."""

    until: datetime
    findings: list[Finding] = field(default_factory=list)

    @property
    def counts(self) -> Counter[Kind]:
        return Counter(finding.kind for finding in self.findings)

    def of(self, *kinds: Kind) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind in kinds]

    @property
    def for_a_person(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.needs_person]

    @property
    def missing(self) -> dict[str, Row]:
        """The rows to take in, by their keys, oldest first. Those without a date come last."""
        rows = [finding.row for finding in self.of(Kind.MISSING) if finding.row]
        return {row.key: row for row in sorted(rows, key=lambda row: (row.at is None, row.at or EARLIEST))}


def compared(
    export: Export, *, ports: Ports, now: datetime, progress: Callable[[int, date], None] = lambda *_: None
) -> Comparison:
    """`progress` gets the number of records that were read, and the day of the last one. Raises StorageFailed."""
    since, before = _span(export.rows, now)
    pulse, _ = ports.attention.read()
    leads, past = _read(since, before, pulse, ports.ledger, progress)
    past = replace(past, until=min(before, now))
    rows, until = export.rows, _until(export.rows, leads, pulse, now)
    pairs = _pairs(rows, leads)
    sure = {number for number, pair in pairs.items() if pair.certainty is not Certainty.WEAK}
    taken_in = _taken_in_before([row for number, row in enumerate(rows) if number not in sure], ports)
    found = [
        Finding(kind=Kind.BOTH, row=row, lead=taken_in[row.key], certainty=Certainty.EXACT, detail=TAKEN_IN_BEFORE)
        for row in rows
        if row.key in taken_in
    ]
    if taken_in:
        ids = {lead.lead_id for lead in taken_in.values()}
        rows = [row for row in rows if row.key not in taken_in]
        leads = [lead for lead in leads if lead.lead_id not in ids]
        pairs = _pairs(rows, leads)
    found += [_pair(rows[pair.row], leads[pair.lead], pair.certainty) for pair in pairs.values()]
    used = {pair.lead for pair in pairs.values()}
    free = [lead for place, lead in enumerate(leads) if place not in used]
    left = [row for number, row in enumerate(rows) if number not in pairs]
    found += _unmatched(left, free, past, found, Offers.of(leads))
    found += [Finding(kind=Kind.UNREADABLE, damaged=damaged, detail=damaged.why) for damaged in export.damaged]
    found += _here_alone(free, export.rows)
    return Comparison(until=until, findings=found)


def _pairs(rows: Sequence[Row], leads: Sequence[Known]) -> dict[int, Pair]:
    return {pair.row: pair for pair in matched(rows, leads)}


def _span(rows: Sequence[Row], now: datetime) -> tuple[datetime, datetime]:
    times = [row.at for row in rows if row.at]
    if len(times) < len(rows) or not times:
        times += [now - KEPT_THERE, now]
    return max(min(times) - A_WEEK, EARLIEST), min(max(times) + A_WEEK, now + MOST_AHEAD)


def _read(
    since: datetime, before: datetime, pulse: Pulse, ledger: Ledger, progress: Callable[[int, date], None]
) -> tuple[list[Known], Past]:
    leads: list[Known] = []
    received: list[datetime] = []
    first = None if _ran_before(since, ledger) else before
    wrong_keys, unreadable = set[date](), set[date]()
    found = ledger.between(since.date(), before.date(), payloads=True)
    for number, record in enumerate(found, start=1):
        received.append(record.received_at)
        if first and (ran := _ran_at(record)):
            first = min(first, ran)
        if record.state is State.REJECTED:
            (wrong_keys if record.reason == WRONG_KEY else unreadable).add(record.received_at.date())
        if not record.is_test:
            leads.append(known_of(record))
        progress(number, record.received_at.date())
    return leads, Past(
        since=since,
        until=before,
        received=sorted(received),
        first=first,
        wrong_keys=frozenset(wrong_keys),
        unreadable=frozenset(unreadable),
        usual_gap=pulse.usual_gap,
    )


def _ran_before(since: datetime, ledger: Ledger) -> bool:
    """Whether leadpipe was there by then. Mostly the first record says so; moved-in ones are read until one does."""
    day = ledger.first_day()
    if day is None or day >= since.date():
        return False
    older = ledger.between(day, since.date(), page=_FEW)
    return any(ran < since for record in older if (ran := _ran_at(record)))


def _ran_at(record: Record) -> datetime | None:
    """The earliest time at which the record shows that leadpipe ran; None if it shows nothing.

    A lead that was moved in has the time of its receipt elsewhere, but was written or changed here. A named key, and a
    wrong one, come with a post.
    """
    if record.key_name or record.reason == WRONG_KEY:
        return record.received_at
    if record.state in _OF_THEIR_OWN_TIME:
        return None
    return record.written_at or record.updated_at


def _pair(row: Row, lead: Known, certainty: Certainty) -> Finding:
    kind = Kind.REJECTED if lead.state is State.REJECTED else Kind.BOTH
    return Finding(kind=kind, row=row, lead=lead, certainty=certainty, detail=row.flaw)


def _taken_in_before(rows: Sequence[Row], ports: Ports) -> dict[str, Known]:
    """The leads that earlier runs made of these rows. Their records may have lost the person since."""

    def look(row: Row) -> tuple[str, Record | None]:
        claim = ports.claims.read(row.key)
        return row.key, ports.ledger.read(claim.lead_id) if claim else None

    with ThreadPoolExecutor(READERS) as pool:
        return {key: known_of(record) for key, record in pool.map(look, rows) if record}


def _unmatched(
    rows: Sequence[Row], free: Sequence[Known], past: Past, found: Sequence[Finding], offers: Offers
) -> Iterator[Finding]:
    stripped = [lead for lead in free if lead.is_stripped]
    told = dict(stripped_matches(rows, stripped, offers))
    missing = [row for number, row in enumerate(rows) if number not in told and row.names_somebody]
    here = frozenset(title for each in found if each.row for title in person_of(each.row).titles)
    causes = Causes.of(missing, past, here)
    for number, row in enumerate(rows):
        if number in told:
            yield Finding(kind=Kind.CANNOT_TELL, row=row, lead=stripped[told[number]], detail=STRIPPED)
        elif not row.names_somebody:
            yield Finding(kind=Kind.CANNOT_TELL, row=row, detail=NOBODY)
        else:
            yield Finding(kind=Kind.MISSING, row=row, why=causes.why(row), detail=row.flaw)


def _here_alone(free: Sequence[Known], rows: Sequence[Row]) -> Iterator[Finding]:
    """The leads between the first and the last row that no row is."""
    times = [row.at if row.has_time else row.at + ONE_DAY for row in rows if row.at]
    if not times:
        return
    first, last = min(row.at for row in rows if row.at), max(times)
    for lead in free:
        if first <= lead.at <= last and lead.state not in _NOT_EXPECTED and not lead.is_stripped:
            yield Finding(kind=Kind.HERE_ALONE, lead=lead)


def _until(rows: Sequence[Row], leads: Sequence[Known], pulse: Pulse, now: datetime) -> datetime:
    """Now; or the time of the newest row, if a lead came here more than a day after it: then the export is older."""
    last_lead = max(filter(None, (pulse.beat.last_lead, pulse.last_lead, *(lead.at for lead in leads))), default=None)
    newest = max((row.at for row in rows if row.at), default=None)
    if newest is None or last_lead is None or last_lead - newest <= ONE_DAY:
        return now
    return newest
