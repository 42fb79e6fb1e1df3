"""Checks what waits for a person: all that `status` exits with 1 for, unless another check has shown it."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from leadpipe.model.duration import in_words
from leadpipe.model.errors import StorageFailed
from leadpipe.operations.doctor.finding import Finding, of_failure, ok, warning
from leadpipe.operations.status import Status, status_of
from leadpipe.operations.target import Target

ATTENTION = "attention"
# Other checks look at these.
_SHOWN = frozenset({"setting", "mapping", "switched_off", "credential", "poison_queue"})
_SPAN = timedelta(days=7)


def look_at_attention(
    target: Target, environment: Mapping[str, str], at: datetime, *, shown: Collection[str]
) -> Iterator[Finding]:
    """`shown`: the reasons that other checks have shown; where something failed, all that blocks leads."""
    try:
        status = status_of(target, environment, since=at - _SPAN, at=at)
    except StorageFailed as error:
        yield of_failure(ATTENTION, error)
        return
    needed = [each for each in status.attention if not {each.reason, each.about} & {*_SHOWN, *shown}]
    if not status.attention:
        yield ok(ATTENTION, _calm(status))
    elif not needed:
        yield ok(ATTENTION, f"shown above: {'; '.join(each.says for each in status.attention)}")
    for each in needed:
        yield warning(ATTENTION, each.says, each.fix, reason=each.reason)


def _calm(status: Status) -> str:
    facts = status.facts
    last = (
        f"the last lead came {in_words(facts.at - facts.last_lead)} ago" if facts.last_lead else "no lead has come yet"
    )
    usual = f", at most {in_words(facts.usual_gap)} pass usually" if facts.usual_gap else ""
    swept = f"; the sweep ran {in_words(facts.at - facts.swept_at)} ago" if facts.swept_at else ""
    return f"nothing waits for a person: {last}{usual}{swept}"
