"""Reads exports of Partner Center's Leads page into rows, each a lead as Microsoft has it.

https://learn.microsoft.com/partner-center/referrals/bulk-operations-for-leads-using-comma-separated-value-csv-files
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256

from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import can_be_received
from leadpipe.model.text import says_something, well_formed
from leadpipe.operations.reconcile.columns import FIELDS, Taken, UnusableExport, folded
from leadpipe.operations.reconcile.dates import Order, Reading, moment_of, reading_of
from leadpipe.operations.reconcile.spelling import folded_address, folded_words
from leadpipe.operations.reconcile.table import Cells, Table, table_of

# Partner Center puts no more rows into a file.
MOST_ROWS_OF_A_DOWNLOAD = 5_000
# Partner Center's words for what the marketplace posts in codes.
# https://learn.microsoft.com/partner-center/referrals/manage-leads
_ACTIONS = {"getitnow": "INS", "contactme": "PLT", "testdrive": "StartTestDrive", "create": "Create"}
_SOURCES = {"azuremarketplace": "AzureMarketplace", "azureportal": "AzurePortal"}
_RATING = ("quality", "email_validity", "phone_validity")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A lead as Partner Center has it. `file`, `line`: where it stands.

    `at`: when it was made, None if no date can be read; `has_time`: it had more than a day. `flaw`: what is wrong
    with it although it can be compared.
    """

    file: str
    line: int
    at: datetime | None = None
    has_time: bool = False
    flaw: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    name: str = ""
    customer: str = ""
    company: str = ""
    phone: str = ""
    country: str = ""
    title: str = ""
    offer: str = ""
    offer_id: str = ""
    source: str = ""
    action: str = ""
    description: str = ""
    lead_type: str = ""
    quality: str = ""
    email_validity: str = ""
    phone_validity: str = ""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def person(self) -> str:
        return " ".join(filter(None, (self.first_name, self.last_name))) or self.name

    @property
    def organization(self) -> str:
        return self.company or self.customer

    @cached_property
    def lead(self) -> Lead | None:
        """The lead that the marketplace would have posted; None if nothing of it is in the row."""
        return Lead.found_in(self.payload())

    @property
    def names_somebody(self) -> bool:
        """Whether there is a person to compare. Partner Center empties the contact of a lead that has expired."""
        return self.lead is not None and (self.lead.names_somebody or says_something(self.organization))

    @cached_property
    def key(self) -> str:
        """A hash of what makes two rows the same lead, in hex. Neither Microsoft's rating nor the status is part of it.

        The time counts to the minute: Excel drops the seconds.
        """
        minute = f"{self.at:%Y-%m-%dT%H:%M}" if self.at else ""
        said = [self.person, self.organization, self.phone, self.offer, self.offer_id, self.action]
        texts = ["partner center", minute, folded_address(self.email), *map(folded_words, said)]
        return sha256(json.dumps(texts).encode()).hexdigest()

    def payload(self) -> str:
        """The row in the shape of the HTTPS destination. Microsoft's rating stands beside it."""
        first, last = self.first_name, self.last_name
        if not first and not last:
            first, _, last = self.name.rpartition(" ")
        person = {
            "FirstName": first,
            "LastName": last,
            "Email": self.email,
            "Phone": self.phone,
            "Country": self.country,
            "Company": self.organization,
            "Title": self.title,
        }
        posted = {
            "UserDetails": person,
            "LeadSource": _SOURCES.get(folded(self.source), self.source),
            "ActionCode": _ACTIONS.get(folded(self.action), self.action),
            "OfferTitle": self.offer,
            "ProductId": self.offer_id,
            "Description": self.description,
            "PartnerCenter": {field: getattr(self, field) for field in _RATING if getattr(self, field)},
        }
        return json.dumps(posted, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A row that cannot be compared, and why."""

    file: str
    line: int
    why: str


@dataclass(slots=True, kw_only=True)
class File:
    """One export as it was read."""

    name: str
    rows: int
    encoding: str
    taken: Taken
    reading: Reading


@dataclass(slots=True, kw_only=True)
class Export:
    """All files together. `repeated`: how many rows stand there twice; `test_leads`: how many are nobody's leads."""

    files: list[File] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    damaged: list[Damaged] = field(default_factory=list)
    repeated: int = 0
    test_leads: int = 0

    def since(self, start: datetime) -> "Export":
        """The export without the rows from before. Those without a date stay."""
        return replace(self, rows=[row for row in self.rows if row.at is None or row.at >= start])


def export_of(
    contents: Iterable[tuple[str, bytes]], *, named: Mapping[str, str], order: Order | None, now: datetime
) -> Export:
    """Reads files, each by its name and content. Raises UnusableExport for the first that cannot be used.

    `order`: how the dates are to be read; None finds it out, for each file.
    """
    export, known = Export(), set[str]()
    for name, content in contents:
        try:
            table = table_of(content, named)
        except UnusableExport as why:
            raise UnusableExport(f"{name}: {why}") from why
        reading = Reading(order=order) if order else reading_of(_dates(table), now)
        export.files.append(
            File(name=name, rows=len(table.rows), encoding=table.encoding, taken=table.taken, reading=reading)
        )
        _add_rows(export, known, name, table, reading.order, now)
    return export


def _add_rows(export: Export, known: set[str], name: str, table: Table, order: Order, now: datetime) -> None:
    for cells in table.rows:
        if cells.damage:
            export.damaged.append(Damaged(file=name, line=cells.line, why=cells.damage))
            continue
        row = _row(name, cells, table.taken, order, now)
        if damage := _damage(row, cells, table.taken):
            export.damaged.append(Damaged(file=name, line=cells.line, why=damage))
        elif row.lead and row.lead.is_test:
            export.test_leads += 1
        elif row.key in known:
            export.repeated += 1
        else:
            known.add(row.key)
            export.rows.append(row)


def _damage(row: Row, cells: Cells, taken: Taken) -> str:
    """Excel leaves empty cells at a row's end out too, but such a row begins like the others."""
    if row.lead is None:
        return "it has nothing of a lead"
    if cells.is_short and "created" in taken.places and row.at is None and "@" not in row.email:
        return "it has fewer cells than the header, no date and no e-mail address: perhaps the rest of a broken line"
    return ""


def _dates(table: Table) -> Sequence[str]:
    place = table.taken.places.get("created")
    return [] if place is None else [row.cells[place] for row in table.rows if row.cells]


def _row(name: str, cells: Cells, taken: Taken, order: Order, now: datetime) -> Row:
    texts = {field: _text(cells.cells[place]) for field, place in taken.places.items() if field in FIELDS}
    written = texts.pop("created", "")
    moment = moment_of(written, order)
    flaw = ""
    if moment is None:
        flaw = "its date cannot be read" if written else "it has no date"
    elif not can_be_received(moment.at, now):
        moment, flaw = None, "its date is not one of a lead"
    at, has_time = (moment.at, moment.has_time) if moment else (None, False)
    return Row(file=name, line=cells.line, at=at, has_time=has_time, flaw=flaw, **texts)


def _text(cell: str) -> str:
    return well_formed(cell).replace("\0", "").strip()
