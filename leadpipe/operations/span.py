"""Reads and words spans of time: what `--since` means, and how long something took."""

from datetime import UTC, date, datetime, time, timedelta

from leadpipe.model.duration import duration_of


def since_of(text: str, now: datetime) -> datetime:
    """The start of the span: so long before now, or a UTC day or time. Raises ValueError."""
    try:
        back = duration_of(text.strip())
        start = _at(text) if back is None else now - back
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is neither a time back like 7d, 24h or 30m nor a day like 2026-11-01") from error
    if start > now:
        raise ValueError(f"{text!r} is in the future")
    return start


def moment(at: datetime) -> str:
    """The time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def in_words(span: timedelta) -> str:
    """The span's two largest units: `3d 4h`, `12m 5s`, `0.8s`."""
    seconds = span.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f}s"
    for unit, size, next_unit, next_size in (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} {int(seconds % size // next_size)}{next_unit}"
    raise AssertionError(span)


def _at(text: str) -> datetime:
    at = datetime.fromisoformat(text.strip())
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def day_of(text: str) -> datetime:
    """The start of that UTC day. Raises ValueError."""
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time(), UTC)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a day like 2026-11-01") from error
