"""What the doctor's looks make of what they see, without asking anybody."""

from datetime import UTC, date, datetime, timedelta

import pytest

from leadpipe.dataverse.inspection import Column
from leadpipe.mapping.default import LENGTHS
from leadpipe.model.canary import CanaryMark
from leadpipe.model.record import State
from leadpipe.model.settings import CanaryPlan, Settings
from leadpipe.operations.doctor.app_checks import (
    look_at_functions,
    look_at_keys,
    look_at_settings,
    look_at_threads,
)
from leadpipe.operations.doctor.canary_check import look_at_canary, of_canary
from leadpipe.operations.doctor.clock_check import look_at_clock
from leadpipe.operations.doctor.dynamics_checks import look_at_dynamics, of_notes, of_privileges
from leadpipe.operations.doctor.expiry_check import look_at_expiry
from leadpipe.operations.doctor.finding import CheckResult, Finding
from leadpipe.operations.doctor.ledger_checks import of_last
from leadpipe.operations.doctor.notify_check import look_at_notify
from leadpipe.operations.doctor.storage_checks import of_depth
from leadpipe.operations.doctor.table_checks import everything_sent, misfits, of_lengths, of_steps
from leadpipe.operations.setup.privileges import LEVELS, OF_MERGE
from tests.factories import LEAD_ID, RECEIVED_AT, environment, record, settings
from tests.fakes import FakeCanaryMarks

NOW = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
SYSTEM_JOB = {
    "prvReadAsyncOperation": "Global",
    "prvWriteAsyncOperation": "Global",
    "prvAppendAsyncOperation": "Global",
}
ALL = {"prvCreateLead": "Basic", "prvReadLead": "Basic", **SYSTEM_JOB}


def live(**changed: Column | None) -> dict[str, Column]:
    """The lead table as documented, with changes."""
    whole: dict[str, Column | None] = {
        name: Column(name=name, on_create=True, longest=LENGTHS.get(name)) for name in everything_sent()
    }
    whole["leadsourcecode"] = Column(name="leadsourcecode", on_create=True, options=frozenset({1, 8}))
    return {name: column for name, column in {**whole, **changed}.items() if column is not None}


# The app


@pytest.mark.parametrize(
    ("url", "result", "says"),
    [
        (None, "warning", "nobody hears of trouble unless they run a command"),
        ("http://contoso.example/made-up-key", "skipped", "LEADPIPE_NOTIFY_URL cannot be used, see settings"),
        ("https://hooks.slack.com/made-up-key", "ok", "to hooks.slack.com, in the format slack"),
    ],
)
def test_whether_anybody_is_notified_has_a_line_without_the_address(url: str | None, result: str, says: str) -> None:
    found = look_at_notify(Settings.from_environment(environment(LEADPIPE_NOTIFY_URL=url)))
    assert (found.check, found.result, says in found.fact) == ("notify", result, True)
    assert ("LEADPIPE_NOTIFY_URL" in found.fix) == (result == "warning")
    assert "made-up-key" not in repr(found)


def test_each_fault_of_the_settings_has_a_line_of_its_own() -> None:
    tenant, client = look_at_settings(
        Settings.from_environment(environment(DATAVERSE_TENANT_ID="contoso", DATAVERSE_CLIENT_ID=""))
    )
    assert {tenant.result, client.result} == {CheckResult.FAILED}
    assert "DATAVERSE_TENANT_ID is not an id like" in tenant.fact
    assert "DATAVERSE_CLIENT_ID is not set" in client.fact


def test_a_fault_that_stops_nothing_is_a_warning() -> None:
    (found,) = look_at_settings(Settings.from_environment(environment(LEADPIPE_DEDUPE_WINDOW="a week")))
    assert (found.result, "7d counts: leads go on" in found.fact) == (CheckResult.WARNING, True)


@pytest.mark.parametrize(
    ("keys", "result", "fact"),
    [
        ({}, CheckResult.OK, "posts need a function key of the functions host"),
        (
            {"LEADPIPE_AUTH": "keys", "LEADPIPE_KEYS": "a:0123456789abcdef,fedcba9876543210"},
            CheckResult.OK,
            "posts need one of LEADPIPE_KEYS: a, key2",
        ),
        (
            {"LEADPIPE_AUTH": "keys"},
            CheckResult.SKIPPED,
            "not looked at: the settings name no key that can be read",
        ),
    ],
)
def test_it_says_whose_keys_posts_need(keys: dict[str, str], result: CheckResult, fact: str) -> None:
    found = look_at_keys(Settings.from_environment(environment(**keys)))
    assert (found.result, found.fact) == (result, fact)


