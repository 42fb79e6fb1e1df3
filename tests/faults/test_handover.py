"""Two hosts on one account: one of them sweeps. When it is killed, the other one sweeps after its lock has lapsed."""

import shutil
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devkit.chaos.watch import Death, read_journal
from devkit.chaos.windows import Window
from leadpipe.model.record import State
from tests.faults.rig import Host, Planned, Rig
from tests.faults.test_outages import all_are_written_once, posted
from tests.host_process import ROOT, until

# The lock lives a minute on Azure, and is asked for as often.
HURRY = 10
# Each lead's first delivery crashes, and the host gives its message up at once: only a sweep brings the lead back.
CRASHING = "number"
SETTINGS = {"AzureWebJobs.sweep.Disabled": "", "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "1"}
HALF_SWEPT = Window("poison_queue", "ledger.write", "queue.put")
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


def start(rig: Rig, app: Path, *deaths: Planned) -> Host:
    where = ("--app", str(app), "--port", "0", "--data", str(rig.folder / "host"))
    waits = ("--lease", "1", "--hurry", str(HURRY))
    child = rig.start("host", *where, *waits, deaths=deaths, options=("--crash", CRASHING), by=Death.HOST, **SETTINGS)
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
    # After the eight leads that it sweeps up, it dies over the ninth, which came to the other host.
    first = start(rig, app, (HALF_SWEPT, 9))
    until(lambda: "This host runs 'sweep'" in first.child.said, "the first host's lock")
    second = start(rig, app)
    lead_ids = posted(first.url, range(4)) + posted(second.url, range(4, 8))
    until(lambda: not rig.unrest(), "the leads that both hosts took to be swept up")
    assert holder(rig)[0] == str(first.child.pid)
    assert len(sweepers(rig)) == 1

    lead_ids += posted(second.url, range(8, 16))
    assert first.child.wait() == -signal.SIGKILL
    lapses = holder(rig)[1]
    late = posted(second.url, range(16, 20))
    until(lambda: holder(rig)[0] == str(second.child.pid), "the other host to take the lock")
    until(lambda: {rig.record(lead_id).state for lead_id in late} == {State.WRITTEN}, "the other host's sweep")
    # The lead that the first host had half swept up has no message: it is found once it is overdue.
    rig.heal()
    all_are_written_once(rig, lead_ids + late)
    assert len(sweepers(rig)) == 2
    assert min(filter(None, (rig.record(lead_id).written_at for lead_id in late))) > lapses
