"""`make run` from outside, with a function app of a few lines in place of leadpipe's."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from devkit.launcher.private import make_private

ROOT = Path(__file__).parents[3]
APP = """
import os
import azure.functions as func
app = func.FunctionApp()

@app.route(route="leads", auth_level=func.AuthLevel.ANONYMOUS)
def leads(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(os.environ["DATAVERSE_URL"])

@app.route(route="die", auth_level=func.AuthLevel.ANONYMOUS)
def die(req: func.HttpRequest) -> func.HttpResponse:
    os._exit(71)
"""
ACCEPTING = """
import azure.functions as func
app = func.FunctionApp()

@app.route(route="leads", auth_level=func.AuthLevel.ANONYMOUS)
def leads(req: func.HttpRequest) -> func.HttpResponse:
    body = '{"status": "accepted", "lead_id": "01a200bd-56a9-7057-ab04-3a8a81547556"}'
    return func.HttpResponse(body, status_code=202)
"""
Start = Callable[..., "Running"]


class Running:
    """`make run`, what it says, and the processes that it started, known by a mark in their environment."""

    def __init__(self, process: subprocess.Popen[str], mark: str) -> None:
        self.process = process
        self.mark = mark
        self.said: list[str] = []

    def wait_for(self, text: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if text in line:
                return self.said[-1]
        pytest.fail("\n".join(["it ended without saying so:", *self.said]))

    def started(self) -> list[int]:
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if pid != self.process.pid and self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        try:
            return self.mark.encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


@pytest.fixture
def start(tmp_path: Path, app: Path, free_port: int) -> Iterator[Start]:
    running: list[Running] = []

    def start(
        *options: str, port: int = free_port, sample: bool = False, console: bool = False, **settings: str
    ) -> Running:
        arguments = ["--port", str(port), "--data", str(tmp_path / "data"), "--app", str(app), *options]
        arguments += [] if sample else ["--no-sample"]
        arguments += [] if console else ["--no-console"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATAVERSE", "Azure"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "devkit.run", *arguments],
            cwd=ROOT,
            env={**environment, **settings, "LEADPIPE_TRIAL": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(Running(process, f"LEADPIPE_TRIAL={tmp_path}"))
        return running[-1]

    yield start
    for one in running:
        with one.process:
            one.process.kill()


def wait_until_gone(pids: list[int]) -> None:
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        threading.Event().wait(0.05)


def test_it_serves_until_ctrl_c_and_leaves_nothing_running(start: Start, free_port: int, tmp_path: Path) -> None:
    run = start(console=True)
    run.wait_for("Ctrl-C stops everything")
    assert requests.get(f"http://127.0.0.1:{free_port}/api/leads", timeout=30).text.startswith("https://localhost:")
    pids = run.started()
    assert len(pids) >= 6  # the parts, each with its leash

    run.process.send_signal(signal.SIGINT)

    assert run.process.wait() == 0
    wait_until_gone(pids)
    assert (tmp_path / "data" / "logs" / "functions-host.log").read_text()


def test_a_launcher_killed_with_9_leaves_nothing_running(start: Start) -> None:
    run = start(console=True)
    run.wait_for("Ctrl-C stops everything")
    pids = run.started()

    run.process.kill()

    wait_until_gone(pids)


def test_a_host_that_ends_comes_back_at_the_same_address(start: Start, free_port: int) -> None:
    run = start()
    run.wait_for("Ctrl-C stops everything")
    for _ in range(3):  # so often the worker may die within half an hour
        with suppress(requests.ConnectionError):
            assert requests.get(f"http://127.0.0.1:{free_port}/api/die", timeout=30).status_code == 500

    assert "functions host ended (exit code 0, its log says why)" in run.wait_for("as the platform would")
    run.wait_for("functions host is back")
    assert requests.get(f"http://127.0.0.1:{free_port}/api/leads", timeout=30).ok


def test_a_port_in_use_gets_one_line_before_anything_is_started(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = start(port=port)
        output = run.process.communicate()[0]

    assert run.process.returncode == 1
    assert output == f"✗ port {port} is in use; choose another: make run ARGS='--port {port + 1}'\n"
    assert not (tmp_path / "data" / "logs").exists()


def test_two_in_the_same_folder_get_one_line(start: Start) -> None:
    first = start("--no-host")
    first.wait_for("Ctrl-C stops everything")

    second = start("--no-host")

    assert "is in use by another `make run`" in second.process.communicate()[0]
    assert second.process.returncode == 1


def test_an_app_that_cannot_be_loaded_ends_the_rest_with_its_reason(start: Start, app: Path) -> None:
    (app / "function_app.py").write_text("raise RuntimeError('no app today')")
    run = start()
    output = run.process.communicate()[0]

    assert run.process.returncode == 1
    assert "✗ functions host ended with exit code" in output
    assert "no app today" in output
    wait_until_gone(run.started())


def test_what_is_set_is_used_in_place_of_something_of_its_own(start: Start, storage_account: str) -> None:
    run = start(
        "--no-host",
        AzureWebJobsStorage=storage_account,
        DATAVERSE_URL="https://contoso.crm4.dynamics.com",
    )
    run.wait_for("Ctrl-C stops everything")

    assert "  storage: AzureWebJobsStorage as the environment has it" in run.said
    assert "  Dynamics: https://contoso.crm4.dynamics.com as the environment has it" in run.said
    assert run.started() == []


def test_an_empty_organisation_says_how_it_is_set_up_and_gets_no_sample(start: Start, tmp_path: Path) -> None:
    run = start("--empty")
    run.wait_for("Ctrl-C stops everything")
    values = json.loads((tmp_path / "data" / "settings.json").read_text())["Values"]
    session = requests.Session()
    session.trust_env = False

    config = session.get(
        f"{values['DATAVERSE_URL']}/_standin/config", verify=values["REQUESTS_CA_BUNDLE"], timeout=30
    ).json()

    assert (config["application_user"], config["roles"]) == ("missing", [])
    assert any(line.strip().startswith("set up") and line.endswith("setup --apply") for line in run.said)
    assert not any("lead accepted" in line for line in run.said)


def test_without_a_host_it_leaves_settings_for_func_start(start: Start) -> None:
    run = start("--no-host")
    path = run.wait_for("settings").split()[-1]

    values = json.loads(Path(path).read_text())["Values"]

    assert {"AzureWebJobsStorage", "DATAVERSE_URL", "DATAVERSE_CLIENT_SECRET", "REQUESTS_CA_BUNDLE"} <= values.keys()


def test_where_delivery_is_switched_off_nobody_waits_for_the_test_lead(start: Start, app: Path, tmp_path: Path) -> None:
    (app / "function_app.py").write_text(ACCEPTING)
    run = start(sample=True, **{"AzureWebJobs.deliver.Disabled": "1"})
    run.wait_for("it waits on the queue: AzureWebJobs.deliver.Disabled is set")
    run.wait_for("Ctrl-C stops everything")

    values = json.loads((tmp_path / "data" / "settings.json").read_text())["Values"]

    assert values["AzureWebJobs.deliver.Disabled"] == "1"


@pytest.mark.skipif(os.name == "nt", reason="Windows has other ways to keep a user's folder")
def test_what_a_run_keeps_is_readable_by_its_owner_alone_also_where_it_was_not(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "logs").mkdir(parents=True)
    (data / "logs" / "functions-host.log").write_text("of an earlier run\n")
    for path in (data, data / "logs", data / "logs" / "functions-host.log"):
        path.chmod(0o777)
    run = start(console=True)
    run.wait_for("Ctrl-C stops everything")
    run.process.send_signal(signal.SIGINT)  # Azurite writes its files at the latest now
    assert run.process.wait() == 0

    kept = {path: path.lstat().st_mode & 0o077 for path in (data, *data.rglob("*"))}

    assert {path.name: mode for path, mode in kept.items() if mode} == {}
    names = {path.name for path in kept}
    assert {"__azurite_db_queue__.json", "leads.sqlite3", "functions-host.log", "settings.json", "lock"} <= names


@pytest.mark.skipif(os.name == "nt", reason="Windows has other ways to keep a user's folder")
def test_a_folder_with_other_things_in_it_keeps_its_mode_and_theirs(tmp_path: Path) -> None:
    for name in ("logs", "photos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("")
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "photos" / "file")
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755)

    make_private(tmp_path, ["logs"])

    modes = {
        name: (tmp_path / name).stat().st_mode & 0o777 for name in ("", "photos", "photos/file", "logs", "logs/file")
    }
    assert modes == {"": 0o755, "photos": 0o755, "photos/file": 0o755, "logs": 0o700, "logs/file": 0o700}