@pytest.mark.parametrize("keys", [{"LEADPIPE_AUTH": "keys"}, {"LEADPIPE_AUTH": "key"}, {"LEADPIPE_KEYS": "a"}])
def test_what_keeps_every_post_out_is_no_mere_warning(keys: dict[str, str]) -> None:
    (found,) = look_at_settings(Settings.from_environment(environment(**keys)))
    assert (found.result, "LEADPIPE_" in found.fact) == (CheckResult.FAILED, True)


def test_what_the_host_trips_over_is_no_mere_warning() -> None:
    settings = Settings.from_environment({"AzureWebJobsStorage": "", "AzureWebJobsStorage__accountName": "contoso"})
    (found,) = look_at_settings(settings)
    assert (found.result, "401 to every post" in found.fact) == (CheckResult.FAILED, True)


def test_what_becomes_of_special_leads_is_told() -> None:
    (found,) = look_at_settings(Settings.from_environment(environment(LEADPIPE_TEST_LEADS="keep")))
    assert (found.result, "test leads: keep" in found.fact) == (CheckResult.OK, True)


@pytest.mark.parametrize("setting", ["AzureWebJobs.deliver.Disabled", "AzureWebJobs_deliver_Disabled"])
@pytest.mark.parametrize(("value", "result"), [("1", "failed"), ("True", "failed"), ("0", "ok"), ("", "ok")])
def test_a_function_that_is_switched_off_is_named_with_its_setting(setting: str, value: str, result: str) -> None:
    found = look_at_functions({setting: value})
    assert found.result == result
    assert (setting in found.fix) == (result == "failed")


@pytest.mark.parametrize(("value", "result"), [("32", "ok"), ("64", "ok"), ("8", "warning"), ("", "warning")])
def test_fewer_threads_than_deliveries_may_take_are_a_warning(value: str, result: str) -> None:
    assert look_at_threads({"PYTHON_THREADPOOL_THREAD_COUNT": value}).result == result


@pytest.mark.parametrize(("value", "says"), [("many", "is not a number"), ("", "is not set"), ("8", "is 8")])
def test_what_the_thread_setting_says_is_told_as_it_is(value: str, says: str) -> None:
    assert says in look_at_threads({"PYTHON_THREADPOOL_THREAD_COUNT": value}).fact


def test_messages_on_the_poison_queue_are_a_warning() -> None:
    assert (of_depth(0).result, of_depth(2).result) == (CheckResult.OK, CheckResult.WARNING)


@pytest.mark.parametrize(
    ("seconds", "result", "says"),
    [
        (0, "ok", ""),
        (30, "ok", ""),
        (-30, "ok", ""),
        (31, "warning", "ahead"),
        (-300, "warning", "5m 0s behind"),
        (301, "failed", "ahead"),
        (-3600, "failed", "1h 0m behind"),
    ],
)
def test_a_clock_half_a_minute_off_is_a_warning_and_five_minutes_a_failure(
    seconds: int, result: str, says: str
) -> None:
    found = look_at_clock(NOW, NOW + timedelta(seconds=seconds), refused=False)
    assert found.result == result
    assert says in found.fact


def test_a_service_that_tells_no_time_is_no_fault() -> None:
    assert look_at_clock(None, NOW, refused=False).result is CheckResult.SKIPPED


@pytest.mark.parametrize(("seconds", "result"), [(90, CheckResult.FAILED), (3, CheckResult.OK)])
def test_a_clock_for_which_sign_in_failed_is_a_failure_where_it_is_off(seconds: int, result: CheckResult) -> None:
    assert look_at_clock(NOW, NOW - timedelta(seconds=seconds), refused=True).result is result


# Dynamics


def test_with_faults_in_its_settings_dynamics_is_not_asked() -> None:
    found = list(look_at_dynamics(Settings.from_environment(environment(DATAVERSE_TENANT_ID="contoso")), {}))
    assert {finding.result for finding in found} == {CheckResult.SKIPPED}


def test_away_from_the_app_nobody_asks_for_a_token_of_its_identity() -> None:
    at_home = Settings.from_environment(
        {
            "DATAVERSE_URL": "https://contoso.crm4.dynamics.com",
            "DATAVERSE_MANAGED_IDENTITY": "system",
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        }
    )

    found = {finding.check: finding.result for finding in look_at_dynamics(at_home, {})}

    assert found["sign-in"] is CheckResult.SKIPPED
    assert CheckResult.FAILED not in found.values()


def test_no_organisation_is_a_warning_for_it_may_be_meant() -> None:
    found = {finding.check: finding for finding in look_at_dynamics(settings(dataverse=None), {})}
    assert found["organisation"].result is CheckResult.WARNING
    assert {finding.result for check, finding in found.items() if check != "organisation"} == {CheckResult.SKIPPED}


def results(found: list[Finding]) -> dict[str, CheckResult]:
    return {finding.check: finding.result for finding in found}


