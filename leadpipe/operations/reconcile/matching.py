"""Matches rows of the export with leads of the ledger: by person, offer and time. docs/reconcile.md has the rules.

A row belongs to at most one lead, and a lead to at most one row. The surest pairs are made first, and of equally sure
ones those whose action is the same, then those nearest in time: so the actions of one customer find their own rows.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, TypeVar

from leadpipe.model.lead import UNREAD, WITHHELD, Lead
from leadpipe.model.lead_id import ONE_DAY
from leadpipe.model.record import FORGETTABLE, Record, State
from leadpipe.operations.reconcile.export import Row
from leadpipe.operations.reconcile.spelling import folded_address, folded_name, folded_words

AN_HOUR = timedelta(hours=1)
A_WEEK = timedelta(days=7)
_NOON = timedelta(hours=12)
_EVER = timedelta.max
# Of one customer's leads those nearest in time are compared with a row.
MOST_COMPARED = 50
# A rejected post was perhaps never a lead.
_STRIPPED = FORGETTABLE - {State.REJECTED} | {State.ERASED}
P = TypeVar("P", bound=tuple[Any, ...])


class Certainty(IntEnum):
    """How sure it is that a row and a lead are the same."""

    EXACT = 1
    LIKELY = 2
    WEAK = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What rows and leads are compared by, folded. `titles`, `ids`: of the offer."""

    address: str = ""
    name: str = ""
    organization: str = ""
    titles: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    action: str = ""

    @property
    def is_nobody(self) -> bool:
        return not (self.address or self.name or self.organization)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A lead of the ledger. `is_stripped`: its personal data was removed, by retention or by a person."""

    lead_id: str
    at: datetime
    state: State
    reason: str = ""
    offer: str = ""
    email: str = ""
    name: str = ""
    company: str = ""
    person: Person = field(default_factory=Person)
    is_stripped: bool = False


def known_of(record: Record) -> Known:
    """The lead of a record that was read with its payload."""
    text = record.text
    lead = Lead.found_in(text)
    stripped = text is None and record.payload is None and not (record.email or record.name or record.company)
    return Known(
        lead_id=record.lead_id,
        at=record.received_at,
        state=record.state,
        reason=record.reason,
        offer=record.offer,
        email=record.email,
        name=record.name,
        company=record.company,
        person=_person_of_lead(lead) if lead else _person_of_record(record),
        is_stripped=stripped and record.state in _STRIPPED,
    )


def _person_of_lead(lead: Lead) -> Person:
    return Person(
        address=folded_address(lead.email),
        name=folded_name(lead.name),
        organization=folded_words(lead.company),
        titles=_filled(folded_words(lead.offer_title)),
        ids=_filled(folded_words(lead.offer)) | _filled(folded_words(lead.offer.rpartition(".")[2])),
        action=lead.action.casefold(),
    )


def _person_of_record(record: Record) -> Person:
    """A record's offer is an id, or a title where the marketplace sent no id."""
    name = "" if record.name in {WITHHELD, UNREAD} else record.name
    offer = _filled(folded_words(record.offer))
    return Person(
        address=folded_address(record.email),
        name=folded_name(name),
        organization=folded_words(record.company),
        titles=offer,
        ids=offer,
        action=record.action.casefold(),
    )


def person_of(row: Row) -> Person:
    """The row's words for the action count as the marketplace's code for it."""
    return Person(
        address=folded_address(row.email),
        name=folded_name(row.person),
        organization=folded_words(row.organization),
        titles=_filled(folded_words(row.offer)),
        ids=_filled(folded_words(row.offer_id)) | _filled(folded_words(row.offer)),
        action=row.lead.action.casefold() if row.lead else "",
    )


def _filled(text: str) -> frozenset[str]:
    return frozenset({text} if text else ())


