"""`leadpipe send-test` against the running app: each failure ends with the step that failed and what to do."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from leadpipe.model.record import State
from leadpipe.operations.partner_center import StepFailed, endpoint_of, post, validation_lead
from tests.answering import Answer, answering, json_of, page
from tests.host_process import until
from tests.integration.cli.conftest import Ran, bare_environment
from tests.integration.conftest import App, Starter
from tests.standin_process import Standin

BLOBS = "AzureWebJobsStorage__blobServiceUri"
Run = Callable[..., Ran]
Send = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def send(run: Run, standin: Standin) -> Send:
    """Sends a test lead to the app with the app's own settings; the exit code says what its last step says."""

    def command(app: App | str, *arguments: str, **settings: str) -> list[dict[str, Any]]:
        url = app if isinstance(app, str) else app.host.url
        ran = run("send-test", "--json", "--url", url, *arguments, **{**standin.settings, **settings})
        assert ran.code == (1 if ran.records[-1]["result"] == "failed" else 0), ran.err
        return ran.records

    return command


def lead_id_in(steps: list[dict[str, Any]]) -> str:
    return str(steps[0]["fact"].rpartition(" ")[2])


def failed(steps: list[dict[str, Any]]) -> tuple[str, str]:
    """The step that failed, after checking that it is the last and the only one, and what to do."""
    assert [step["result"] for step in steps].count("failed") == 1
    assert steps[-1]["result"] == "failed"
    return steps[-1]["step"], steps[-1]["fix"]


def test_a_test_lead_is_followed_into_dynamics_and_compared(app: App, send: Send, standin: Standin) -> None:
    steps = send(app)
    assert [(step["step"], step["result"]) for step in steps if step["fact"] != "accepted"] == [
        ("post", "ok"),
        ("delivery", "ok"),
        ("Dynamics", "ok"),
    ]
    assert [step["seconds"] for step in steps] == sorted(step["seconds"] for step in steps)
    (lead,) = standin.leads()
    assert lead["leadid"] == lead_id_in(steps)
    assert lead["emailaddress1"].startswith("MSFT_TEST_")


def test_it_can_be_removed_again_and_its_record_stays_written(app: App, send: Send, standin: Standin) -> None:
    steps = send(app, "--remove")
    assert (steps[-1]["step"], steps[-1]["result"]) == ("removal", "ok")
    assert standin.leads() == []
    record = app.record(lead_id_in(steps))
    assert (record.state, record.reason) == (State.WRITTEN, "removed")
    assert [event.event for event in app.ledger.events(record.lead_id)] == ["removed"]


def test_what_the_role_may_not_delete_is_said(app: App, send: Send, standin: Standin) -> None:
    standin.configure(privileges={"prvCreateLead": "Basic", "prvReadLead": "Basic"})
    steps = send(app, "--remove")
    step, fix = failed(steps)
    assert (step, "role" in fix, "prvDeleteLead" in steps[-1]["fact"]) == ("removal", True, True)
    assert app.record(lead_id_in(steps)).reason == ""


def test_what_the_role_may_not_read_is_no_failure(app: App, send: Send, standin: Standin) -> None:
    standin.configure(privileges={"prvCreateLead": "Basic"})
    assert (send(app)[-1]["step"], send(app)[-1]["result"]) == ("Dynamics", "skipped")


def test_without_a_key_or_with_a_wrong_one_the_post_fails(start_app: Starter, storage_account: str, send: Send) -> None:
    app = start_app(storage_account, "--enable-auth")
    for options, settings in (
        ([], {}),
        (["--key", "s3cret-but-wrong"], {}),
        ([], {"LEADPIPE_KEY": "s3cret-but-wrong"}),
    ):
        steps = send(app, *options, **settings)
        step, fix = failed(steps)
        assert (step, "--key" in fix, "s3cret" in json.dumps(steps)) == ("post", True, False)
    key = app.host.function_key()
    assert send(app, "--key", key)[-1]["result"] == "ok"
    assert send(f"{app.host.url}/api/leads?code={key}")[-1]["result"] == "ok"


