"""Reads dates as Partner Center, Excel and people write them into a CSV file.

Excel saves a date in the form of the machine's region, or as a serial number: days since 1899-12-30.
https://support.microsoft.com/office/datevalue-function-df8b07d4-7761-4a93-bc33-b7471bbff252
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum

from leadpipe.model.lead_id import can_be_received

_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
_DAY_AND_NAME = re.compile(r"(\d{1,2})[ -]([A-Za-z]{3,9})\.?,?[ -](\d{4}|\d{2})")
_NAME_AND_DAY = re.compile(r"([A-Za-z]{3,9})\.?[ -](\d{1,2}),?[ -](\d{4}|\d{2})")
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? ", re.IGNORECASE)
_SERIAL = re.compile(r"(\d{5})(?:[.,](\d+))?")
_TIME = re.compile(
    r"(?:T|,? | at )(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?: ?([AaPp])\.?[Mm]\.?)?"
    r" ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?(?: UTC| ?\(UTC\))?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SERIAL_ZERO = date(1899, 12, 30)
_LONGEST = 64


class Order(StrEnum):
    """Which comes first in a date such as 03/04/2026."""

    MONTH_FIRST = "month-first"
    DAY_FIRST = "day-first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time in UTC. `has_time`: the cell had more than a day."""

    at: datetime
    has_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a column's dates are read. `doubtful`: how many of them could be read in the other order as well."""

    order: Order
    doubtful: int = 0


def moment_of(cell: str, order: Order) -> Moment | None:
    """The time that the cell names; None for anything else. A time without a zone is UTC."""
    text = _plain(cell)
    if len(text) > _LONGEST:
        return None
    try:
        return _of_serial(text) or _of_date(text, order)
    except (ValueError, OverflowError):  # there is no such day or time
        return None


def reading_of(cells: Iterable[str], now: datetime) -> Reading:
    """Finds out in which order the column's dates are written: by those that only one order makes possible.

    A lead of the future, or of before the marketplace had leads, is not possible. Where the dates decide nothing, the
    month comes first, as in the files that Microsoft documents, and `doubtful` counts them.
    """
    votes: Counter[Order] = Counter()
    undecided = 0
    for cell in cells:
        possible = _possible(cell, now)
        if len(possible) == 1:
            votes[possible[0]] += 1
        undecided += len(possible) == len(Order)
    order = max(Order, key=lambda each: votes[each])
    return Reading(order=order, doubtful=undecided if len(votes) != 1 else 0)


def _possible(cell: str, now: datetime) -> list[Order]:
    """The orders in which the cell is a possible date; none where the order makes no difference."""
    moments = {order: moment_of(cell, order) for order in Order}
    found = _YEAR_LAST.match(_plain(cell))
    if found is None or found[2] == "." or found[1] == found[3] or None in moments.values():
        return []
    if int(found[1]) > 12 or int(found[3]) > 12:
        return [Order.DAY_FIRST if int(found[1]) > 12 else Order.MONTH_FIRST]
    return [order for order, moment in moments.items() if moment and can_be_received(moment.at, now)]


def _plain(cell: str) -> str:
    """The cell with one blank for several, and without a weekday."""
    return _WEEKDAY.sub("", " ".join(cell.split()), count=1)


def _of_serial(text: str) -> Moment | None:
    found = _SERIAL.fullmatch(text)
    if found is None:
        return None
    seconds = round(float(f"0.{found[2] or 0}") * timedelta(days=1).total_seconds())
    day = datetime.combine(_SERIAL_ZERO + timedelta(days=int(found[1])), time(), UTC)
    return Moment(at=day + timedelta(seconds=seconds), has_time=bool(found[2]))


def _of_date(text: str, order: Order) -> Moment | None:
    found, day = _day(text, order)
    if found is None or day is None:
        return None
    rest = text[found.end() :]
    clock = _TIME.fullmatch(rest) if rest else None
    if rest and clock is None:
        return None
    at = datetime.combine(day, _time(clock) if clock else time(), _zone(clock[5]) if clock else UTC)
    return Moment(at=at.astimezone(UTC), has_time=clock is not None)


def _day(text: str, order: Order) -> tuple[re.Match[str] | None, date | None]:
    if found := _YEAR_FIRST.match(text):
        return found, date(int(found[1]), int(found[2]), int(found[3]))
    if found := _YEAR_LAST.match(text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        day_first = found[2] == "." or (order is Order.DAY_FIRST and second <= 12) or first > 12
        day, month = (first, second) if day_first else (second, first)
        return found, date(_year(year), month, day)
    if found := _DAY_AND_NAME.match(text):
        return found, date(_year(int(found[3])), _month(found[2]), int(found[1]))
    if found := _NAME_AND_DAY.match(text):
        return found, date(_year(int(found[3])), _month(found[1]), int(found[2]))
    return None, None


def _year(number: int) -> int:
    return number if number > 99 else 2000 + number


def _month(name: str) -> int:
    return _MONTHS.index(name[:3].lower()) + 1


def _time(found: re.Match[str]) -> time:
    hour = int(found[1])
    if found[4]:
        if not 1 <= hour <= 12:
            raise ValueError(found[0])
        hour = hour % 12 + (12 if found[4] in "pP" else 0)
    return time(hour, int(found[2]), int(found[3] or 0))


def _zone(text: str | None) -> timezone:
    if not text or text[0] not in "+-":
        return UTC
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(ahead if text[0] == "+" else -ahead)
