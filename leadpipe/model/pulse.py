"""The pulse: what the sweep counts now and then and remembers, so that each sweep reads little.

Every five minutes: the line `pipeline_state`. Every hour: what is poisoned or damaged beyond the days that each sweep
reads. Every day: how many leads the day before had, which gives the usual gap between two leads.
docs/decisions/0012 has the costs.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from leadpipe.model.lead_id import ONE_DAY
from leadpipe.model.record import LONGEST_TEXT, PERSON_UNREAD, Record, State
from leadpipe.model.waiting import Tallies, Tally

BEAT = timedelta(minutes=5)
COUNT = timedelta(hours=1)
# The usual gap: over so many days, at least so many leads, and never less than a day.
DAYS = 90
FEWEST_LEADS = 5
SHORTEST_USUAL_GAP = ONE_DAY
QUANTILE = 0.99
# Names of sources, actions and unread keys that are remembered. More than that is not a vocabulary.
MOST_NAMES = 200
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9 ()._-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The leads of customers of one UTC day. `gap`: how long no lead had come before one of them, if a day or more."""

    leads: int
    gap: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDay:
    """The leads received in the last 24 hours, and how long it took to write them, in seconds; None if none is."""

    accepted: int = 0
    written: int = 0
    p50: float | None = None
    p95: float | None = None
    slowest: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What is read every five minutes. `queue`, `poison_queue`: their depths. `without_record`: messages on the queue.

    `rejected`: posts of today that were not leads. `last_lead`: when the last lead of a customer was received.
    `wrong_keys`: posts of the last day with a wrong key since then, the first of them at `wrong_key_at`.
    """

    queue: int = 0
    without_record: int = 0
    poison_queue: int = 0
    rejected: int = 0
    last_lead: datetime | None = None
    wrong_keys: int = 0
    wrong_key_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """`at`: when the sweep last wrote its line. `counted_at`: when it last counted. `counted_before`: what was received
    before that UTC day is in `older`, the poisoned leads and those that a person has to complete.

    `damaged`: a line for each damaged row that the count found, by table. `days`: the days before `days_until`, at most
    90. `last_lead`: when the last lead of those days was received. `names`: the sources, actions and unread keys seen.
    `first_day`: the day of the ledger's oldest record, None while it is unknown.
    `version` is the store's tag.
    """

    at: datetime | None = None
    beat: Beat = Beat()
    counted_at: datetime | None = None
    counted_before: date | None = None
    older: tuple[Tally, ...] = ()
    damaged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    last_day: LastDay = LastDay()
    days_until: date | None = None
    days: Mapping[date, Day] = field(default_factory=dict)
    last_lead: datetime | None = None
    names: frozenset[str] = frozenset()
    first_day: date | None = None
    version: str | None = field(default=None, compare=False)

    @property
    def tallies(self) -> Tallies:
        return {(tally.state, tally.reason): tally for tally in self.older}

    @property
    def usual_gap(self) -> timedelta | None:
        """How long it takes at most until the next lead, 99 times of 100; None while too few leads have come.

        Gaps of less than a day count as a day.
        """
        leads = sum(day.leads for day in self.days.values())
        if leads < FEWEST_LEADS:
            return None
        long_ones = sorted((day.gap for day in self.days.values() if day.gap), reverse=True)
        longer = int((leads - 1) * (1 - QUANTILE))  # so many gaps of 100 may be longer than the usual one
        return max(long_ones[longer] if longer < len(long_ones) else SHORTEST_USUAL_GAP, SHORTEST_USUAL_GAP)

    def with_days(self, until: date, records: Iterable[Record]) -> "Pulse":
        """The pulse with the records of the days from `days_until` until before `until`."""
        days = {day: known for day, known in self.days.items() if day >= until - timedelta(days=DAYS)}
        last = self.last_lead
        for at in sorted(record.received_at for record in records if is_of_a_customer(record)):
            gap = at - last if last else timedelta(0)
            known = days.get(at.date(), Day(leads=0))
            days[at.date()] = Day(leads=known.leads + 1, gap=max(known.gap, gap if gap >= ONE_DAY else timedelta(0)))
            last = at
        return replace(self, days=days, days_until=until, last_lead=last)

    def to_text(self) -> str:
        """JSON that fits into a cell of the store: of too many groups or names the last ones are left out."""
        kept = self
        while len(text := kept._whole_text()) > LONGEST_TEXT:
            kept = kept._smaller()
        return text

    def _whole_text(self) -> str:
        return json.dumps({name: _plain(getattr(self, name)) for name in _FIELDS}, separators=(",", ":"))

    def _smaller(self) -> "Pulse":
        if self.damaged or self.older:
            return replace(self, damaged={}, older=self.older[: len(self.older) // 2])
        if self.names:
            return replace(self, names=frozenset(sorted(self.names)[: len(self.names) // 2]))
        return Pulse(at=self.at)

    @classmethod
    def from_text(cls, text: str, version: str | None) -> "Pulse":
        """The pulse; an empty one for a text that is not one, because all of it can be counted again.

        Checks each value: one of another type would fail each sweep that adds it up, and none would replace it.
        """
        try:
            found = json.loads(text)
            return cls(version=version, **{name: read(found.get(name)) for name, read in _FIELDS.items()})
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return cls(version=version)


def is_of_a_customer(record: Record) -> bool:
    """Whether a customer's lead was received: no test lead, no canary, nothing that was not a lead."""
    return not record.is_test and record.state is not State.REJECTED


