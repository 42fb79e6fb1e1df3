"""`leadpipe doctor` on a real storage account and the stand-in: each cause alone gives one ✗, its fix, nothing else."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from leadpipe.dataverse.auth.refusal import REASONS
from leadpipe.model.record import State
from leadpipe.operations.causes import fix_now
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import AzureLedger
from tests.answering import answering
from tests.factories import CONNECTION_STRING, payload
from tests.integration.cli.conftest import Ran, bare_environment
from tests.integration.cli.test_status import received
from tests.integration.conftest import App
from tests.standin_process import Standin

Doctor = Callable[..., Ran]
ANOTHER_ID = "00001111-aaaa-2222-bbbb-3333cccc4444"


@pytest.fixture
def doctor(run: Callable[..., Ran], standin: Standin) -> Doctor:
    """Runs the command with settings that leave nothing to complain about, and those that are given on top."""
    whole = {
        **standin.settings,
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        "LEADPIPE_NOTIFY_URL": "https://hooks.slack.com/services/made-up-key",
        "DATAVERSE_SECRET_EXPIRES": (datetime.now(UTC) + timedelta(days=300)).date().isoformat(),
        "DATAVERSE_PASSWORD_CHANGED": datetime.now(UTC).date().isoformat(),
    }

    def command(*arguments: str, **settings: str) -> Ran:
        return run("doctor", *arguments, **{**whole, **settings})

    return command


def signing_in(standin: Standin, way: str) -> dict[str, str]:
    """The settings of that way to sign in, that of the secret unset."""
    ways = json.loads((standin.folder / "ways.json").read_text())
    return {"DATAVERSE_CLIENT_SECRET": "", **ways[way]}


def wrong(ran: Ran) -> list[dict[str, Any]]:
    """What is not as it should be."""
    return [finding for finding in ran.records if finding["result"] in {"failed", "warning"}]


def require_only(ran: Ran, check: str, reason: str) -> None:
    """That this is the one ✗, that it has its fix, and that there is no ! beside it."""
    (finding,) = wrong(ran)
    assert (finding["check"], finding["result"], finding["reason"]) == (check, "failed", reason)
    assert finding["fix"]
    assert ran.code == 1
    assert f"a lead would not get through: see {check}" in ran.err


def test_a_whole_app_has_nothing_wrong(doctor: Doctor) -> None:
    ran = doctor("--json")
    assert {finding["result"] for finding in ran.records} == {"ok"}
    assert (ran.code, "a lead would get through" in ran.err) == (0, True)


@pytest.mark.parametrize(
    "way",
    ["certificate_pem", "certificate_pfx", "managed_identity_system", "managed_identity_user", "user_password"],
)
def test_each_way_to_sign_in_can_be_looked_at(doctor: Doctor, standin: Standin, way: str) -> None:
    ran = doctor("--json", **signing_in(standin, way))
    assert [finding for finding in wrong(ran) if finding["check"] != "expiry"] == []
    assert ran.code == 0


def test_it_is_looked_at_in_the_order_in_which_a_lead_needs_it(doctor: Doctor) -> None:
    assert [line[2:25].strip() for line in doctor().lines] == [
        "settings",
        "keys",
        "functions",
        "queues",
        "poison queue",
        "tables",
        "threads",
        "sign-in",
        "organisation",
        "application user",
        "privilege prvCreateLead",
        "privilege prvReadLead",
        "privileges System Job",
        "mapping",
        "plug-ins",
        "Microsoft's solution",
        "expiry",
        "notify",
        "last lead",
        "last test lead",
        "attention",
        "canary",
        "clock",
    ]


# What Partner Center says when Microsoft's own connector is set up wrongly, each text with its cause (docs/doctor.md).
def test_unable_to_access_dynamics_is_the_accounts_password(doctor: Doctor, standin: Standin) -> None:
    ran = doctor("--json", **{**signing_in(standin, "user_password"), "DATAVERSE_PASSWORD": "wrong"})
    require_only(ran, "sign-in", "password_wrong")


def test_no_create_permission_for_an_attribute_is_a_missing_privilege(doctor: Doctor, standin: Standin) -> None:
    held = {
        name: depth for name, depth in standin.control("GET", "config")["privileges"].items() if "Create" not in name
    }
    standin.configure(privileges=held)
    ran = doctor("--json")
    require_only(ran, "privilege prvCreateLead", "missing_privilege")


@pytest.mark.parametrize(
    ("text", "settings", "check", "reason"),
    [
        ("tenant not found", {"DATAVERSE_TENANT_ID": ANOTHER_ID}, "sign-in", "tenant_unknown"),
        (
            "application not found in the directory",
            {"DATAVERSE_CLIENT_ID": ANOTHER_ID},
            "sign-in",
            "application_unknown",
        ),
        ("tenant identifier is not valid", {"DATAVERSE_TENANT_ID": "contoso"}, "settings", "settings"),
        ("invalid client secret", {"DATAVERSE_CLIENT_SECRET": ANOTHER_ID}, "sign-in", "secret_wrong"),
        (
            "request channel timed out",
            {"DATAVERSE_URL": "https://contoso.crm4.dynamics.com"},
            "sign-in",
            "organisation_unknown",
        ),
    ],
)
def test_partner_centers_texts_about_settings_each_have_one_line(
    doctor: Doctor, text: str, settings: dict[str, str], check: str, reason: str
) -> None:
    ran = doctor("--json", **settings)
    require_only(ran, check, reason)
    assert ANOTHER_ID not in ran.out, text


def test_no_roles_are_assigned_is_the_role(doctor: Doctor, standin: Standin) -> None:
    standin.fault("no_role")
    require_only(doctor("--json"), "application user", "no_role")


# Everything that Entra may say


@pytest.mark.parametrize(("number", "reason"), REASONS.items())
def test_each_refusal_of_entra_is_named_with_its_fix(
    doctor: Doctor, standin: Standin, number: int, reason: str
) -> None:
    standin.fault("aad_error", number=number)
    ran = doctor("--json")
    require_only(ran, "sign-in", reason)
    assert wrong(ran)[0]["fix"] == fix_now(reason)


def test_entra_being_away_is_told_from_its_refusals(doctor: Doctor, standin: Standin) -> None:
    standin.fault("aad_error", number=90033)
    ran = doctor("--json")
    require_only(ran, "sign-in", "sign_in_unavailable")
    assert "health" in wrong(ran)[0]["fix"]


# Everything that Dynamics may say before a lead is sent


@pytest.mark.parametrize(
    ("fault", "details", "check", "reason"),
    [
        ("no_app_user", {}, "application user", "no_application_user"),
        ("user_disabled", {}, "application user", "user_disabled"),
        ("org_disabled", {}, "organisation", "organisation_closed"),
        ("admin_mode", {}, "organisation", "organisation_closed"),
        ("empty_401", {}, "organisation", "token_refused"),
        ("status", {"status": 404, "body": "html"}, "organisation", "not_dynamics"),
        ("status", {"status": 503, "body": "html"}, "organisation", "dynamics_error"),
        ("status", {"status": 429, "code": "0x80072322", "retry_after": 30}, "organisation", "throttled"),
        ("drop", {}, "organisation", "dynamics_unreachable"),
    ],
)
def test_each_refusal_of_dynamics_is_named_once(
    doctor: Doctor, standin: Standin, fault: str, details: dict[str, Any], check: str, reason: str
) -> None:
    standin.fault(fault, **details)
    require_only(doctor("--json"), check, reason)


def test_a_column_that_dynamics_lacks_is_named(doctor: Doctor, standin: Standin) -> None:
    standin.configure(columns={"jobtitle": None})
    ran = doctor("--json")
    require_only(ran, "mapping", "column_unknown")
    assert "jobtitle: Dynamics has no such column" in wrong(ran)[0]["fact"]


def test_plug_ins_are_named_without_stopping_anything(doctor: Doctor, standin: Standin) -> None:
    standin.configure(plugin_steps=[{"name": "Contoso.Check: Create of lead"}])
    ran = doctor("--json")
    (finding,) = wrong(ran)
    assert (finding["check"], finding["result"], ran.code) == ("plug-ins", "warning", 0)
    assert "Contoso.Check" in finding["fact"]


def test_microsofts_solution_is_not_needed(doctor: Doctor, standin: Standin) -> None:
    standin.configure(solutions=[])
    assert wrong(doctor("--json")) == []


def test_a_role_that_may_only_write_leads_is_enough(doctor: Doctor, standin: Standin) -> None:
    standin.configure(privileges={"prvCreateLead": "Basic", "prvReadLead": "Basic"})
    ran = doctor("--json")
    assert wrong(ran) == []
    skipped = {finding["check"] for finding in ran.records if finding["result"] == "skipped"}
    assert {"mapping", "plug-ins", "Microsoft's solution"} <= skipped


def test_without_an_organisation_it_is_not_said_that_a_lead_would_get_through(run: Callable[..., Ran]) -> None:
    ran = run("doctor", PYTHON_THREADPOOL_THREAD_COUNT="32")
    assert (ran.code, "get through" in ran.err, "rest in the fallback table" in ran.err) == (0, False, True)


# Settings and storage


def test_a_slip_in_a_setting_with_a_default_is_a_warning_and_checks_continue(doctor: Doctor) -> None:
    ran = doctor("--json", LEADPIPE_FALLBACK_AFTER="four hours", DATAVERSE_SECRET_EXPIRES="soon")
    assert [(each["check"], each["result"]) for each in wrong(ran)] == [("settings", "warning")] * 2
    assert [each["result"] for each in ran.records if each["check"] == "organisation"] == ["ok"]
    assert ran.code == 0


def test_each_fault_of_the_settings_is_a_line(doctor: Doctor) -> None:
    ran = doctor(DATAVERSE_TENANT_ID="contoso", DATAVERSE_CLIENT_ID="", LEADPIPE_TEST_LEADS="drop")
    assert [line[:10] for line in ran.lines].count("✗ settings") == 3
    assert "see settings\n" in ran.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to interrupt another process alone")
def test_ctrl_c_leaves_a_whole_json_array_of_what_was_found(
    storage_account: str, standin: Standin, silent_port: int, python: str
) -> None:
    """A sign-in host that takes the connection and says nothing holds the command long enough to interrupt it."""
    settings = {**standin.settings, "DATAVERSE_AUTHORITY": f"https://127.0.0.1:{silent_port}"}
    running = subprocess.Popen(
        [python, "-m", "leadpipe", "doctor", "--json"],
        env={**bare_environment(), **settings, "AzureWebJobsStorage": storage_account},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert running.stderr is not None
    assert running.stderr.readline().startswith("storage account")
    time.sleep(3)  # as far as the sign-in; sooner would leave fewer findings
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, json.loads(out)[0]["check"], "Traceback" in err) == (130, "settings", False)
    assert "stopped" in err


def test_a_switched_off_function_is_named(doctor: Doctor) -> None:
    ran = doctor("--json", **{"AzureWebJobs.deliver.Disabled": "true"})
    require_only(ran, "functions", "")
    assert "AzureWebJobs.deliver.Disabled" in wrong(ran)[0]["fix"]


def test_a_wrong_key_of_the_storage_account_is_said_once(doctor: Doctor, storage_account: str) -> None:
    name, _, rest = storage_account.partition("AccountKey=")
    _, _, ends = rest.partition(";")
    ran = doctor("--json", AzureWebJobsStorage=f"{name}AccountKey=bWFkZS11cA==;{ends}")
    require_only(ran, "queues", "storage_not_authenticated")
    assert "the queue leads " in wrong(ran)[0]["fact"]


def test_storage_that_is_not_there_is_said_once(doctor: Doctor) -> None:
    away = CONNECTION_STRING.replace(
        "EndpointSuffix=core.windows.net", "TableEndpoint=http://127.0.0.1:9/c;QueueEndpoint=http://127.0.0.1:9/c"
    )
    require_only(doctor("--json", AzureWebJobsStorage=away), "queues", "storage_unreachable")


def test_storage_settings_with_faults_leave_the_rest_to_be_looked_at(doctor: Doctor) -> None:
    ran = doctor("--json", AzureWebJobsStorage="nonsense")
    require_only(ran, "settings", "settings")
    assert [each["result"] for each in ran.records if each["check"] == "organisation"] == ["ok"]


def test_no_settings_at_all_end_with_a_line_and_not_with_a_traceback(run_process: Callable[..., Ran]) -> None:
    ran = run_process("doctor", "--settings", "missing.json")
    assert (ran.code, "Traceback" in ran.err) == (2, False)


def test_nothing_is_left_behind(doctor: Doctor, ledger: AzureLedger, storage: Storage, standin: Standin) -> None:
    ledger.insert(received(timedelta(0)))
    queue = storage.queues.get_queue_client("leads")
    queue.create_queue()
    ran = doctor("--json")
    assert "leadledger: read and written" in next(each["fact"] for each in ran.records if each["check"] == "tables")
    assert [row["Kind"] for row in storage.table("leadledger").list_entities()] == ["record"]
    assert queue.get_queue_properties().approximate_message_count == 0
    assert standin.leads() == []


def test_the_poison_queue_is_a_warning(doctor: Doctor, storage_account: str) -> None:
    poison = QueueClient.from_connection_string(storage_account, "leads-poison")
    poison.create_queue()
    poison.send_message("text")
    ran = doctor("--json")
    assert [(each["check"], each["result"]) for each in wrong(ran)] == [("poison queue", "warning")]
    assert ran.code == 0


def test_the_last_lead_and_the_last_test_lead_are_told_apart(doctor: Doctor, ledger: AzureLedger) -> None:
    lead = received(timedelta(hours=2), state=State.WRITTEN)
    test_lead = received(timedelta(minutes=3), 1, state=State.WRITTEN, is_test=True)
    for each in (lead, test_lead):
        ledger.insert(each)
    facts = {finding["check"]: finding["fact"] for finding in doctor("--json").records}
    assert lead.lead_id in facts["last lead"]
    assert facts["last lead"].startswith("2h 0m ago, written")
    assert test_lead.lead_id in facts["last test lead"]


def test_what_cannot_be_looked_at_shows_in_the_last_lead(doctor: Doctor, ledger: AzureLedger) -> None:
    """Column security, for one, is nowhere to be read."""
    ledger.insert(received(timedelta(minutes=1), state=State.DEFERRED, reason="access_denied"))
    ran = doctor("--json")
    assert [(each["check"], each["reason"]) for each in wrong(ran)] == [("last lead", "access_denied")]
    assert "a lead did not get through: see last lead" in ran.err
    assert ran.code == 0


def test_neither_secrets_nor_keys_are_ever_said(doctor: Doctor, standin: Standin, storage_account: str) -> None:
    key = storage_account.partition("AccountKey=")[2].partition(";")[0]
    for settings in ({}, {"DATAVERSE_TENANT_ID": "contoso"}, {"DATAVERSE_CLIENT_ID": ANOTHER_ID}):
        ran = doctor(**settings)
        for secret in (key, standin.settings["DATAVERSE_CLIENT_SECRET"]):
            assert secret not in ran.out + ran.err


# The same causes while leads come in


@pytest.mark.parametrize(
    ("fault", "details", "reason"),
    [
        ("aad_error", {"number": 7000222}, "secret_expired"),
        ("no_app_user", {}, "no_application_user"),
        ("no_role", {}, "no_role"),
        ("user_disabled", {}, "user_disabled"),
        ("admin_mode", {}, "organisation_closed"),
    ],
)
def test_leads_wait_as_blocked_and_are_delivered_once_it_is_mended(
    app: App, doctor: Doctor, standin: Standin, fault: str, details: dict[str, Any], reason: str
) -> None:
    standin.fault(fault, **details)
    lead_id = app.accepted(payload())
    waiting = app.reaching(lead_id, frozenset({State.DEFERRED, State.POISONED, State.FALLBACK}))
    assert (waiting.state, waiting.reason) == (State.DEFERRED, reason)
    (finding,) = wrong(doctor("--json"))
    assert (finding["result"], finding["reason"]) == ("failed", reason)
    standin.control("DELETE", "faults")
    assert app.reaching(lead_id, frozenset({State.WRITTEN, State.POISONED, State.FALLBACK})).state is State.WRITTEN
    assert wrong(doctor("--json")) == []


# The publisher's own mapping

NOBODY = "99999999-0000-cccc-1111-dddd2222eeee"


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("jobtitel = 'x'", "mapping_unusable", "mapping.toml:2: jobtitel"),
        ("contoso_gone = 1", "column_unknown", "mapping.toml:2: contoso_gone: Dynamics has no such column"),
        (f"campaignid = '{NOBODY}'", "column_unknown", f"campaigns({NOBODY}) does not exist"),
    ],
)
def test_a_mapping_file_that_does_not_fit_is_the_one_fault(
    doctor: Doctor, tmp_path: Path, text: str, reason: str, says: str
) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text(f"[columns]\n{text}\n")
    ran = doctor("--json", LEADPIPE_MAPPING=str(file))
    require_only(ran, "mapping", reason)
    assert says in wrong(ran)[0]["fact"]


def test_what_a_mapping_needs_is_checked_also_where_the_lead_table_is_unreadable(
    doctor: Doctor, standin: Standin, tmp_path: Path
) -> None:
    standin.configure(privileges={"prvCreateLead": "Basic", "prvReadLead": "Basic"})
    file = tmp_path / "mapping.toml"
    created = "[columns]\noverriddencreatedon = 'received'\n"
    file.write_text(f"{created}[[rules]]\nwhen = {{ country = 'FR' }}\nteam = '{NOBODY}'\n")
    ran = doctor("--json", LEADPIPE_MAPPING=str(file))
    require_only(ran, "mapping", "column_unknown")
    assert "lacks prvAssignLead" in wrong(ran)[0]["fact"]
    assert "lacks prvOverrideCreatedOnCreatedBy" in wrong(ran)[0]["fact"]


def test_a_mapping_file_that_fits_counts_its_columns(doctor: Doctor, tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text("[columns]\nfax = '$phone'\njobtitle = ''\n")
    (found,) = [each for each in doctor("--json", LEADPIPE_MAPPING=str(file)).records if each["check"] == "mapping"]
    assert (found["result"], found["fact"]) == ("ok", "17 columns, as Dynamics has them")


def test_a_faulty_mapping_file_is_told_where_dynamics_cannot_be_asked(doctor: Doctor, tmp_path: Path) -> None:
    ran = doctor("--json", LEADPIPE_MAPPING=str(tmp_path / "missing.toml"), DATAVERSE_CLIENT_SECRET="wrong")
    assert {found["check"] for found in wrong(ran)} == {"sign-in", "mapping"}


def test_where_notices_go_is_said_without_the_address_and_nothing_is_posted(doctor: Doctor) -> None:
    with answering() as server:
        ran = doctor("--json", LEADPIPE_NOTIFY_URL=f"{server.url}/made-up-key")
        assert server.requests == []
    (finding,) = [each for each in ran.records if each["check"] == "notify"]
    assert finding["fact"].startswith("to 127.0.0.1, in the format json")
    assert "made-up-key" not in ran.out + ran.err


def test_that_nobody_is_notified_is_a_warning(doctor: Doctor) -> None:
    ran = doctor("--json", LEADPIPE_NOTIFY_URL="")
    assert [(each["check"], each["result"]) for each in wrong(ran)] == [("notify", "warning")]
    assert ran.code == 0
