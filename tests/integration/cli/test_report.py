"""`leadpipe report` on a real account."""

import contextlib
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.rows import keys
from tests.factories import record
from tests.integration.cli.conftest import Ran, bare_environment

Run = Callable[..., Ran]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def received(ago: timedelta, number: int = 0, **fields: object) -> Record:
    return record(new_lead_id(datetime.now(UTC) - ago, number.to_bytes(10, "big")), **fields)


def written(ago: timedelta, took: timedelta, number: int = 0, **fields: object) -> Record:
    accepted = received(ago, number, **fields)
    return replace(accepted, state=State.WRITTEN, written_at=accepted.received_at + took)


def test_an_empty_ledger_has_no_leads_and_no_cost(run: Run) -> None:
    ran = run("report")
    assert (ran.code, ran.err.splitlines()[-1].startswith("0 leads received since")) == (0, True)
    assert "nothing in this span" in ran.out
    (report,) = run("report", "--json").records
    assert (report["leads"], report["days"], report["offers"]) == (0, [], [])
    assert (report["p50_seconds"], report["share_within_24_hours"], report["estimated_storage_usd_a_lead"]) == (
        None,
        None,
        None,
    )


def test_one_json_record_answers_what_came_how_fast_and_at_what_cost(run: Run, ledger: AzureLedger) -> None:
    slow = written(50 * HOUR, 30 * HOUR, 2, offer="b")
    for each in (
        written(3 * MINUTE, MINUTE, offer="a"),
        written(4 * MINUTE, MINUTE, 1, offer="b", attempt=3),
        slow,
        received(MINUTE, 3, state=State.DUPLICATE, offer="b"),
        received(MINUTE, 4, state=State.REJECTED, reason="not_json", offer=""),
        received(60 * HOUR, 5, state=State.FALLBACK, reason="throttled", offer="b"),
        written(5 * MINUTE, MINUTE, 6, is_test=True),
        received(31 * 24 * HOUR, 7, state=State.DISCARDED),
    ):
        ledger.insert(each)
    ran = run("report", "--json")
    (report,) = ran.records
    assert ran.code == 0
    assert report["leads"] == 5
    assert {outcome: n for outcome, n in report["outcomes"].items() if n} == {
        "written": 3,
        "duplicate": 1,
        "rejected": 1,
        "open": 1,
    }
    assert sum(day["written"] for day in report["days"]) == 3
    assert report["days"] == sorted(report["days"], key=lambda day: str(day["day"]))
    assert [(offer["offer"], offer["leads"], offer["written"], offer["duplicate"]) for offer in report["offers"]] == [
        ("b", 4, 2, 1),
        ("a", 1, 1, 0),
    ]
    assert report["test_leads"]["written"] == 1
    assert (report["p50_seconds"], report["p95_seconds"], report["slowest_seconds"]) == (60, 108_000, 108_000)
    assert (report["timed_leads"], report["slowest_lead_id"]) == (3, slow.lead_id)
    assert (report["within_24_hours"], report["later_than_24_hours"], report["waiting_longer_than_24_hours"]) == (
        2,
        1,
        1,
    )
    assert report["share_within_24_hours"] == 0.5
    assert report["storage_requests"]["leads"] == 6 * 7 + 2 * 6 + 1
    assert report["storage_requests"]["polls"] == 2 * 60 * 60 * 24 * 30
    assert report["estimated_storage_usd_a_lead"] > 0


def test_the_screen_fits_eighty_columns_where_it_is_no_terminal(run: Run, ledger: AzureLedger) -> None:
    """With merge off; a tenth column, for merged actions, takes 86 in the days that have every outcome."""
    for number, state in enumerate(state for state in State if state not in {State.ERASED, State.MERGED}):
        ledger.insert(received(number * 26 * HOUR, number, state=state, offer="o" * 100))
    ran = run("report")
    assert [line for line in ran.lines if len(line) > 80] == []
    header = ran.lines[0].split()
    assert header[:3] == ["DAY", "ALL", "WRITTEN"]
    assert {"DUPLICATE", "KEPT", "OPEN", "POISONED", "REJECTED", "DISCARDED"} <= {*header}
    total = next(line.split() for line in ran.lines if line.startswith("all days"))
    assert total[2:] == ["9", "1", "1", "1", "3", "1", "1", "1"]


def test_merged_actions_have_a_column_of_their_own_by_day_and_by_offer(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(received(HOUR, 1, state=State.MERGED, offer="a", written_at=datetime.now(UTC)))
    assert run("report").lines[0].split() == ["DAY", "ALL", "MERGED"]
    (report,) = run("report", "--json").records
    assert (report["offers"][0]["merged"], report["offers"][0]["written"]) == (1, 0)


def test_the_span_can_be_chosen(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(written(30 * HOUR, MINUTE))
    assert run("report", "--json", "--since", "1d").records[0]["leads"] == 0
    assert run("report", "--json", "--since", "31h").records[0]["leads"] == 1


def test_a_damaged_row_is_named_and_does_not_stop_the_report(run: Run, ledger: AzureLedger, storage: Storage) -> None:
    damaged = written(2 * HOUR, MINUTE)
    ledger.insert(damaged)
    ledger.insert(written(HOUR, MINUTE, 1))
    table = storage.table("leadledger")
    table.update_entity({**table.get_entity(*keys(damaged.lead_id)), "State": 7})
    ran = run("report", "--json")
    assert (ran.code, ran.records[0]["leads"]) == (0, 1)
    assert f"a row of the ledger is damaged: {'/'.join(keys(damaged.lead_id))}" in ran.err
    assert run("leads").code == ran.code


def test_times_that_cannot_be_are_said(run: Run, ledger: AzureLedger) -> None:
    ledger.insert(written(HOUR, -MINUTE))
    ledger.insert(received(HOUR, 1, state=State.WRITTEN))
    ran = run("report")
    assert "1 written before received" in ran.out
    assert "1 written, the record does not say when" in ran.out


def test_on_a_terminal_days_are_bars_within_eighty_columns(
    storage_account: str, ledger: AzureLedger, python: str
) -> None:
    for number in range(3):
        ledger.insert(written(HOUR, MINUTE, number))
    ledger.insert(received(HOUR, 3, state=State.POISONED, reason="too_long"))
    lines = on_a_terminal(python, "report", AzureWebJobsStorage=storage_account)
    bar = next(line for line in lines if "█" in line)
    assert bar.split()[1:3] == ["4", "█" * bar.count("█") + "x" * bar.count("x")]
    assert "1 poisoned" in bar
    assert "█ written  x poisoned" in lines
    assert any(line.split() == ["received", "3", "written,", "1", "poisoned"] for line in lines)
    assert [line for line in lines if len(line) > 80] == []


def on_a_terminal(python: str, *arguments: str, **settings: str) -> list[str]:
    """The lines that the command prints on a terminal of eighty columns without colours."""
    pty = pytest.importorskip("pty")
    ours, its = pty.openpty()
    environment = {**bare_environment(), **settings, "COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [python, "-m", "leadpipe", *arguments], env=environment, stdout=its, stderr=subprocess.DEVNULL
    )
    os.close(its)
    printed = bytearray()
    # The kernel reports the end of a terminal as an error.
    with contextlib.suppress(OSError):
        while some := os.read(ours, 65_536):
            printed += some
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in printed.decode().splitlines()]
