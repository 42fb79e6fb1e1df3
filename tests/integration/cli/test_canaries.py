"""Commands on an account with canaries: they are in no count and no list, unless asked for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.model.canary import CanaryMark
from leadpipe.model.canary_form import canary_payload
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import State
from leadpipe.storage.canary_marks import AzureCanaryMarks
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import AzureLedger
from tests.integration.cli.conftest import Ran
from tests.integration.cli.test_status import received

Run = Callable[..., Ran]
MINUTE = timedelta(minutes=1)
SETTINGS = {"LEADPIPE_CANARY": "1d", "LEADPIPE_CANARY_URL": "https://contoso.azurewebsites.net/api/leads?code=s3cret"}
ENDS = {
    State.ACCEPTED: "",
    State.DEFERRED: "no_role",
    State.KEPT: "canary",
    State.POISONED: "row_refused",
    State.WRITTEN: "",
}


@pytest.fixture
def lead(ledger: AzureLedger) -> str:
    """The one lead of a ledger whose newer records are canaries."""
    at = datetime.now(UTC)
    made = received(10 * MINUTE, state=State.WRITTEN, written_at=at)
    ledger.insert(made)
    for number, (state, reason) in enumerate(ENDS.items()):
        canary = received(5 * MINUTE, number, posted=canary_payload(at), state=state, reason=reason, next_try_at=at)
        ledger.insert(canary)
    return made.lead_id


def test_lists_leave_them_out(run: Run, lead: str) -> None:
    assert [record["lead_id"] for record in run("leads", "--json").records] == [lead]
    assert run("leads", "--json", "--email", "canary@leadpipe.invalid").records == []
    assert run("poison", "list", "--json").records == []


def test_they_are_listed_when_asked_for_and_nothing_else_is(run: Run, lead: str) -> None:
    listed = run("leads", "--canary", "--json").records
    assert {record["state"] for record in listed} == {*ENDS}
    assert lead not in {record["lead_id"] for record in listed}
    assert len(run("leads", "--canary", "--state", "kept", "--json").records) == 1


@pytest.mark.usefixtures("swept")
def test_status_neither_counts_them_nor_calls_a_person_for_them(run: Run, lead: str, ledger: AzureLedger) -> None:
    ran = run("status", "--json")
    (status,) = ran.records
    assert {state: leads for state, leads in status["states"].items() if leads} == {"written": 1}
    assert (status["waiting"], status["poisoned"], status["needs_a_person"], ran.code) == ([], [], [], 0)
    last = ledger.read(lead)
    assert last is not None
    assert status["last_received_at"] == f"{last.received_at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def test_the_balances_total_is_that_of_the_leads(run: Run, lead: str) -> None:
    ran = run("balance", "--json")
    (balance,) = ran.records
    assert lead
    assert (balance["received"], ran.code) == (1, 0)
    assert {state: leads for state, leads in balance["states"].items() if leads} == {"written": 1}


def test_the_balance_still_finds_a_canary_that_nobody_moves_on(run: Run, ledger: AzureLedger) -> None:
    at = datetime.now(UTC) - 90 * MINUTE
    canary = received(90 * MINUTE, posted=canary_payload(at))
    ledger.insert(canary)
    (balance,) = run("balance", "--json").records
    assert [(offender["what"], offender["id"]) for offender in balance["offenders"]] == [("overdue", canary.lead_id)]
    assert balance["received"] == 0


def test_show_says_that_it_is_one(run: Run, ledger: AzureLedger) -> None:
    canary = received(MINUTE, posted=canary_payload(datetime.now(UTC)), state=State.KEPT, reason="canary")
    ledger.insert(canary)
    ran = run("show", canary.lead_id)
    assert any(line.split() == ["canary", "yes"] for line in ran.lines), ran.out
    assert "test lead" not in ran.out


def test_the_doctors_last_lead_is_a_lead_and_the_canary_has_its_own_line(run: Run, lead: str, storage: Storage) -> None:
    marks, at = AzureCanaryMarks(storage), datetime.now(UTC) - 5 * MINUTE
    marks.write(
        CanaryMark(), CanaryMark().begun(at).out(new_lead_id(at, bytes(10))).failed("canary_refused", "401", at)
    )
    findings = {finding["check"]: finding for finding in run("doctor", "--json", **SETTINGS).records}
    assert lead in findings["last lead"]["fact"]
    assert findings["last test lead"]["fact"].startswith("none")
    assert (findings["canary"]["result"], findings["canary"]["reason"]) == ("warning", "canary_refused")
    assert "LEADPIPE_CANARY_URL" in findings["canary"]["fix"]
    assert "s3cret" not in str(findings)
