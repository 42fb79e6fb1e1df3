"""The pulse: what the sweep counts now and then and remembers, so that each sweep reads little.

Every five minutes: the line `pipeline_state`. Every hour: what is poisoned or damaged beyond the days that each sweep
reads. Every day: how many leads the day before had, which gives the usual gap between two leads.
docs/decisions/0012 has the costs.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from leadpipe.model.lead_id import ONE_DAY
from leadpipe.model.record import PERSON_UNREAD, Record, State
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
        return json.dumps({name: _plain(getattr(self, name)) for name in _FIELDS}, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str, version: str | None) -> "Pulse":
        """The pulse; an empty one for a text that is not one, because all of it can be counted again."""
        try:
            found = json.loads(text)
            return cls(version=version, **{name: read(found[name]) for name, read in _FIELDS.items()})
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
        return {name: _plain(cell) for name, cell in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(cell) for key, cell in value.items()}
    if isinstance(value, tuple | frozenset):
        return [_plain(cell) for cell in value]
    return value


def _time(cell: Any) -> datetime | None:
    return None if cell is None else datetime.fromisoformat(cell)


def _day(cell: Any) -> date | None:
    return None if cell is None else date.fromisoformat(cell)


def _tally(cell: Any) -> Tally:
    times = ("oldest", "failing_since", "overdue_since", "tried_at")
    return Tally(**{**cell, "state": State(cell["state"]), **{name: _time(cell[name]) for name in times}})


_FIELDS: dict[str, Callable[[Any], Any]] = {
    "at": _time,
    "beat": lambda cell: Beat(**{**cell, **{name: _time(cell[name]) for name in ("last_lead", "wrong_key_at")}}),
    "counted_at": _time,
    "counted_before": _day,
    "older": lambda cell: tuple(map(_tally, cell)),
    "damaged": lambda cell: {str(table): tuple(map(str, rows)) for table, rows in cell.items()},
    "last_day": lambda cell: LastDay(**cell),
    "days_until": _day,
    "days": lambda cell: {
        date.fromisoformat(day): Day(leads=int(known["leads"]), gap=timedelta(seconds=known["gap"]))
        for day, known in cell.items()
    },
    "last_lead": _time,
    "names": lambda cell: frozenset(map(str, cell)),
}