def test_all_privileges_held_are_told_with_their_depth() -> None:
    found = list(of_privileges(ALL))
    assert {finding.result for finding in found} == {CheckResult.OK}
    assert found[0].fact == "held, Basic"


def test_without_the_right_to_create_no_lead_gets_through() -> None:
    held = {name: depth for name, depth in ALL.items() if name != "prvCreateLead"}
    found = next(iter(of_privileges(held)))
    assert (found.check, found.result, found.reason) == (
        "privilege prvCreateLead",
        CheckResult.FAILED,
        "missing_privilege",
    )
    assert "prvCreateLead" in found.fact


def test_without_the_right_to_read_leads_still_get_through() -> None:
    held = {name: depth for name, depth in ALL.items() if name != "prvReadLead"}
    assert results(list(of_privileges(held)))["privilege prvReadLead"] is CheckResult.WARNING


@pytest.mark.parametrize("append", ["prvAppendAsyncOperation", "prvAppendToAsyncOperation"])
def test_either_append_privilege_of_system_jobs_will_do(append: str) -> None:
    held = {name: depth for name, depth in ALL.items() if "Append" not in name}
    assert results(list(of_privileges({**held, append: "Global"})))["privileges System Job"] is CheckResult.OK
    assert results(list(of_privileges(held)))["privileges System Job"] is CheckResult.SKIPPED


def test_with_all_that_notes_need_their_line_is_ok() -> None:
    assert of_notes(OF_MERGE).result is CheckResult.OK


@pytest.mark.parametrize("name", OF_MERGE)
def test_what_notes_lack_is_named_with_its_level(name: str) -> None:
    found = of_notes({each: depth for each, depth in OF_MERGE.items() if each != name})
    assert (found.result, found.reason) == (CheckResult.FAILED, "missing_privilege")
    assert f"{name} ({LEVELS[OF_MERGE[name]]})" in found.fact


def test_the_users_own_level_on_leads_is_too_little_for_notes() -> None:
    assert of_notes({**OF_MERGE, "prvAppendToLead": "Basic"}).result is CheckResult.FAILED


def test_the_documented_table_takes_all_that_is_sent() -> None:
    assert misfits(everything_sent(), live()) == []
    assert of_lengths(LENGTHS, live()) is None


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"jobtitle": None}, "jobtitle: Dynamics has no such column"),
        ({"jobtitle": Column(name="jobtitle", on_create=False)}, "jobtitle: may not be set on creation"),
        (
            {"leadsourcecode": Column(name="leadsourcecode", on_create=True, options=frozenset({1}))},
            "leadsourcecode: has no option 8",
        ),
    ],
)
def test_what_dynamics_would_refuse_of_every_lead_is_named(changed: dict[str, Column | None], says: str) -> None:
    assert misfits(everything_sent(), live(**changed)) == [says]


def test_a_shorter_column_is_a_warning_with_both_lengths() -> None:
    found = of_lengths(LENGTHS, live(jobtitle=Column(name="jobtitle", on_create=True, longest=40)))
    assert found is not None
    assert (found.result, "jobtitle takes 40, not 100" in found.fact) == (CheckResult.WARNING, True)


def test_every_column_that_the_mapping_may_send_is_looked_at() -> None:
    assert {*LENGTHS, "leadid", "leadsourcecode", "donotemail", "donotfax"} <= everything_sent().keys()


def test_synchronous_plug_ins_are_named() -> None:
    assert of_steps([]).result is CheckResult.OK
    found = of_steps(["Contoso.Check"])
    assert (found.result, "Contoso.Check" in found.fact) == (CheckResult.WARNING, True)


# Expiry


@pytest.mark.parametrize(("days", "result"), [(61, "ok"), (60, "warning"), (0, "warning"), (-5, "warning")])
def test_a_secret_that_ends_is_a_warning_and_no_more(days: int, result: str) -> None:
    """That it has ended is seen at sign-in; a date that was not kept up stops no lead."""
    today = date(2026, 3, 14)
    whole = settings(secret_expires=today + timedelta(days=days))
    assert look_at_expiry(whole, today, certificate_ends=None).result == result


def test_a_date_that_nobody_set_is_a_warning() -> None:
    found = look_at_expiry(settings(), date(2026, 3, 14), certificate_ends=None)
    assert (found.result, "DATAVERSE_SECRET_EXPIRES" in found.fix) == (CheckResult.WARNING, True)


def test_a_date_that_cannot_be_read_is_not_called_unset() -> None:
    found = look_at_expiry(
        Settings.from_environment(environment(DATAVERSE_SECRET_EXPIRES="31.01.2027")),
        date(2026, 3, 14),
        certificate_ends=None,
    )
    assert (found.result, "see settings" in found.fact, "not set" in found.fact) == (CheckResult.SKIPPED, True, False)


