"""How pages word and draw values: times, states, spans."""

from datetime import UTC, datetime, timedelta

from leadpipe.model.duration import in_words
from leadpipe.model.record import OPEN, State

_SHORT = timedelta(minutes=1)
# The mark of each state: a colour and a sign, never the colour alone.
_KINDS = {State.WRITTEN: "good", State.MERGED: "good", State.POISONED: "bad", State.REJECTED: "still"}


def kind_of(state: str) -> str:
    """The style of a state: good, wait, bad or still."""
    if state in {str(each) for each in OPEN}:
        return "wait"
    return _KINDS.get(State(state), "still") if state in {*map(str, State)} else "still"


def when(at: datetime | None, now: datetime) -> str:
    """The time in UTC, without what is plain from today's date."""
    if at is None:
        return "–"
    there = at.astimezone(UTC)
    days = (now.astimezone(UTC).date() - there.date()).days
    if days == 0:
        return f"{there:%H:%M}"
    if days == 1:
        return f"yesterday {there:%H:%M}"
    return f"{there.day} {there:%b %H:%M}" if 0 < days < 300 else f"{there:%Y-%m-%d %H:%M}"


def ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "never"
    span = now - at
    if span < _SHORT:
        return f"{max(0, int(span.total_seconds()))}s ago"
    return f"{in_words(span)} ago"


def sentence(text: str) -> str:
    """With a capital at its beginning."""
    return text[:1].upper() + text[1:]


def number(count: int) -> str:
    return f"{count:,}"


def counted(count: int, word: str) -> str:
    """`1 lead`, `1,200 leads`."""
    return f"{number(count)} {word}" if count == 1 else f"{number(count)} {word}s"
