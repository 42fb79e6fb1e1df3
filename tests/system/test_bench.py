"""`python -m bench --quick`: every row is there, and what is counted instead of timed is exact."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bench.app import NO_SWEEP, App, BenchError, running, until
from bench.used import used_by

if TYPE_CHECKING:
    from bench.stage import Stage

ROOT = Path(__file__).parents[2]
COUNTS = {
    "storage requests of the app for one lead": (5, "insert, put, read, claim, merge"),
    "storage requests of the host for one lead": (2, "receive, delete"),
    "Dataverse requests for one lead": (1, "POST leads"),
}
LINES = {
    "log lines of leadpipe for one lead": (2, "1 lead_accepted, 1 lead_settled"),
    "log lines of the host for one lead": (4, "1 Executing, 1 Executed, 1 Executing, 1 Executed"),
    "log lines of leadpipe in an hour of idle sweeps": (12, "12 pipeline_state"),
}
TIMES = [
    "fresh process to first 202",
    "leads/s through intake",
    "leads/s through delivery",
    "accept to written, idle, p95",
]
OPERATORS = [
    *(f"leadpipe {command}, 200 records" for command in ("status", "leads --json", "poison list", "balance")),
    "storage requests of an idle sweep, 200 records",
]
LARGE = [
    *(f"leadpipe {command}, 300 records" for command in ("status", "report")),
    *(f"console, {page}, 300 records" for page in ("first page", "slowest list")),
]
SHARES = ["under a throttle: the allowance that got through", "under a throttle: refused, of all requests"]


def bench(*arguments: str) -> str:
    command = [sys.executable, "-m", "bench", "--quick", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_every_row_is_measured_and_one_lead_costs_what_the_design_says() -> None:
    rows = {row["name"]: row for row in json.loads(bench("--json"))}
    assert [*rows] == [*COUNTS, *LINES, *TIMES, *OPERATORS, *LARGE, *SHARES]
    assert {name: (rows[name]["value"], rows[name]["ours"]) for name in COUNTS} == COUNTS
    assert {name: (rows[name]["value"], rows[name]["ours"]) for name in LINES} == LINES
    assert all(rows[name]["value"] > 0 for name in (*TIMES, *OPERATORS, *LARGE, SHARES[0]))
    assert 0 <= rows[SHARES[1]]["value"] <= 1


def test_the_table_holds_each_row_with_its_target() -> None:
    lines = bench("--only", "requests").splitlines()[1:]
    assert [line.split("  ")[0] for line in lines] == [*COUNTS]
    assert all(line.endswith("reached") for line in lines)


def test_what_a_command_used_is_its_own_and_not_the_benchmarks(tmp_path: Path) -> None:
    held = b"x" * (160 << 20)
    script = "import sys; print('done'); print('said', file=sys.stderr); sum(range(3_000_000)); sys.exit(7)"
    used, code = used_by([sys.executable, "-c", script], environment={**os.environ}, output=tmp_path / "out")
    assert (code, sorted((tmp_path / "out").read_text().split())) == (7, ["done", "said"])
    assert 0 < used.megabytes < 120 < len(held) >> 20
    assert used.processor_seconds > 0


def test_a_command_that_cannot_be_started_is_an_error_of_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="could not be measured"):
        used_by([str(tmp_path / "nothing")], environment={**os.environ}, output=tmp_path / "out")


def measured_in_vain(folder: Path, storage: str) -> None:
    stage = cast("Stage", SimpleNamespace(folder=folder, dynamics=SimpleNamespace(settings={})))
    with running(App.OURS, stage, storage, settings=NO_SWEEP):
        (log,) = folder.glob("ours-*.log")
        until(lambda: "timerTrigger" in log.read_text(), "the list of functions")
        raise BenchError("the lead is written: not within 60 s")


def test_a_measurement_that_fails_says_what_the_app_logged_last(tmp_path: Path, storage_account: str) -> None:
    with pytest.raises(BenchError, match=r"not within 60 s; the app runs, its last lines:\nFunctions:\n.*leads"):
        measured_in_vain(tmp_path, storage_account)


def test_both_apps_run_under_the_same_host_settings() -> None:
    assert (ROOT / "bench/bare/host.json").read_text() == (ROOT / "host.json").read_text()
