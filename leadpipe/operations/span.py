"""Reads and words spans of time: what `--since` means, and how long something took."""

from datetime import UTC, date, datetime, time

from leadpipe.model.duration import duration_of
from leadpipe.model.lead_id import EPOCH


def since_of(text: str, now: datetime) -> datetime:
    """The start of the span: so long before now, or a UTC day or time, from 1970 on. Raises ValueError."""
    try:
        back = duration_of(text.strip())
        start = _at(text) if back is None else now - back
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is neither a time back like 7d, 24h or 30m nor a day like 2026-11-01") from error
    if start > now:
        raise ValueError(f"{text!r} is in the future")
    return max(start, EPOCH)


def moment(at: datetime) -> str:
    """The time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def _at(text: str) -> datetime:
    at = datetime.fromisoformat(text.strip())
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def day_of(text: str) -> datetime:
    """The start of that UTC day, which is not before 1970. Raises ValueError."""
    try:
        return max(datetime.combine(date.fromisoformat(text.strip()), time(), UTC), EPOCH)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a day like 2026-11-01") from error
