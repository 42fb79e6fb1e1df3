"""`python -m leadpipe` from outside: where settings come from, what goes where, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import leadpipe
from leadpipe.storage.ledger import AzureLedger
from tests.factories import CONNECTION_STRING, LEAD_ID, environment, record
from tests.integration.cli.conftest import Ran, TlsServer, bare_environment

Run = Callable[..., Ran]
UNREACHABLE = CONNECTION_STRING.replace(
    "EndpointSuffix=core.windows.net", "TableEndpoint=http://127.0.0.1:9/c;QueueEndpoint=http://127.0.0.1:9/c"
)


def write_settings(file: Path, **values: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"IsEncrypted": False, "Values": values}), encoding="utf-8")


def test_each_command_first_says_on_stderr_what_it_talks_to(storage_account: str, run_process: Run) -> None:
    settings = {**environment(), "AzureWebJobsStorage": storage_account}
    for command in (["status"], ["leads"], ["show", LEAD_ID]):
        ran = run_process(*command, **settings)
        account = storage_account.partition("AccountName=")[2].partition(";")[0]
        assert ran.err.startswith(f"storage account {account} at 127.0.0.1:")
        assert "organisation contoso.crm4.dynamics.com; settings from the environment\n" in ran.err
        assert "storage account" not in ran.out


def test_without_an_organisation_it_says_so(storage_account: str, run_process: Run) -> None:
    assert "no organisation" in run_process("status", AzureWebJobsStorage=storage_account).err


def test_settings_with_faults_are_named_and_never_quoted(storage_account: str, run_process: Run) -> None:
    secret = "not-an-address-but-a-secret"
    ran = run_process("status", AzureWebJobsStorage=storage_account, DATAVERSE_URL=secret)
    assert "an organisation whose settings cannot be used" in ran.err
    assert "setting DATAVERSE_URL is not an https address" in ran.err
    assert secret not in ran.err + ran.out


def test_local_settings_of_the_current_folder_are_found(storage_account: str, run_process: Run, tmp_path: Path) -> None:
    write_settings(tmp_path / "local.settings.json", AzureWebJobsStorage=storage_account)
    ran = run_process("leads")
    assert (ran.code, "settings from local.settings.json" in ran.err) == (0, True)


def test_what_make_run_left_is_found(storage_account: str, run_process: Run, tmp_path: Path) -> None:
    write_settings(tmp_path / ".devkit" / "settings.json", AzureWebJobsStorage=storage_account)
    ran = run_process("leads")
    assert (ran.code, f"settings from {Path('.devkit', 'settings.json')}" in ran.err) == (0, True)


@pytest.mark.parametrize("before", [True, False], ids=["before the command", "after the command"])
def test_a_chosen_file_wins_and_may_stand_before_or_after_the_command(
    storage_account: str, run_process: Run, tmp_path: Path, before: bool
) -> None:
    write_settings(tmp_path / "prod.json", AzureWebJobsStorage=storage_account)
    chosen = ["--settings", "prod.json"]
    arguments = [*chosen, "leads"] if before else ["leads", *chosen]
    ran = run_process(*arguments, AzureWebJobsStorage=UNREACHABLE)
    assert (ran.code, "settings from prod.json" in ran.err) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["leads", "--state", "lost"], "poisoned"),
        (["leads", "--since", "yesterday"], "7d, 24h or 30m"),
        (["leads", "--limit", "0"], "--limit"),
        (["show", "0000"], "a lead id looks like"),
        (["show"], "ID"),
        (["status", "--settings", "missing.json"], "missing.json"),
        (["statsu"], "statsu"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_exits_with_2_and_says_what_is_right(
    run_process: Run, arguments: list[str], says: str
) -> None:
    ran = run_process(*arguments, AzureWebJobsStorage=UNREACHABLE)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("text", ["{", '{"IsEncrypted": true, "Values": {"AzureWebJobsStorage": "c2VjcmV0"}}'])
def test_an_unreadable_settings_file_is_one_line(run_process: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "local.settings.json").write_text(text, encoding="utf-8")
    ran = run_process("status")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("leadpipe: local.settings.json is ")
    assert ran.err.count("\n") == 1
    assert "c2VjcmV0" not in ran.err


def test_storage_that_does_not_answer_is_one_line_with_what_to_check(run_process: Run) -> None:
    ran = run_process("status", AzureWebJobsStorage=UNREACHABLE)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[1].startswith("leadpipe: the storage account did not answer (the ledger")
    assert len(ran.err.splitlines()) == 2
    assert "bWFkZS11cA" not in ran.err


def test_a_key_that_storage_refuses_is_one_line_with_what_to_check(storage_account: str, run_process: Run) -> None:
    key = storage_account.partition("AccountKey=")[2].partition(";")[0]
    ran = run_process("leads", AzureWebJobsStorage=storage_account.replace(key, "bWFkZS11cA=="))
    assert ran.code == 1
    assert "leadpipe: the storage account refused the app" in ran.err
    assert "Traceback" not in ran.err


def test_a_certificate_bundle_from_a_file_takes_effect(tls: TlsServer, run_process: Run, tmp_path: Path) -> None:
    storage = UNREACHABLE.replace("http://127.0.0.1:9/", f"https://127.0.0.1:{tls.listener.port}/")
    write_settings(tmp_path / "untrusted.json", AzureWebJobsStorage=storage)
    write_settings(tmp_path / "trusted.json", AzureWebJobsStorage=storage, REQUESTS_CA_BUNDLE=str(tls.bundle))
    assert run_process("leads", "--settings", "untrusted.json").code == 1
    assert tls.listener.greeted == 0
    assert run_process("leads", "--settings", "trusted.json").code == 1  # nothing answers behind the handshake
    assert tls.listener.greeted > 0


def test_a_certificate_bundle_that_is_still_a_reference_is_named_and_not_quoted(run_process: Run) -> None:
    ran = run_process("leads", AzureWebJobsStorage=UNREACHABLE, REQUESTS_CA_BUNDLE="@Microsoft.KeyVault(SecretUri=x)")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("leadpipe: REQUESTS_CA_BUNDLE is an unresolved Key Vault reference")
    assert "SecretUri" not in ran.err


def test_a_certificate_bundle_that_does_not_exist_is_one_line(run_process: Run) -> None:
    ran = run_process("leads", AzureWebJobsStorage=UNREACHABLE, REQUESTS_CA_BUNDLE="missing.pem")
    assert ran.code == 1
    assert ran.err == "leadpipe: REQUESTS_CA_BUNDLE names missing.pem, which does not exist (in the environment)\n"


@pytest.mark.parametrize("command", ["leads", "doctor"])
def test_a_reader_that_leaves_early_causes_no_words(
    storage_account: str, ledger: AzureLedger, python: str, command: str
) -> None:
    ledger.insert(record())
    environment = {**bare_environment(), "AzureWebJobsStorage": storage_account}
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [python, "-m", "leadpipe", command],
        env=environment,
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(write)
    assert done.returncode == 141
    assert b"Error" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize(
    ("redirection", "code"),
    [(">&-", 0), ("2>&-", 0), (">&- 2>&-", 0), (">/dev/full", 1), (">/dev/full 2>&1", 1)],
)
@pytest.mark.parametrize("command", ["status", "doctor"])
def test_a_stream_that_takes_nothing_gives_no_traceback(
    storage_account: str, tmp_path: Path, python: str, command: str, redirection: str, code: int
) -> None:
    # The shell's own stderr is what a traceback would be seen on.
    done = subprocess.run(
        ["sh", "-c", f'"{python}" -m leadpipe {command} {redirection}'],
        cwd=tmp_path,
        env={**bare_environment(), "AzureWebJobsStorage": storage_account},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (code, False)
    if redirection == ">/dev/full":
        assert "cannot be written" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to interrupt another process alone")
def test_ctrl_c_exits_with_130_and_without_a_traceback(silent_port: int) -> None:
    """Storage that takes the connection and says nothing holds the command long enough to interrupt it."""
    storage = UNREACHABLE.replace(":9/", f":{silent_port}/")
    running = subprocess.Popen(
        [sys.executable, "-m", "leadpipe", "leads"],
        env={**bare_environment(), "AzureWebJobsStorage": storage},
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert running.stderr is not None
    assert running.stderr.readline().startswith("storage account")
    time.sleep(0.3)  # into the request; sooner would do as well
    running.send_signal(signal.SIGINT)
    _, words = running.communicate(timeout=30)
    assert (running.returncode, "Traceback" in words) == (130, False)


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_missing_packages_are_one_line_with_the_fix(missing: str) -> None:
    hidden = f"import sys; sys.modules[{missing!r}] = None; from leadpipe.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hidden, "status"],
        env=bare_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "pip install 'leadpipe[ops]'" in done.stderr


def test_the_top_level_help_has_the_exit_codes(run_process: Run) -> None:
    ran = run_process("--help")
    assert ran.code == 0
    assert "1  failed, or a person is needed" in ran.out
    assert "130  stopped by Ctrl-C" in ran.out
    assert max(map(len, ran.lines)) <= 80


def test_the_version_is_printed_without_any_settings() -> None:
    """The process is no fork: Python starts, and imports what a command needs."""
    command = [sys.executable, "-m", "leadpipe", "--version"]
    done = subprocess.run(command, env=bare_environment(), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"leadpipe {leadpipe.__version__}\n", "")
