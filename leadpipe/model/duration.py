"""Reads durations as settings and options have them: `90s`, `30m`, `12h`, `7d`."""

import re
from datetime import timedelta

_DURATION = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration_of(text: str) -> timedelta | None:
    """None if the text is not a duration."""
    found = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None
