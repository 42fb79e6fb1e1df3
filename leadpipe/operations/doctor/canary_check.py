"""Shows the last canary: a lead that leadpipe posts to its own endpoint."""

from datetime import datetime

from leadpipe.model.canary import CanaryMark, CanaryState, canary_attention
from leadpipe.model.duration import in_words
from leadpipe.model.errors import StorageFailed
from leadpipe.model.ports import CanaryMarks
from leadpipe.model.settings import CANARY_EVERY, Settings
from leadpipe.operations.doctor.finding import Finding, of_failure, ok, warning

CANARY = "canary"


def look_at_canary(marks: CanaryMarks, settings: Settings, at: datetime) -> Finding:
    try:
        return of_canary(marks.read(), settings, at)
    except StorageFailed as error:
        return of_failure(CANARY, error)


def of_canary(mark: CanaryMark, settings: Settings, at: datetime) -> Finding:
    """Warns at most: what a canary fails at keeps leads out too, and has a line of its own."""
    last = _last(mark, at)
    for attention in canary_attention(mark, at, settings):
        fact = "; ".join(filter(None, (last, attention.says)))
        return warning(CANARY, fact, attention.fix, reason=attention.about)
    if settings.canary is None:
        return ok(CANARY, "; ".join(filter(None, (f"off: {CANARY_EVERY} is not set", last))))
    return ok(CANARY, last or "none was posted yet")


def _last(mark: CanaryMark, at: datetime) -> str:
    """When the last one was posted and what became of it; empty before the first."""
    if mark.posted_at is None:
        return ""
    posted = f"posted {in_words(at - mark.posted_at)} ago"
    if mark.state is CanaryState.BACK and mark.took is not None:
        return f"{posted}, back after {in_words(mark.took)}: {mark.lead_id}"
    if mark.state is CanaryState.FAILED:
        return f"{posted}, failed at {mark.step}"
    return f"{posted}, not back yet"
