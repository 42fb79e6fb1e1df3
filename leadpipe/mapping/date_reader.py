"""Reads a date of a mapping file: one that TOML writes, or `received`, or `received + 1 day`."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from leadpipe.mapping.fault import Wrong
from leadpipe.mapping.values import Date

_RECEIVED = re.compile(
    r"received(?:\s*(?P<sign>[+-])\s*(?P<count>\d{1,5})\s*(?P<unit>hour|day|week)s?)?", re.IGNORECASE
)
_MOST = timedelta(days=3650)
# The first that Dynamics stores.
_FIRST_YEAR = 1753
_WANTED = 'a date: "received", "received + 1 day" (or hours, weeks), or 2027-01-31'


def read_date(written: Any, *, with_time: bool) -> Date:
    """`with_time`: the column takes the time of day too. Raises Wrong."""
    if isinstance(written, str):
        return Date(after=_after(written), with_time=with_time, written=" ".join(written.split()))
    if not isinstance(written, date):
        raise Wrong(f"takes {_WANTED}")
    return Date(fixed=_fixed(written, with_time=with_time), with_time=with_time, written=written.isoformat())


def _after(written: str) -> timedelta:
    found = _RECEIVED.fullmatch(written.strip())
    if found is None:
        raise Wrong(f"takes {_WANTED}, not {written!r}")
    if found["count"] is None:
        return timedelta(0)
    after = timedelta(**{f"{found['unit'].lower()}s": int(found["count"])})
    if after > _MOST:
        raise Wrong(f"takes a date within {_MOST.days} days of receipt")
    return -after if found["sign"] == "-" else after


def _fixed(written: date, *, with_time: bool) -> datetime:
    if written.year < _FIRST_YEAR:
        raise Wrong(f"takes a date from the year {_FIRST_YEAR} on")
    if not isinstance(written, datetime):
        return datetime(written.year, written.month, written.day, tzinfo=UTC)
    if not with_time:
        raise Wrong(f"takes a day without a time of day: {written.date()}")
    if written.tzinfo is None:
        raise Wrong(f"is a time without its zone: write {written.isoformat()}Z for UTC")
    return written
