"""Posts a test lead, follows it in the ledger, reads it back from Dynamics, and deletes it there if asked to."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from leadpipe.dataverse.client import DataverseClient
from leadpipe.dataverse.protocol import LEADS, failure_of, json_object
from leadpipe.ledger_writes import write
from leadpipe.mapping.chosen import chosen_mapping
from leadpipe.model.change import Removed
from leadpipe.model.disabled_functions import switched_off
from leadpipe.model.errors import LeadpipeError
from leadpipe.model.lead import Lead
from leadpipe.model.reasons import BLOCKED
from leadpipe.model.record import QUEUED, Record, State
from leadpipe.model.settings import ManagedIdentity
from leadpipe.operations.causes import cause_of, fix_now, with_detail
from leadpipe.operations.dataverse_client import client_of
from leadpipe.operations.decisions import user_at_host
from leadpipe.operations.doctor.finding import CheckResult
from leadpipe.operations.partner_center import DIGITS, Endpoint, StepFailed, post, validation_lead
from leadpipe.operations.span import moment
from leadpipe.operations.target import Target
from leadpipe.wiring import now

# The record is written before the 202, so a record that is not here by then is in another account.
_RECORD_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
_SETTLED_ASIDE = frozenset({State.POISONED, State.FALLBACK, State.DISCARDED, State.ERASED, State.DUPLICATE})
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStep:
    """One step of a trial, with the seconds since the post began."""

    step: str
    result: CheckResult
    seconds: float
    fact: str
    fix: str = ""
    reason: str = ""


class Trial:
    """One test lead. `lead_id` is empty until it was posted."""

    def __init__(self, target: Target, endpoint: Endpoint, *, patience: float) -> None:
        self._target = target
        self._endpoint = endpoint
        self._patience = patience
        self._columns_of = chosen_mapping(target.settings.mapping_path)
        self._started = time.monotonic()
        self.lead_id = ""

    def steps(self, *, remove: bool) -> Iterator[TrialStep]:
        """Yields each step when it is done; ends at the first that fails."""
        try:
            yield from self._steps(remove=remove)
        except StepFailed as end:
            yield self._step(end.step, end.fact, result=CheckResult.FAILED, fix=end.fix, reason=end.reason)

    def _steps(self, *, remove: bool) -> Iterator[TrialStep]:
        lead_id = post(self._endpoint, validation_lead("".join(secrets.choice("0123456789") for _ in range(DIGITS))))
        self.lead_id = lead_id
        yield self._step("post", f"{self._endpoint.url} accepted it: {lead_id}")
        record = None
        for record in self._followed(lead_id):
            yield self._step("delivery", f"{record.state}{_because(record)}", reason=record.reason)
        why = self._not_in_sight(record)
        if why or record is None:
            yield self._step("Dynamics", f"not looked at: {why}", result=CheckResult.SKIPPED)
            if remove:
                yield self._step("removal", f"nothing to remove: {why}", result=CheckResult.SKIPPED)
            return
        yield self._read_back(record)
        if remove:
            yield self._removed(record)

    def _not_in_sight(self, record: Record | None) -> str:
        """Why Dynamics is not asked for the lead; empty where it is asked."""
        if record is None or record.state is not State.WRITTEN:
            return "the lead was not written there"
        dataverse = self._target.settings.dataverse
        if dataverse is None:
            return "these settings name no organisation"
        if isinstance(dataverse.sign_in, ManagedIdentity) and not os.environ.get("IDENTITY_ENDPOINT"):
            return "only the app itself can sign in as its identity; it wrote the lead"
        return ""

    def _followed(self, lead_id: str) -> Iterator[Record]:
        """The record after each change of its state or reason, until it is no longer queued. Raises StepFailed."""
        last: Record | None = None
        while True:
            record = _in_step("ledger", lambda: self._target.ports.ledger.read(lead_id))
            if record and (last is None or (record.state, record.reason) != (last.state, last.reason)):
                _require_no_obstacle(record)
                yield record
                last = record
            if record and record.state not in QUEUED:
                return
            self._require_patience(record)
            time.sleep(_PAUSE_SECONDS)

    def _require_patience(self, record: Record | None) -> None:
        waited = self._seconds()
        if record is None and waited > min(_RECORD_SECONDS, self._patience):
            fix = "the app keeps leads in another storage account: give this command the app's own settings"
            raise StepFailed("ledger", "the ledger of these settings has no such lead", f"{fix} with --settings")
        if record is not None and waited > self._patience:
            raise _too_late(record, waited, queued=_in_step("ledger", self._target.ports.queue.depth))

    def _read_back(self, record: Record) -> TrialStep:
        """Compares each column with what was sent. Another value is only a warning: plug-ins and flows may set them."""
        sent = _in_step("mapping", lambda: self._columns_of(Lead.from_payload(str(record.payload)), record.lead_id))
        select = ",".join(name for name in sent if "@" not in name)
        answer = _in_step("Dynamics", lambda: self._dynamics.get(f"{LEADS.path}({record.lead_id})?$select={select}"))
        if answer.status == 403:
            return self._step("Dynamics", "not looked at: the role may not read leads", result=CheckResult.SKIPPED)
        if answer.status == 404:
            fix = "give this command the app's own settings; if they are, something in Dynamics deleted it"
            raise StepFailed("Dynamics", f"{self._organisation} has no such lead", fix)
        if answer.status != 200:
            raise _failed("Dynamics", failure_of(answer))
        found = json_object(answer.body)
        other = [name for name, value in sent.items() if "@" not in name and found.get(name) != value]
        if other:
            fix = "if this is not intended, find what changes leads on creation in Dynamics"
            return self._step(
                "Dynamics", f"has it, with other values in {', '.join(other)}", CheckResult.WARNING, fix=fix
            )
        return self._step("Dynamics", f"{self._organisation} has it, {len(sent)} columns as sent")

    def _removed(self, record: Record) -> TrialStep:
        """Removes it in Dynamics first, so that the record never says so too early."""
        _in_step("removal", lambda: self._dynamics.remove(record.lead_id))
        gone = Removed(actor=user_at_host())
        _in_step("removal", lambda: write(record, gone, now, ledger=self._target.ports.ledger))
        return self._step("removal", "deleted in Dynamics; its record stays written, and nothing creates it again")

    @cached_property
    def _dynamics(self) -> DataverseClient:
        dataverse = self._target.settings.dataverse
        assert dataverse is not None  # noqa: S101 - looked at before anything is asked
        return client_of(dataverse)

    @property
    def _organisation(self) -> str:
        dataverse = self._target.settings.dataverse
        return dataverse.url if dataverse else "Dynamics"

    def _seconds(self) -> float:
        return time.monotonic() - self._started

    def _step(self, step: str, fact: str, result: CheckResult = CheckResult.OK, **more: str) -> TrialStep:
        return TrialStep(step=step, result=result, seconds=round(self._seconds(), 3), fact=fact, **more)


def _in_step(step: str, ask: Callable[[], T]) -> T:
    """Turns a failure of a store or of Dynamics into StepFailed for that step."""
    try:
        return ask()
    except LeadpipeError as error:
        raise _failed(step, error) from error


def _failed(step: str, error: LeadpipeError) -> StepFailed:
    return StepFailed(step, with_detail(cause_of(error.slug).says, error.detail), fix_now(error.slug), error.slug)


def _require_no_obstacle(record: Record) -> None:
    """Raises StepFailed where waiting will not help."""
    if record.state in _SETTLED_ASIDE or (record.state in QUEUED and record.reason in BLOCKED):
        raise StepFailed("delivery", _words(record), cause_of(record.reason, record.lead_id).fix, record.reason)


def _too_late(record: Record, waited: float, *, queued: int) -> StepFailed:
    if record.reason:
        at = f" at {moment(record.next_try_at)}" if record.next_try_at else ""
        again = f"it is tried again{at}: `leadpipe show {record.lead_id}` shows more"
        return StepFailed("delivery", _words(record), f"{fix_now(record.reason)}; {again}", record.reason)
    fact = f"nothing took it from the queue within {waited:.0f} s; {queued} messages are on it"
    if setting := switched_off(os.environ).get("deliver"):
        fact = f"{fact}: the function deliver is switched off by {setting}"
        return StepFailed("delivery", fact, f"remove the app setting {setting}; the lead is then delivered by itself")
    fix = "see whether the app runs, and whether its app setting AzureWebJobs.deliver.Disabled is set"
    return StepFailed("delivery", fact, f"{fix}; a lead that waits is delivered once it runs")


def _words(record: Record) -> str:
    why = cause_of(record.reason, record.lead_id).says if record.reason else "nothing has happened to it yet"
    return with_detail(f"{record.state}: {why}", record.detail)


def _because(record: Record) -> str:
    return f": {cause_of(record.reason, record.lead_id).says}" if record.reason else ""