def names_of(record: Record) -> set[str]:
    """The words of the marketplace in a lead that leadpipe has to know: `source AppSource`, `action INS`, `key Title`.

    A key is one that was posted and not read. A text that is not like such a word is left out: it may be anything.
    """
    unread = record.detail.partition(";")[0].split(", ") if record.reason == PERSON_UNREAD else []
    words = [("source", record.source), ("action", record.action), *(("key", key) for key in unread)]
    return {f"{what} {word}" for what, word in words if _WORD.fullmatch(word)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Tally | LastDay | Day | Beat):
        return {cell.name: _plain(getattr(value, cell.name)) for cell in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(cell) for key, cell in value.items()}
    if isinstance(value, tuple | frozenset):
        return [_plain(cell) for cell in value]
    return value


def _time(cell: Any) -> datetime:
    at = datetime.fromisoformat(cell)
    if at.tzinfo is None:
        raise ValueError(cell)
    return at


def _number(cell: Any) -> int:
    if type(cell) is not int or cell < 0:
        raise ValueError(cell)
    return cell


def _seconds(cell: Any) -> float:
    return timedelta(seconds=cell).total_seconds()


def _text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError(cell)
    return cell


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda cell: None if cell is None else read(cell)


def _made_of(kind: Callable[..., Any], **readers: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Reads an object that has these fields. Fields of a newer leadpipe are left out."""
    return lambda cell: kind(**{name: read(cell[name]) for name, read in readers.items()})


def _list_of(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read_all(cell: Any) -> tuple[Any, ...]:
        if not isinstance(cell, list):
            raise TypeError(cell)
        return tuple(map(read, cell))

    return read_all


_tally = _made_of(
    Tally,
    state=State,
    reason=_text,
    leads=_number,
    oldest=_time,
    failing=_number,
    failing_since=_optional(_time),
    overdue=_number,
    overdue_since=_optional(_time),
    tried_at=_time,
)
_beat = _made_of(
    Beat,
    queue=_number,
    without_record=_number,
    poison_queue=_number,
    rejected=_number,
    last_lead=_optional(_time),
    wrong_keys=_number,
    wrong_key_at=_optional(_time),
)
_last_day = _made_of(
    LastDay,
    accepted=_number,
    written=_number,
    p50=_optional(_seconds),
    p95=_optional(_seconds),
    slowest=_optional(_seconds),
)
_of_a_day = _made_of(Day, leads=_number, gap=lambda cell: timedelta(seconds=cell))

_FIELDS: dict[str, Callable[[Any], Any]] = {
    "at": _optional(_time),
    "beat": _beat,
    "counted_at": _optional(_time),
    "counted_before": _optional(date.fromisoformat),
    "older": _list_of(_tally),
    "damaged": lambda cell: {table: _list_of(_text)(rows) for table, rows in cell.items()},
    "last_day": _last_day,
    "days_until": _optional(date.fromisoformat),
    "days": lambda cell: {date.fromisoformat(day): _of_a_day(known) for day, known in cell.items()},
    "last_lead": _optional(_time),
    "names": lambda cell: frozenset(_list_of(_text)(cell)),
    "first_day": _optional(date.fromisoformat),
}