def same_offer(row: Person, lead: Person) -> bool | None:
    """None where they cannot be compared: the export has titles, and the marketplace does not always send them."""
    if row.titles & lead.titles or row.ids & lead.ids:
        return True
    return False if row.titles and lead.titles and lead.titles != lead.ids else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signs:
    """What a row and a lead have in common. `offer`: None where it cannot be compared."""

    address: bool
    other_address: bool
    name: bool
    organization: bool
    names: bool
    nobody: bool
    offer: bool | None
    near: bool
    day: bool
    week: bool

    @property
    def is_exact(self) -> bool:
        return bool(self.address and self.near and self.offer)

    @property
    def is_likely(self) -> bool:
        by_address = self.address and (self.near or (self.offer and self.day))
        by_name = self.name and self.near and not self.other_address and (self.organization or self.offer)
        return bool(by_address or by_name)

    @property
    def is_weak(self) -> bool:
        by_name = self.name and (self.near and self.organization if self.other_address else self.day)
        return bool((self.address and self.week) or by_name or (self.near and self.offer and self._unnamed))

    @property
    def _unnamed(self) -> bool:
        """Whether nothing speaks against it although the row has too little of a person."""
        return self.nobody or (self.organization and not self.names and not self.other_address)


def certainty_of(row: Row, who: Person, lead: Known) -> Certainty | None:
    """None: they are not the same. docs/reconcile.md has the rules."""
    near, day, week = _nearness(row, lead.at)
    their = lead.person
    address = bool(who.address) and who.address == their.address
    signs = _Signs(
        address=address,
        other_address=bool(who.address and their.address) and not address,
        name=bool(who.name) and who.name == their.name,
        organization=bool(who.organization) and who.organization == their.organization,
        names=bool(who.name and their.name),
        nobody=who.is_nobody,
        offer=same_offer(who, their),
        near=near,
        day=day,
        week=week,
    )
    if signs.is_exact:
        return Certainty.EXACT
    if signs.is_likely:
        return Certainty.LIKELY
    return Certainty.WEAK if signs.is_weak else None


def _nearness(row: Row, at: datetime) -> tuple[bool, bool, bool]:
    """Whether they are within an hour, a day, and a week of each other. A row's day counts as a whole."""
    if row.at is None:
        return False, False, True
    if row.has_time:
        apart = abs(row.at - at)
        return apart <= AN_HOUR, apart <= ONE_DAY, apart <= A_WEEK
    days = abs((row.at.date() - at.date()).days)
    return days == 0, days <= 1, days <= A_WEEK.days


