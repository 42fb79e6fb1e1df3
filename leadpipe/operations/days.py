"""Counts the leads of each UTC day by what became of them, and remembers it, so that no view reads all days again.

A day is read again when it has changed: when a lead came, or when one that was open or poisoned is not so any more. A
person elsewhere can also discard or erase a settled lead, so it is read again after an hour for each day of its age.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile

from leadpipe.model.latency import Latency, latency_of
from leadpipe.model.lead_id import EPOCH, ONE_DAY
from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, TO_COUNT, Record, State
from leadpipe.operations.report import outcome_of

# One view reads days until it has read so many leads; the next view goes on.
MOST_READ = 3000
# Of a day with more leads than this the others are not counted.
MOST_OF_A_DAY = 20_000
# A reading aims at so many leads, which the service gives in one answer.
_PAGE = 1000
_PER_DAY_OF_AGE = timedelta(hours=1)
# What tells that a day has changed: its newest lead if that is known, and which of its leads are unsettled, and how.
Sign = tuple[str, frozenset[tuple[str, bool]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """The customers' leads of one UTC day and its rejected posts, by outcome.

    `is_counted`: False where the day was not read yet; then `expected` is how many leads the sweep counted. `is_cut`:
    it has more leads than are counted.
    """

    day: date
    outcomes: Mapping[str, int] = field(default_factory=Counter)
    latency: Latency | None = None
    is_counted: bool = True
    is_cut: bool = False
    expected: int = 0

    @property
    def posts(self) -> int:
        return sum(self.outcomes.values()) if self.is_counted else self.expected

    @property
    def leads(self) -> int:
        return self.posts - self.outcomes.get(State.REJECTED, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    count: DayCount
    sign: Sign
    at: datetime


class DayCounts:
    """Thread-safe. Lives as long as its process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[date, _Known] = {}

    def count_again(self, days: Iterable[date]) -> None:
        """Called when a person decided about leads of these days here. What is known is shown until they are read."""
        with self._lock:
            for day in self._known.keys() & set(days):
                self._known[day] = replace(self._known[day], at=EPOCH)

    def of(
        self,
        days: Sequence[date],
        ledger: Ledger,
        *,
        signs: Mapping[date, Sign],
        expected: Mapping[date, int],
        at: datetime,
    ) -> list[DayCount]:
        """The days, which have to be given newest first. Those that this view had no time to read are not counted."""
        stale, read, at_once = [day for day in days if not self._is_fresh(day, signs, at)], 0, 1
        while stale and read < MOST_READ:
            counts, rows = _read(ledger, _together(stale[:at_once]))
            self._keep(counts, signs, at)
            stale, read = stale[len(counts) :], read + rows
            at_once = max(1, len(counts) * _PAGE // max(rows, _PAGE // 4))
        return [self._count(day, expected) for day in days]

    def _is_fresh(self, day: date, signs: Mapping[date, Sign], at: datetime) -> bool:
        with self._lock:
            known = self._known.get(day)
        age = (at.astimezone(UTC).date() - day).days
        return (
            known is not None and known.sign == _sign_of(day, signs) and at - known.at < max(1, age) * _PER_DAY_OF_AGE
        )

    def _keep(self, counts: Iterable[DayCount], signs: Mapping[date, Sign], at: datetime) -> None:
        with self._lock:
            for count in counts:
                self._known[count.day] = _Known(count=count, sign=_sign_of(count.day, signs), at=at)

    def _count(self, day: date, expected: Mapping[date, int]) -> DayCount:
        with self._lock:
            known = self._known.get(day)
        return known.count if known else DayCount(day=day, is_counted=False, expected=expected.get(day, 0))


def signs_of(unsettled: Iterable[Record], newest: Record | None) -> dict[date, Sign]:
    """By day. `unsettled`: all leads of these days that are; `newest`: the last lead of today."""
    found: dict[date, set[tuple[str, bool]]] = {}
    for record in unsettled:
        found.setdefault(record.received_at.date(), set()).add((record.lead_id, record.state in OPEN))
    signs: dict[date, Sign] = {day: ("", frozenset(leads)) for day, leads in found.items()}
    if newest is not None:
        day = newest.received_at.date()
        signs[day] = newest.lead_id, signs.get(day, _NOTHING)[1]
    return signs


_NOTHING: Sign = "", frozenset()


def _sign_of(day: date, signs: Mapping[date, Sign]) -> Sign:
    return signs.get(day, _NOTHING)


def _together(stale: Sequence[date]) -> list[date]:
    """The first of these days, newest first, without a gap between them."""
    return [day for place, day in takewhile(lambda item: item[1] == stale[0] - item[0] * ONE_DAY, enumerate(stale))]


def _read(ledger: Ledger, span: Sequence[date]) -> tuple[list[DayCount], int]:
    """Counts the days of the span, or its newest one alone where that one has enough leads; and how many it read."""
    found: dict[date, list[Record]] = {day: [] for day in span}
    rows = 0
    for record in islice(ledger.between(span[-1], span[0], fields=TO_COUNT, damage=[]), MOST_OF_A_DAY):
        rows += 1
        found[record.received_at.date()].append(record)
    is_cut = rows == MOST_OF_A_DAY
    if is_cut and len(span) > 1:
        return _read(ledger, span[:1])
    return [_count_of(day, listed, is_cut=is_cut) for day, listed in found.items()], rows


def _count_of(day: date, records: Iterable[Record], *, is_cut: bool) -> DayCount:
    counted = [record for record in records if not record.is_test]
    took = (record.written_at - record.received_at for record in counted if record.written_at)
    return DayCount(
        day=day,
        outcomes=Counter(outcome_of(record.state) for record in counted),
        latency=latency_of(max(span, timedelta(0)) for span in took),
        is_cut=is_cut,
    )
