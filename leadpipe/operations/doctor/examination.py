"""Makes all checks in their order, and yields the findings as they come."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from leadpipe.dataverse.certificate_end import certificate_ends
from leadpipe.operations.doctor.app_checks import (
    look_at_functions,
    look_at_keys,
    look_at_settings,
    look_at_threads,
)
from leadpipe.operations.doctor.attention_check import ATTENTION, look_at_attention
from leadpipe.operations.doctor.canary_check import CANARY, look_at_canary
from leadpipe.operations.doctor.clock_check import CLOCK, CLOCK_WRONG, look_at_clock
from leadpipe.operations.doctor.dynamics_checks import look_at_dynamics
from leadpipe.operations.doctor.expiry_check import look_at_expiry
from leadpipe.operations.doctor.finding import CheckResult, Finding, failed, not_looked_at
from leadpipe.operations.doctor.ledger_checks import LAST_LEAD, LAST_TEST_LEAD, look_at_ledger
from leadpipe.operations.doctor.notify_check import look_at_notify
from leadpipe.operations.doctor.storage_checks import STORAGE_CHECKS, look_at_storage
from leadpipe.operations.target import Target


def examine(target: Target, environment: Mapping[str, str], now: Callable[[], datetime]) -> Iterator[Finding]:
    """Yields all findings. Raises nothing: an exception becomes a finding."""
    settings, found = target.settings, list[Finding]()
    looks: dict[str, Callable[[], Iterable[Finding]]] = {
        "settings": lambda: look_at_settings(settings),
        "keys": lambda: [look_at_keys(settings)],
        "functions": lambda: [look_at_functions(environment)],
        "storage": lambda: look_at_storage(target),
        "threads": lambda: [look_at_threads(environment)],
        "dynamics": lambda: look_at_dynamics(settings, environment),
        "expiry": lambda: [look_at_expiry(settings, now().date(), certificate_ends=certificate_ends(settings))],
        "notify": lambda: [look_at_notify(settings)],
        "last leads": lambda: _last_leads(target, found, now),
        "attention": lambda: _attention(target, environment, found, now),
        "canary": lambda: _canary(target, found, now),
        "clock": lambda: _clock(target, found, now),
    }
    for what, look in looks.items():
        for finding in _guarded(what, look):
            found.append(finding)
            yield finding


def _guarded(what: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Turns an exception into a finding that shows only its kind: its text could quote a secret or a lead."""
    try:
        yield from look()
    except Exception as error:  # noqa: BLE001 - a command never ends with a traceback
        yield failed(what, f"the check failed: {type(error).__name__}", "this is a fault in leadpipe: report it")


def _last_leads(target: Target, found: list[Finding], now: Callable[[], datetime]) -> Iterable[Finding]:
    if not _storage_answers(found):
        return not_looked_at((LAST_LEAD, LAST_TEST_LEAD), "they are in the storage account")
    return look_at_ledger(target.ports.ledger, now(), something_failed=_something_failed(found))


def _attention(
    target: Target, environment: Mapping[str, str], found: list[Finding], now: Callable[[], datetime]
) -> Iterable[Finding]:
    if not _storage_answers(found):
        return not_looked_at((ATTENTION,), "it is in the storage account")
    shown = {finding.reason for finding in found if finding.reason}
    if _something_failed(found):
        shown.add("blocked")
    return look_at_attention(target, environment, now(), shown=shown)


def _something_failed(found: list[Finding]) -> bool:
    return any(finding.result is CheckResult.FAILED for finding in found)


def _canary(target: Target, found: list[Finding], now: Callable[[], datetime]) -> Iterable[Finding]:
    if not _storage_answers(found):
        return not_looked_at((CANARY,), "what became of it is in the storage account")
    return [look_at_canary(target.ports.canary_marks, target.settings, now())]


def _clock(target: Target, found: list[Finding], now: Callable[[], datetime]) -> Iterable[Finding]:
    if not _storage_answers(found):
        return not_looked_at((CLOCK,), "the time comes from the storage account")
    refused = any(finding.reason == CLOCK_WRONG for finding in found)
    return [look_at_clock(target.storage_time(), now(), refused=refused)]


def _storage_answers(found: list[Finding]) -> bool:
    return all(
        finding.result in {CheckResult.OK, CheckResult.WARNING} for finding in found if finding.check in STORAGE_CHECKS
    )
