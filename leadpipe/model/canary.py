"""Keeps account of the canaries: when one is due, what became of the last one, and what a person has to do about it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from leadpipe.model.attention import Attention
from leadpipe.model.canary_form import PATIENCE
from leadpipe.model.record import CANARY, QUEUED, Record, State
from leadpipe.model.settings import CANARY_EVERY, CANARY_URL, Settings

# After a failure the next one is posted so much sooner, so that its end is seen soon.
AFTER_A_FAILURE = timedelta(hours=1)
# How far the clock of the machine that posted last may be ahead of this one's.
CLOCKS_APART = timedelta(minutes=5)
# The steps that can fail. A canary that delivery tried fails with `canary_` and the reason of its deferral.
UNREACHABLE = "canary_unreachable"
REFUSED = "canary_refused"
NOT_DELIVERED = "canary_not_delivered"
NOT_POSTED = "canary_not_posted"
# In the detail of NOT_DELIVERED: this ledger has no such lead.
NO_RECORD = "no_record"
_MINUTES = PATIENCE // timedelta(minutes=1)
_LEADS_TOO = "a customer's lead would fare the same"


class CanaryState(StrEnum):
    """Where the last canary is."""

    POSTING = "posting"  # a sweep is about to post it
    OUT = "out"  # the endpoint took it
    BACK = "back"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryMark:
    """The last canary. `state` None: none was posted yet. `version` is the store's tag of the row as it was read.

    `step`, `detail` and `failing_since` are those of the last one that failed, until one comes back; so they last while
    the next one is out. `failing_since` is when the first of those that failed in a row was posted.
    """

    state: CanaryState | None = None
    posted_at: datetime | None = None
    lead_id: str = ""
    ended_at: datetime | None = None
    step: str = ""
    detail: str = ""
    failing_since: datetime | None = None
    version: str | None = field(default=None, compare=False)

    def begun(self, at: datetime) -> Self:
        return replace(self, state=CanaryState.POSTING, posted_at=at, lead_id="", ended_at=None)

    def out(self, lead_id: str) -> Self:
        return replace(self, state=CanaryState.OUT, lead_id=lead_id)

    def back(self, at: datetime) -> Self:
        return replace(self, state=CanaryState.BACK, ended_at=at, step="", detail="", failing_since=None)

    def failed(self, step: str, detail: str, at: datetime) -> Self:
        since = self.failing_since or self.posted_at or at
        return replace(self, state=CanaryState.FAILED, ended_at=at, step=step, detail=detail, failing_since=since)

    @property
    def took(self) -> timedelta | None:
        """How long it took to come back or to fail; None while it is out."""
        return self.ended_at - self.posted_at if self.ended_at and self.posted_at else None


def is_due(mark: CanaryMark, at: datetime, every: timedelta) -> bool:
    """Whether to post one. A mark of the future, from a wrong clock, holds none back."""
    if mark.posted_at is None or mark.posted_at > at + CLOCKS_APART:
        return True
    if mark.state is CanaryState.OUT:
        return False  # first it has to come back, or fail
    wait = {CanaryState.POSTING: PATIENCE, CanaryState.FAILED: min(every, AFTER_A_FAILURE)}
    return at - mark.posted_at >= wait.get(mark.state or CanaryState.BACK, every)


def judged(mark: CanaryMark, record: Record | None, at: datetime) -> CanaryMark:
    """The mark of a canary that is out, once it has come back or failed; before that the same mark."""
    if record is not None and (record.state is State.WRITTEN or record.reason == CANARY):
        return mark.back(record.updated_at)
    is_open = record is None or record.state in QUEUED
    if is_open and mark.posted_at is not None and at - mark.posted_at < PATIENCE:
        return mark
    return mark.failed(*_step_of(record), at)


def _step_of(record: Record | None) -> tuple[str, str]:
    """The step that failed, with its detail."""
    if record is None:
        return NOT_DELIVERED, NO_RECORD
    reason, detail = record.reason, record.detail
    if record.state is State.KEPT:
        reason, _, detail = record.detail.partition(": ")
    return (f"canary_{reason}", detail) if reason else (NOT_DELIVERED, str(record.state))


def canary_attention(mark: CanaryMark, at: datetime, settings: Settings) -> list[Attention]:
    """What a person has to do: about the last canary, or about settings that keep it from being posted."""
    faulty = next((fault for fault in settings.faults if fault.setting in {CANARY_EVERY, CANARY_URL}), None)
    if faulty is not None:
        says = f"no canary is posted: {faulty}"
        return [Attention(reason="canary", about="settings", says=says, fix=f"correct {faulty.setting}")]
    if settings.canary is None:
        return []
    if mark.step:
        return [_attention(mark.step, mark.detail, mark.failing_since)]
    overdue_at = mark.posted_at and mark.posted_at + settings.canary.every + AFTER_A_FAILURE
    if overdue_at and at > overdue_at:
        return [_attention(NOT_POSTED, "", overdue_at)]
    return []


def _attention(step: str, detail: str, since: datetime | None) -> Attention:
    says, fix = _words(step, detail)
    return Attention(reason="canary", about=step, says=says, fix=fix, since=since)


def _words(step: str, detail: str) -> tuple[str, str]:
    """What is wrong, and what fixes it."""
    match step:
        case "canary_unreachable":
            says = f"the canary could not be posted: {detail or 'no answer'}; {_LEADS_TOO}"
            return says, f"see whether the app runs, and whether {CANARY_URL} has its address"
        case "canary_refused":
            return f"the endpoint refused the canary ({detail}); {_LEADS_TOO}", _fix_of_refusal(detail)
        case "canary_not_delivered" if detail == NO_RECORD:
            says = "the endpoint took the canary, and this ledger does not have it"
            return says, f"see whether {CANARY_URL} names this app and no other; then `leadpipe doctor`"
        case "canary_not_delivered":
            says = f"the canary was accepted and not tried within {_MINUTES} minutes; {_LEADS_TOO}"
            return says, "`leadpipe doctor` says whether the function deliver is switched off"
        case "canary_not_posted":
            return "no canary was posted when one was due", "see whether the function sweep runs, and its log"
        case _:
            why = ": ".join(filter(None, (step.removeprefix("canary_"), detail)))
            says = f"the canary was not through within {_MINUTES} minutes ({why}); {_LEADS_TOO}"
            return says, "`leadpipe doctor` says what is wrong on the way into Dynamics"


def _fix_of_refusal(answer: str) -> str:
    fixes = {
        "401": f"put a key that the endpoint takes into {CANARY_URL}, and look at the one in Partner Center",
        "403": "start the app in the portal, or look at its access restrictions",
        "503": "`leadpipe doctor` says what is wrong with the storage account",
    }
    other = f"correct {CANARY_URL}: it ends in /api/leads and its key; or publish the app"
    return fixes.get(answer.partition(" ")[0], other)