def apart(row: Row, at: datetime) -> timedelta:
    if row.at is None:
        return _EVER
    return abs((row.at if row.has_time else row.at + _NOON) - at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """`row`, `lead`: places in the lists that were matched."""

    row: int
    lead: int
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class _Nearest:
    """Leads in order of time, of which those nearest to a row are found."""

    leads: Sequence[Known]
    places: Sequence[int]

    def to(self, row: Row) -> Iterator[int]:
        if row.at is None:
            yield from self.places[-MOST_COMPARED:]
            return
        middle = bisect_left(self.places, row.at, key=lambda place: self.leads[place].at)
        first = max(0, middle - MOST_COMPARED // 2)
        yield from self.places[first : first + MOST_COMPARED]


def matched(rows: Sequence[Row], leads: Sequence[Known]) -> list[Pair]:
    """The pairs. Leads that name nobody, or whose personal data was removed, are left out."""
    index = _index(leads)
    possible: list[tuple[Certainty, bool, bool, timedelta, int, int]] = []
    for number, row in enumerate(rows):
        who = person_of(row)
        for place in {place for key in _looked_up(who) if key in index for place in index[key].to(row)}:
            lead = leads[place]
            if certainty := certainty_of(row, who, lead):
                other_action = bool(who.action and lead.person.action) and who.action != lead.person.action
                rejected = lead.state is State.REJECTED
                possible.append((certainty, rejected, other_action, apart(row, lead.at), number, place))
    return [
        Pair(row=number, lead=place, certainty=certainty)
        for certainty, *_, number, place in _one_to_one(sorted(possible))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Compares a row's offer with that of a record, which kept an id alone. `titles`: those seen with each id."""

    titles: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, leads: Iterable[Known]) -> "Offers":
        titles: dict[str, frozenset[str]] = defaultdict(frozenset)
        for lead in leads:
            if lead.person.titles != lead.person.ids:
                for each in lead.person.ids:
                    titles[each] |= lead.person.titles
        return cls(titles=titles)

    def same(self, row: Person, lead: Known) -> bool | None:
        """None where one of them has no offer, or nothing says which title the id has."""
        sure, ids = same_offer(row, lead.person), lead.person.ids
        if sure is not None or not row.titles or not ids:
            return sure
        theirs = frozenset[str]().union(*(self.titles.get(each, ()) for each in ids))
        if theirs & row.titles:
            return True
        is_title = " " in lead.offer.strip()
        seen_with_others = any(row.titles & titles for titles in self.titles.values())
        return False if theirs or is_title or seen_with_others else None


def stripped_matches(
    rows: Sequence[Row], leads: Sequence[Known], offers: Offers | None = None
) -> list[tuple[int, int]]:
    """Rows that may be leads whose personal data is gone: of no other offer, at most a day apart, the nearest first.

    Each lead is one row's at most. A row without a date may be any of those that are left. No time speaks for it, so
    its offer is compared also where only `offers` can do that.
    """
    offers = offers or Offers()
    nearest = _Nearest(leads, sorted(range(len(leads)), key=lambda place: leads[place].at))
    possible: list[tuple[timedelta, int, int]] = []
    for number, row in enumerate(rows):
        who = person_of(row)
        for place in nearest.to(row):
            _, day, _ = _nearness(row, leads[place].at)
            if day and same_offer(who, leads[place].person) is not False:
                possible.append((apart(row, leads[place].at), number, place))
    dated = [(number, place) for _, number, place in _one_to_one(sorted(possible))]
    left = {*range(len(leads))} - {place for _, place in dated}
    return [*dated, *_undated(rows, leads, sorted(left), offers)]


def _undated(
    rows: Sequence[Row], leads: Sequence[Known], left: Iterable[int], offers: Offers
) -> Iterator[tuple[int, int]]:
    """The rows without a date, each with a lead that is left: first of the same offer, then of one that may be it."""
    by_offer: dict[str, list[int]] = defaultdict(list)
    for place in left:
        by_offer[leads[place].offer].append(place)
    waiting = {number: person_of(row) for number, row in enumerate(rows) if row.at is None}
    for wanted in (True, None):
        for number, who in [*waiting.items()]:
            places = next(
                (some for some in by_offer.values() if some and offers.same(who, leads[some[0]]) is wanted), []
            )
            if places:
                del waiting[number]
                yield number, places.pop(0)


def _one_to_one(pairs: Iterable[P]) -> Iterator[P]:
    """The pairs whose row and lead, their last two, are in no pair before them."""
    rows, leads = set[int](), set[int]()
    for pair in pairs:
        row, lead = pair[-2:]
        if row not in rows and lead not in leads:
            rows.add(row)
            leads.add(lead)
            yield pair


_ANYBODY = "anybody"


def _index(leads: Sequence[Known]) -> dict[str, _Nearest]:
    places: dict[str, list[int]] = defaultdict(list)
    for place in sorted(range(len(leads)), key=lambda place: leads[place].at):
        # A lead that names nobody would be the partner of any row of its hour.
        if not leads[place].is_stripped and not leads[place].person.is_nobody:
            for key in (_ANYBODY, *_keys(leads[place].person)):
                places[key].append(place)
    return {key: _Nearest(leads, found) for key, found in places.items()}


def _looked_up(who: Person) -> list[str]:
    """The keys under which the leads stand that can be the row's. A row that names nobody can be anybody's."""
    return _keys(who) or [_ANYBODY]


def _keys(who: Person) -> list[str]:
    kinds = {"address": who.address, "name": who.name, "organization": who.organization}
    return [f"{kind} {text}" for kind, text in kinds.items() if text]
