"""Checks the last leads: some faults, such as those of plug-ins, show nowhere else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from leadpipe.model.duration import in_words
from leadpipe.model.errors import StorageFailed
from leadpipe.model.ports import Ledger
from leadpipe.model.reasons import BLOCKED
from leadpipe.model.record import OPEN, Record, State
from leadpipe.operations.causes import cause_of, with_detail
from leadpipe.operations.doctor.finding import Finding, of_failure, ok, warning
from leadpipe.operations.ledger_pages import newest_first
from leadpipe.operations.span import moment

LAST_LEAD = "last lead"
LAST_TEST_LEAD = "last test lead"
LAST = frozenset({LAST_LEAD, LAST_TEST_LEAD})
_DAYS = timedelta(days=30)


def look_at_ledger(ledger: Ledger, at: datetime, *, something_failed: bool) -> Iterator[Finding]:
    """Checks the last lead and the last test lead. `something_failed`: the reason for waiting was shown already."""
    try:
        lead, test_lead = last_ones(ledger, at)
    except StorageFailed as error:
        yield of_failure(LAST_LEAD, error)
        return
    yield of_last(LAST_LEAD, lead, at, something_failed=something_failed)
    # A fault is reported once, for the later of the two.
    newest = max((found for found in (lead, test_lead) if found), key=lambda found: found.lead_id, default=None)
    yield of_last(LAST_TEST_LEAD, test_lead, at, something_failed=something_failed or test_lead is not newest)


def last_ones(ledger: Ledger, at: datetime) -> tuple[Record | None, Record | None]:
    """The last lead of a customer and the last test lead; None where the last 30 days have none."""
    lead = test_lead = None
    today = at.astimezone(UTC).date()
    for record in newest_first(ledger, today - _DAYS, today):
        if record.is_canary:
            continue
        if record.is_test:
            test_lead = test_lead or record
        else:
            lead = lead or record
        if lead and test_lead:
            break
    return lead, test_lead


def of_last(check: str, record: Record | None, at: datetime, *, something_failed: bool) -> Finding:
    if record is None:
        return ok(check, f"none in the last {_DAYS.days} days")
    reason = f" ({record.reason})" if record.reason else ""
    fact = f"{in_words(at - record.received_at)} ago, {record.state}{reason}: {record.lead_id}"
    if something_failed or not _is_stuck(record):
        return ok(check, fact)
    cause = cause_of(record.reason, record.lead_id)
    why = with_detail(cause.says, record.detail)
    return warning(check, f"{fact}; {why}", _fix(record, cause.fix), reason=record.reason)


def _is_stuck(record: Record) -> bool:
    return record.state is State.POISONED or (record.state in OPEN and record.reason in BLOCKED)


def _fix(record: Record, fix: str) -> str:
    if record.state is State.POISONED or record.next_try_at is None:
        return fix
    return f"{fix}; nothing, if this was fixed since: the next try is at {moment(record.next_try_at)}"
