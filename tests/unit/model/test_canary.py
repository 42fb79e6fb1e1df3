"""What a canary is, when one is due, what became of it, and what a person has to do then."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadpipe.model.canary import (
    AFTER_A_FAILURE,
    CLOCKS_APART,
    CanaryMark,
    CanaryState,
    canary_attention,
    is_due,
    judged,
)
from leadpipe.model.canary_form import PATIENCE, canary_payload
from leadpipe.model.change import Erased, Forgotten, Kept, transition
from leadpipe.model.lead import Lead
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Area, CanaryPlan, Fault
from tests.factories import LEAD_ID, RECEIVED_AT, payload, settings

AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
PLAN = CanaryPlan(every=DAY, url="https://contoso.azurewebsites.net/api/leads?code=s3cret")
ON = settings(canary=PLAN)
FORM = json.loads(canary_payload(AT))
OUT = CanaryMark().begun(AT).out(LEAD_ID)


def changed(**fields: Any) -> str:
    """The canary's payload with other values; `UserDetails__Email` is one of the person's."""
    form = json.loads(canary_payload(AT))
    for key, value in fields.items():
        place, _, inner = key.partition("__")
        if inner:
            form[place][inner] = value
        else:
            form[place] = value
    return json.dumps(form)


def record(**fields: Any) -> Record:
    return replace(Record.accepted(LEAD_ID, canary_payload(AT)), **fields)


# The form


def test_what_is_posted_is_a_canary_at_any_time() -> None:
    for at in (AT, AT + timedelta(microseconds=1), datetime(2031, 12, 31, 23, 59, 59, tzinfo=UTC)):
        assert Lead.from_payload(canary_payload(at)).is_canary


def test_two_canaries_differ_in_their_time_alone() -> None:
    first, second = json.loads(canary_payload(AT)), json.loads(canary_payload(AT + SECOND))
    assert {key for key in first if first[key] != second[key]} == {"Description"}


@pytest.mark.parametrize(
    "near",
    [
        *(changed(**{f"UserDetails__{key}": "Jane"}) for key in FORM["UserDetails"]),
        *(changed(**{f"UserDetails__{key}": ""}) for key in ("FirstName", "LastName", "Email")),
        changed(LeadSource="leadpipe-canary|contoso.widget"),
        changed(LeadSource="AzureMarketplace"),
        changed(LeadSource="Leadpipe-Canary"),
        changed(ActionCode="INS"),
        changed(OfferTitle="Widget"),
        changed(Description="Please call."),
        changed(Description=FORM["Description"] + " Please call."),
        changed(Description=FORM["Description"] + "\n"),
        changed(Description=""),
        changed(ProductId="contoso.widget"),
        changed(Contact={"Mail": "jane@contoso.com"}),
        changed(CustomerInfo={"Phone": "+1 425 555 0100"}),
        payload(),
    ],
)
def test_a_lead_that_differs_in_one_field_is_an_ordinary_lead(near: str) -> None:
    lead, kept = Lead.from_payload(near), Record.accepted(LEAD_ID, near)
    assert not lead.is_canary
    assert (kept.is_canary, kept.is_test) == (False, False)


def test_a_canary_has_no_fingerprint_and_so_takes_no_claim() -> None:
    assert record().fingerprint == ""


def test_a_test_lead_of_the_canarys_source_is_none() -> None:
    near = Record.accepted(LEAD_ID, changed(UserDetails__FirstName="MSFT_TEST_1"))
    assert (near.is_test, near.is_canary) == (True, False)


def test_a_record_is_known_as_a_canary_when_its_data_is_forgotten_or_erased() -> None:
    kept = transition(record(), Kept(reason="canary"), at=AT)
    assert kept is not None
    for change in (Forgotten(), Erased(actor="kim")):
        after = transition(kept.after, change, at=AT)
        assert after is not None
        assert after.after.is_canary
        assert (after.after.payload, after.after.email) == (None, "")


# When one is due


@pytest.mark.parametrize(
    ("mark", "wait"),
    [
        (OUT.back(AT), DAY),
        (OUT.failed("canary_no_role", "", AT), AFTER_A_FAILURE),
        (CanaryMark().begun(AT), PATIENCE),
    ],
    ids=["after one that came back", "after a failure", "when the process died while posting"],
)
def test_the_next_is_due_after_its_wait(mark: CanaryMark, wait: timedelta) -> None:
    assert not is_due(mark, AT + wait - SECOND, DAY)
    assert is_due(mark, AT + wait, DAY)


def test_a_failure_never_makes_the_wait_longer_than_the_setting() -> None:
    assert is_due(OUT.failed("canary_no_role", "", AT), AT + timedelta(minutes=30), timedelta(minutes=30))


def test_the_first_is_due_at_once() -> None:
    assert is_due(CanaryMark(), AT, DAY)


def test_none_is_due_while_one_is_out() -> None:
    assert not is_due(OUT, AT + timedelta(days=30), DAY)


def test_a_mark_of_the_future_holds_none_back() -> None:
    ahead = OUT.back(AT)
    assert not is_due(ahead, AT - CLOCKS_APART, DAY)
    assert is_due(ahead, AT - CLOCKS_APART - SECOND, DAY)


# What became of it


@pytest.mark.parametrize("change", [{"state": State.KEPT, "reason": "canary"}, {"state": State.WRITTEN}])
def test_a_settled_canary_is_back_when_its_record_says_so(change: dict[str, Any]) -> None:
    mark = judged(OUT, record(**change, updated_at=AT + 3 * SECOND), AT + DAY)
    assert (mark.state, mark.took, mark.step) == (CanaryState.BACK, 3 * SECOND, "")


@pytest.mark.parametrize(
    ("found", "step", "detail"),
    [
        (None, "canary_not_delivered", "no_record"),
        (record(), "canary_not_delivered", "accepted"),
        (record(state=State.DEFERRED, reason="no_role", detail="403"), "canary_no_role", "403"),
    ],
)
def test_an_open_canary_fails_after_ten_minutes_at_what_holds_it(found: Record | None, step: str, detail: str) -> None:
    assert judged(OUT, found, AT + PATIENCE - SECOND) == OUT
    mark = judged(OUT, found, AT + PATIENCE)
    assert (mark.state, mark.step, mark.detail, mark.failing_since) == (CanaryState.FAILED, step, detail, AT)


@pytest.mark.parametrize(
    ("found", "step", "detail"),
    [
        (record(state=State.KEPT, reason="canary_failed", detail="no_role: 403: x"), "canary_no_role", "403: x"),
        (record(state=State.KEPT, reason="canary_failed", detail="settings: "), "canary_settings", ""),
        (record(state=State.POISONED, reason="row_refused"), "canary_row_refused", ""),
        (record(state=State.ERASED), "canary_not_delivered", "erased"),
    ],
)
def test_a_canary_that_has_ended_otherwise_fails_at_once(found: Record, step: str, detail: str) -> None:
    mark = judged(OUT, found, AT + SECOND)
    assert (mark.step, mark.detail) == (step, detail)


def test_a_failure_lasts_while_the_next_is_out_and_until_one_comes_back() -> None:
    failed = OUT.failed("canary_no_role", "403", AT + PATIENCE)
    again = failed.begun(AT + DAY).out(LEAD_ID)
    assert (again.step, again.failing_since) == ("canary_no_role", AT)
    twice = again.failed("canary_refused", "401", AT + DAY)
    assert (twice.step, twice.failing_since) == ("canary_refused", AT)
    back = again.back(AT + DAY + SECOND)
    assert (back.step, back.detail, back.failing_since) == ("", "", None)


# What a person has to do


@pytest.mark.parametrize(
    ("step", "detail", "fix"),
    [
        ("canary_unreachable", "no machine has that name", "LEADPIPE_CANARY_URL"),
        ("canary_refused", "401 wrong_key", "key"),
        ("canary_refused", "403", "start the app"),
        ("canary_refused", "404", "LEADPIPE_CANARY_URL"),
        ("canary_refused", "503 storage_unavailable", "`leadpipe doctor`"),
        ("canary_not_delivered", "accepted", "deliver"),
        ("canary_not_delivered", "no_record", "names this app"),
        ("canary_sign_in_refused", "AADSTS7000215", "`leadpipe doctor`"),
    ],
)
def test_a_failed_canary_needs_a_person_who_hears_the_step_and_the_fix(step: str, detail: str, fix: str) -> None:
    (attention,) = canary_attention(OUT.failed(step, detail, AT), AT, ON)
    assert (attention.reason, attention.about, attention.since) == ("canary", step, AT)
    assert fix in attention.fix
    assert "s3cret" not in repr(attention)


@pytest.mark.parametrize("mark", [CanaryMark(), OUT, OUT.back(AT), CanaryMark().begun(AT)])
def test_a_canary_that_has_not_failed_needs_nobody(mark: CanaryMark) -> None:
    assert canary_attention(mark, AT + SECOND, ON) == []


def test_a_canary_that_was_due_long_ago_and_not_posted_needs_a_person() -> None:
    late = AT + DAY + AFTER_A_FAILURE
    assert canary_attention(OUT.back(AT), late, ON) == []
    (attention,) = canary_attention(OUT.back(AT), late + SECOND, ON)
    assert (attention.about, attention.since) == ("canary_not_posted", late)


def test_without_the_settings_an_old_failure_needs_nobody() -> None:
    assert canary_attention(OUT.failed("canary_no_role", "", AT), AT, settings()) == []


@pytest.mark.parametrize("setting", ["LEADPIPE_CANARY", "LEADPIPE_CANARY_URL"])
def test_a_setting_that_keeps_the_canary_from_being_posted_needs_a_person(setting: str) -> None:
    faulty = settings(faults=(Fault(area=Area.NOTED, setting=setting, problem="is not set"),))
    (attention,) = canary_attention(CanaryMark(), RECEIVED_AT, faulty)
    assert (attention.about, setting in attention.says, setting in attention.fix) == ("settings", True, True)