def test_a_wrong_url_is_said(app: App, send: Send) -> None:
    step, fix = failed(send(f"{app.host.url}/api/lead"))
    assert (step, "correct the URL" in fix) == ("post", True)


def test_nothing_that_answers_is_said(send: Send, free_port: int) -> None:
    step, fix = failed(send(f"http://127.0.0.1:{free_port}"))
    assert (step, "make run" in fix) == ("post", True)


def test_a_name_that_nobody_has_is_said(send: Send) -> None:
    step, fix = failed(send("https://leadpipe.invalid"))
    assert (step, "correct the URL" in fix) == ("post", True)


def test_a_stopped_delivery_is_said(start_app: Starter, storage_account: str, send: Send) -> None:
    app = start_app(storage_account, **{"AzureWebJobs.deliver.Disabled": "1"})
    steps = send(app, "--wait", "1")
    step, fix = failed(steps)
    assert (step, "AzureWebJobs.deliver.Disabled" in fix) == ("delivery", True)
    assert "1 messages are on it" in steps[-1]["fact"]
    assert "switched off" not in steps[-1]["fact"]


def test_the_setting_that_stops_delivery_is_named_where_it_can_be_seen(
    start_app: Starter, storage_account: str, send: Send
) -> None:
    switch = {"AzureWebJobs.deliver.Disabled": "1"}
    steps = send(start_app(storage_account, **switch), "--wait", "1", **switch)
    step, fix = failed(steps)
    assert (step, "remove the app setting AzureWebJobs.deliver.Disabled" in fix) == ("delivery", True)
    assert "switched off by AzureWebJobs.deliver.Disabled" in steps[-1]["fact"]


def test_an_app_on_another_storage_account_is_said(
    start_app: Starter, new_storage_account: Callable[[], str], send: Send
) -> None:
    step, fix = failed(send(start_app(new_storage_account()), "--wait", "1"))
    assert (step, "another storage account" in fix) == ("ledger", True)


def test_a_blocked_lead_is_not_waited_for(app: App, send: Send, standin: Standin) -> None:
    standin.fault("no_role")
    steps = send(app)
    step, fix = failed(steps)
    assert (step, steps[-1]["reason"], "give it the role" in fix) == ("delivery", "no_role", True)
    assert steps[-1]["seconds"] < 20


def test_a_poisoned_lead_ends_it_with_cause_and_fix(app: App, send: Send, standin: Standin) -> None:
    standin.fault("plugin_abort")
    steps = send(app)
    step, fix = failed(steps)
    assert (step, steps[-1]["reason"]) == ("delivery", "plugin_refused")
    assert "`leadpipe poison edit " in fix


def test_what_time_heals_is_waited_for_and_then_said(app: App, send: Send, standin: Standin) -> None:
    standin.fault("deadlock", count=None)
    steps = send(app, "--wait", "8")
    step, fix = failed(steps)
    assert (step, steps[-1]["reason"], "tried again at" in fix) == ("delivery", "dynamics_busy", True)


def test_by_setting_it_stays_in_the_ledger(
    start_app: Starter, storage_account: str, send: Send, standin: Standin
) -> None:
    app = start_app(storage_account, LEADPIPE_TEST_LEADS="keep")
    steps = send(app, "--remove")
    assert [(step["step"], step["result"]) for step in steps if step["fact"] != "accepted"] == [
        ("post", "ok"),
        ("delivery", "ok"),
        ("Dynamics", "skipped"),
        ("removal", "skipped"),
    ]
    assert standin.leads() == []


