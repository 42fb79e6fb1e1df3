"""Reads durations as people write them, `7d`, `24h`, `30m`, `10s`, and words them."""

import re
from datetime import timedelta

_DURATION = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration_of(text: str) -> timedelta | None:
    """The duration; None for any other text."""
    found = _DURATION.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


_SIZES = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def in_words(span: timedelta) -> str:
    """The span's two largest units: `3d 4h`, `12m 5s`, `0.8s`."""
    seconds = span.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f}s"
    largest = next(place for place, (_, size) in enumerate(_SIZES) if seconds >= size)
    (unit, size), (next_unit, next_size) = _SIZES[largest : largest + 2]
    return f"{int(seconds // size)}{unit} {int(seconds % size // next_size)}{next_unit}"