@pytest.mark.parametrize(("days", "result"), [(0, "ok"), (1, "ok"), (2, "warning")])
def test_a_password_changed_in_the_future_is_a_slip(days: int, result: str) -> None:
    today = date(2026, 3, 14)
    user = {"DATAVERSE_CLIENT_SECRET": None, "DATAVERSE_USERNAME": "jane@contoso.com", "DATAVERSE_PASSWORD": "x"}
    changed = (today + timedelta(days=days)).isoformat()
    whole = Settings.from_environment(environment(**user, DATAVERSE_PASSWORD_CHANGED=changed))
    found = look_at_expiry(whole, today, certificate_ends=None)
    assert (found.result, "in the future" in found.fact) == (result, result == "warning")


# The last leads


@pytest.mark.parametrize(
    ("state", "reason", "result"),
    [
        (State.WRITTEN, "", "ok"),
        (State.ACCEPTED, "", "ok"),
        (State.DEFERRED, "throttled", "ok"),
        (State.DEFERRED, "access_denied", "warning"),
        (State.FALLBACK, "no_role", "warning"),
        (State.POISONED, "plugin_refused", "warning"),
    ],
)
def test_a_last_lead_that_waits_for_a_person_is_a_warning(state: State, reason: str, result: str) -> None:
    last = record(state=state, reason=reason)
    found = of_last("last lead", last, RECEIVED_AT + timedelta(minutes=5), something_failed=False)
    assert found.result == result
    assert found.reason == (reason if result == "warning" else "")
    assert found.fact.startswith(f"5m 0s ago, {state}")


def test_what_a_failed_look_has_said_is_not_said_again_of_the_last_lead() -> None:
    last = record(state=State.DEFERRED, reason="no_role")
    found = of_last("last lead", last, RECEIVED_AT, something_failed=True)
    assert (found.result, found.fix) == (CheckResult.OK, "")


def test_when_it_is_tried_again_is_told_to_whoever_has_just_mended_it() -> None:
    last = record(state=State.DEFERRED, reason="access_denied", next_try_at=RECEIVED_AT)
    assert "2026-03-14 09:26:53Z" in of_last("last lead", last, RECEIVED_AT, something_failed=False).fix


def test_no_lead_at_all_is_no_fault() -> None:
    assert of_last("last lead", None, NOW, something_failed=False).result is CheckResult.OK


# The canary

POSTED_AT = datetime(2026, 3, 14, 9, 0, tzinfo=UTC)
OUT = CanaryMark().begun(POSTED_AT).out(LEAD_ID)
WITH_CANARY = settings(canary=CanaryPlan(every=timedelta(days=1), url="https://contoso.example/api/leads?code=s3cret"))
AN_HOUR_LATER = POSTED_AT + timedelta(hours=1)


@pytest.mark.parametrize(
    ("mark", "fact"),
    [
        (CanaryMark(), "none was posted yet"),
        (CanaryMark().begun(POSTED_AT), "posted 1h 0m ago, not back yet"),
        (OUT, "posted 1h 0m ago, not back yet"),
        (OUT.back(POSTED_AT + timedelta(seconds=3)), f"posted 1h 0m ago, back after 3.0s: {LEAD_ID}"),
    ],
)
def test_the_last_canary_is_shown_with_how_long_it_took(mark: CanaryMark, fact: str) -> None:
    finding = of_canary(mark, WITH_CANARY, AN_HOUR_LATER)
    assert (finding.result, finding.fact) == (CheckResult.OK, fact)


def test_a_failed_canary_is_a_warning_with_its_step_and_its_fix() -> None:
    finding = of_canary(OUT.failed("canary_refused", "401", POSTED_AT), WITH_CANARY, AN_HOUR_LATER)
    assert (finding.result, finding.reason) == (CheckResult.WARNING, "canary_refused")
    assert "failed at canary_refused" in finding.fact
    assert "LEADPIPE_CANARY_URL" in finding.fix
    assert "s3cret" not in repr(finding)


def test_without_its_settings_the_canary_is_off_and_the_last_one_is_still_shown() -> None:
    assert of_canary(CanaryMark(), settings(), AN_HOUR_LATER).fact == "off: LEADPIPE_CANARY is not set"
    assert "not back yet" in of_canary(OUT, settings(), AN_HOUR_LATER).fact


def test_a_canary_that_cannot_be_read_is_a_failure_of_storage() -> None:
    marks = FakeCanaryMarks([])
    marks.down = True
    finding = look_at_canary(marks, WITH_CANARY, AN_HOUR_LATER)
    assert (finding.result, finding.reason) == (CheckResult.FAILED, "storage_unreachable")