def test_a_lead_that_stays_in_the_ledger_is_not_reported_as_got_through(
    start_app: Starter, storage_account: str, run: Run, standin: Standin
) -> None:
    app = start_app(storage_account, LEADPIPE_TEST_LEADS="keep")
    ran = run("send-test", "--url", app.host.url, **standin.settings)
    assert (ran.code, "got through" in ran.err, "LEADPIPE_TEST_LEADS" in ran.err) == (0, False, True)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to interrupt another process alone")
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "lines"])
def test_ctrl_c_leaves_the_id_of_what_was_posted(
    start_app: Starter, storage_account: str, standin: Standin, python: str, as_json: bool
) -> None:
    app = start_app(storage_account, **{"AzureWebJobs.deliver.Disabled": "1"})
    options = ["--json"] if as_json else []
    running = subprocess.Popen(
        [python, "-m", "leadpipe", "send-test", "--url", app.host.url, *options],
        env={**bare_environment(), **standin.settings, "AzureWebJobsStorage": storage_account},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    until(lambda: app.ledger.first_day() is not None, "the lead in the ledger")
    today = datetime.now(UTC).date()
    (record,) = app.ledger.between(today, today)
    time.sleep(1)  # the 202 on its way, and the first look at the record; sooner would show less
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert record.lead_id in (json.loads(out)[0]["fact"] if as_json else out)
    assert f"leadpipe show {record.lead_id}" in err


def test_an_address_without_https_is_a_usage_error(run: Run) -> None:
    ran = run("send-test", "--url", "http://contoso.azurewebsites.net/api/leads?code=s3cret")
    assert (ran.code, "s3cret" in ran.err + ran.out) == (2, False)


def test_the_local_run_is_found_by_the_port_in_the_settings_file(
    app: App, run: Run, standin: Standin, storage_account: str, tmp_path: Path
) -> None:
    port = int(app.host.url.rpartition(":")[2])
    values = {**standin.settings, "AzureWebJobsStorage": storage_account}
    file = tmp_path / "left.json"
    file.write_text(json.dumps({"Values": values, "Host": {"LocalHttpPort": port}}))
    ran = run("send-test", "--settings", str(file))
    assert (ran.code, "the test lead got through" in ran.err) == (0, True)
    assert ran.lines[0].split()[1] == "post"


def test_what_dynamics_has_is_compared_with_the_mapping_file(
    start_app: Starter, storage_account: str, send: Send, standin: Standin, tmp_path: Path
) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text('[columns]\njobtitle = "by $source"\n')
    app = start_app(storage_account, LEADPIPE_MAPPING=str(file))
    steps = send(app, LEADPIPE_MAPPING=str(file))
    assert (steps[-1]["step"], steps[-1]["result"]) == ("Dynamics", "ok")
    assert [lead["jobtitle"] for lead in standin.leads()] == ["by AzureMarketplace"]
    file.write_text('[columns]\njobtitel = "x"\n')
    steps = send(app, LEADPIPE_MAPPING=str(file))
    step, fix = failed(steps)
    assert (step, steps[-1]["reason"], "leadpipe mapping check" in fix) == ("delivery", "mapping_unusable", True)


@pytest.mark.parametrize(
    ("health", "fact"),
    [
        (json_of(503, f'{{"error": "not_ready", "detail": "{BLOBS} is not set"}}'), f"health says: {BLOBS} is not set"),
        (json_of(200, '{"status": "ready"}'), "the key is missing or wrong"),
        (page(503), "the key is missing or wrong"),
        (Answer(status=503, body=b"{", close_early=True), "the key is missing or wrong"),
    ],
)
def test_where_the_host_refuses_every_key_the_setting_that_health_names_is_said(health: Answer, fact: str) -> None:
    with answering() as server:
        server.answers = lambda _, path: health if path == "/api/health" else Answer(status=401)
        with pytest.raises(StepFailed) as raised:
            post(endpoint_of(server.url, "k"), validation_lead("1"))
    assert fact in raised.value.fact
    assert server.requests == ["POST /api/leads", "GET /api/health"]


def test_health_is_not_asked_where_leadpipe_itself_refused_the_key() -> None:
    with answering() as server:
        server.answer = json_of(401, '{"error": "wrong_key"}')
        with pytest.raises(StepFailed):
            post(endpoint_of(server.url, "k"), validation_lead("1"))
    assert server.requests == ["POST /api/leads"]
