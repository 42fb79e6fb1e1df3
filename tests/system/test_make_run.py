"""The whole of it from outside, as a newcomer starts it. Imports nothing from leadpipe."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.make_run import ROOT, MakeRun


@pytest.fixture
def started() -> Iterator[list[MakeRun]]:
    runs: list[MakeRun] = []
    yield runs
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        assert run.process.stdout is not None
        run.process.stdout.close()


def test_each_of_two_runs_writes_its_own_test_lead_and_ctrl_c_leaves_nothing(
    tmp_path: Path, free_port: int, started: list[MakeRun]
) -> None:
    ids = []
    for _ in range(2):
        run = MakeRun(tmp_path / "data", free_port)
        started.append(run)
        accepted = run.reads("lead accepted")
        ids.append(re.findall(r"[0-9a-f-]{36}", accepted)[0])
        assert "✓" in run.reads("lead written")
        run.reads("Ctrl-C stops everything")
        assert run.interrupt() == 0
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{free_port}/api/health", timeout=5)
    assert len({*ids}) == 2


def test_a_posted_sample_is_found_by_command_in_the_console_and_on_the_stand_in(
    tmp_path: Path, free_port: int, started: list[MakeRun]
) -> None:
    run = MakeRun(tmp_path / "data", free_port, "--no-sample")
    started.append(run)
    console = run.reads("console    http").split()[1]
    run.reads("Ctrl-C stops everything")
    posted = (ROOT / "tests" / "samples" / "marketplace" / "https-documented.json").read_bytes()
    answer = requests.post(f"http://127.0.0.1:{free_port}/api/leads", data=posted, timeout=30)
    lead_id = answer.json()["lead_id"]
    run.reads(f"lead_settled lead_id={lead_id} outcome=written")

    settings = tmp_path / "data" / "settings.json"
    command = [sys.executable, "-m", "leadpipe", "--settings", str(settings)]
    status = subprocess.run([*command, "status"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert status.returncode == 0, status.stderr
    shown = subprocess.run([*command, "show", lead_id, "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    (record,) = json.loads(shown.stdout)
    assert record["state"] == "written"

    values = json.loads(settings.read_text())["Values"]
    page = requests.get(values["DATAVERSE_URL"], verify=values["REQUESTS_CA_BUNDLE"], timeout=30)
    assert "Some" in page.text
    assert lead_id in page.text
    with requests.Session() as browser:
        assert lead_id in browser.get(console, timeout=30).text
    assert run.interrupt() == 0


def test_with_keys_of_leadpipes_own_the_sample_carries_one(
    tmp_path: Path, free_port: int, started: list[MakeRun]
) -> None:
    key = "0123456789abcdef"
    keys = {"LEADPIPE_AUTH": "keys", "LEADPIPE_KEYS": f"sample:{key}"}
    run = MakeRun(tmp_path / "data", free_port, "--enable-auth", **keys)
    started.append(run)
    run.reads("lead written")
    run.reads("one of LEADPIPE_KEYS")
    run.reads("Ctrl-C stops everything")
    url = f"http://127.0.0.1:{free_port}/api/leads"
    assert requests.post(url, data=b"{}", timeout=30).json()["error"] == "wrong_key"
    settings = tmp_path / "data" / "settings.json"
    command = [sys.executable, "-m", "leadpipe", "--settings", str(settings), "keys", "--json"]
    named = subprocess.run(command, cwd=ROOT, env={**os.environ, **keys}, capture_output=True, text=True, check=True)
    (use,) = json.loads(named.stdout)
    assert (use["name"], use["leads"]) == ("sample", 1)
    assert key not in "".join(run.screen) + settings.read_text()
    assert run.interrupt() == 0


def test_a_port_in_use_is_one_line_with_what_to_do(tmp_path: Path, started: list[MakeRun], free_port: int) -> None:
    with socket_on(free_port):
        run = MakeRun(tmp_path / "data", free_port)
        started.append(run)
        assert "choose another" in run.reads(f"port {free_port} is in use")
        assert run.process.wait(timeout=30) == 1


def socket_on(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))
