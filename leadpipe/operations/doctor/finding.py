"""Defines a finding: one line of the doctor, with what was seen and what to do about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from leadpipe.dataverse.inspection import NotReadable
from leadpipe.model.errors import DeliveryFailed, LeadpipeError
from leadpipe.operations.causes import cause_of, fix_now, with_detail


class CheckResult(StrEnum):
    OK = "ok"
    FAILED = "failed"  # a lead would not get through
    WARNING = "warning"  # it would, and yet a person should look at this
    SKIPPED = "skipped"  # not looked at; the fact says why


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`check` names what was looked at; `reason` is that of the ledger, where it has one."""

    check: str
    result: CheckResult
    fact: str
    fix: str = ""
    reason: str = ""


def ok(check: str, fact: str) -> Finding:
    return Finding(check=check, result=CheckResult.OK, fact=fact)


def failed(check: str, fact: str, fix: str, reason: str = "") -> Finding:
    return Finding(check=check, result=CheckResult.FAILED, fact=fact, fix=fix, reason=reason)


def warning(check: str, fact: str, fix: str, reason: str = "") -> Finding:
    return Finding(check=check, result=CheckResult.WARNING, fact=fact, fix=fix, reason=reason)


def skipped(check: str, why: str) -> Finding:
    return Finding(check=check, result=CheckResult.SKIPPED, fact=f"not looked at: {why}")


def not_looked_at(checks: Iterable[str], why: str) -> list[Finding]:
    return [skipped(check, why) for check in checks]


def of_failure(check: str, error: LeadpipeError, result: CheckResult = CheckResult.FAILED) -> Finding:
    """The finding for a failure, in the words that `status` and `show` use for it."""
    fact = with_detail(cause_of(error.slug).says, error.detail)
    return Finding(check=check, result=result, fact=fact, fix=fix_now(error.slug), reason=error.slug)


def where_readable(check: str, look: Callable[[], Finding]) -> Finding:
    """What the look found; skipped where the role may not read it, which says nothing about leads."""
    try:
        return look()
    except NotReadable as error:
        return skipped(check, f"the role may not read it ({error.detail})")
    except DeliveryFailed as error:
        return skipped(check, f"{cause_of(error.slug).says} ({error.detail})")
