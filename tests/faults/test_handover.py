"""Two hosts on one account: one of them sweeps. When it is killed, the other one sweeps after its lock has lapsed."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devkit.chaos.watch import read_journal
from tests.faults.rig import Host, Rig
from tests.faults.test_outages import all_are_written_once, posted
from tests.host_process import ROOT, until

# The lock lives a minute on Azure, and is asked for as often.
HURRY = 10
# Each lead's first delivery crashes, and the host gives its message up at once: only a sweep brings the lead back.
CRASHING = "number"
SETTINGS = {"AzureWebJobs.sweep.Disabled": "", "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "1"}
EVERY_MINUTE, EVERY_SECOND = '"0 * * * * *"', '"* * * * * *"'


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """leadpipe, sweeping each second in place of each minute."""
    folder = tmp_path / "app"
    folder.mkdir()
    shutil.copy(ROOT / "host.json", folder)
    source = (ROOT / "function_app.py").read_text()
    assert source.count(EVERY_MINUTE) == 1
    (folder / "function_app.py").write_text(source.replace(EVERY_MINUTE, EVERY_SECOND))
    return folder


def start(rig: Rig, app: Path) -> Host:
    data = ("--data", str(rig.folder / "host"))
    waits = ("--lease", "1", "--hurry", str(HURRY))
    child = rig.start(
        "host", "--app", str(app), "--port", "0", *data, *waits, options=("--crash", CRASHING), **SETTINGS
    )
    return Host(child, child.listening())


def holder(rig: Rig) -> tuple[str, datetime]:
    """Which process holds the sweep's lock, and until when it does unless it renews it."""
    file = rig.folder / "host" / "timers" / "locks.sqlite"
    with closing(sqlite3.connect(file)) as locks:
        ((process, lapses),) = locks.execute("SELECT holder, until FROM locks WHERE name = 'sweep'")
    return str(process).split()[1], datetime.fromtimestamp(lapses, UTC)


def sweepers(rig: Rig) -> set[int]:
    """The workers in which a sweep wrote something."""
    return {line["process"] for line in read_journal(rig.journal) if line.get("flow") == "poison_queue"}


def test_a_killed_hosts_sweep_passes_to_the_other_late_and_no_lead_is_lost(rig: Rig, app: Path) -> None:
    first = start(rig, app)
    until(lambda: "This host runs 'sweep'" in first.child.said, "the first host's lock")
    second = start(rig, app)
    lead_ids = posted(first.url, range(4)) + posted(second.url, range(4, 8))
    until(lambda: not rig.unrest(), "the leads that both hosts took to be swept up")
    assert holder(rig)[0] == str(first.child.pid)
    assert len(sweepers(rig)) == 1

    lead_ids += posted(first.url, range(8, 12)) + posted(second.url, range(12, 16))
    os.kill(first.child.pid, signal.SIGKILL)
    first.child.wait()
    lapses = holder(rig)[1]
    late = posted(second.url, range(16, 20))
    until(lambda: holder(rig)[0] == str(second.child.pid), "the other host to take the lock")
    until(lambda: not rig.unrest(), "the leads to be swept up by the other host")
    all_are_written_once(rig, lead_ids + late)
    assert len(sweepers(rig)) == 2
    assert min(filter(None, (rig.record(lead_id).written_at for lead_id in late))) > lapses
