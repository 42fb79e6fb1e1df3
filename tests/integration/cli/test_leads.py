"""`leadpipe leads` on a real account."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import TABLE, AzureLedger
from leadpipe.storage.rows import row_of_record
from tests.factories import lead_id, payload, record
from tests.integration.cli.conftest import ROOT, Ran, bare_environment

Run = Callable[..., Ran]
DAY = timedelta(days=1)


def insert(ledger: AzureLedger, *records: Record) -> list[str]:
    for each in records:
        ledger.insert(each)
    return [each.lead_id for each in records]


def test_leads_come_newest_first_over_days(run: Run, ledger: AzureLedger) -> None:
    old, new, middle = insert(ledger, *(record(lead_id(days * DAY)) for days in (-3, 0, -1)))
    ran = run("leads", "--json")
    assert [lead["lead_id"] for lead in ran.records] == [new, middle, old]
    assert ran.code == 0


def test_the_table_and_the_count_stand_apart(run: Run, ledger: AzureLedger) -> None:
    insert(ledger, record(lead_id()), record(lead_id(DAY)))
    ran = run("leads", "--limit", "1")
    assert [line.split()[0] for line in ran.lines] == ["LEAD", lead_id(DAY)]
    assert "1 lead shown; there are more" in ran.err
    assert "2 leads shown, that is all" in run("leads").err


def test_states_can_be_asked_for_together(run: Run, ledger: AzureLedger) -> None:
    states = (State.WRITTEN, State.POISONED, State.REJECTED)
    insert(ledger, *(record(lead_id(number=n), state=state) for n, state in enumerate(states)))
    ran = run("leads", "--json", "--state", "poisoned", "--state", "rejected")
    assert {lead["state"] for lead in ran.records} == {"poisoned", "rejected"}


def test_email_and_offer_narrow_the_list(run: Run, ledger: AzureLedger) -> None:
    insert(ledger, record(lead_id(), posted=payload(Email="Ann@Fabrikam.com")), record(lead_id(DAY)))
    assert [lead["email"] for lead in run("leads", "--json", "--email", "ann@").records] == ["Ann@Fabrikam.com"]
    assert run("leads", "--json", "--offer", "gadget").records == []
    assert len(run("leads", "--json", "--offer", "widget").records) == 2


def test_since_ends_the_list(run: Run, ledger: AzureLedger) -> None:
    now = datetime.now(UTC)
    (young, _) = insert(
        ledger, *(record(new_lead_id(now - hours * timedelta(hours=1), bytes(10))) for hours in (1, 30))
    )
    ran = run("leads", "--json", "--since", "24h")
    assert [lead["lead_id"] for lead in ran.records] == [young]


def test_a_record_has_all_its_fields_but_no_payload(run: Run, ledger: AzureLedger) -> None:
    insert(ledger, record(lead_id()))
    (lead,) = run("leads", "--json").records
    assert "payload" not in lead
    assert "version" not in lead
    assert lead["received_at"] == "2026-03-14T09:26:53.589Z"
    assert lead["next_try_at"] == "2026-03-14T09:26:53.589Z"
    assert (lead["state"], lead["offer"], lead["written_at"]) == ("accepted", "contoso.widget", None)


def test_hostile_names_cannot_steer_the_terminal(run: Run, ledger: AzureLedger) -> None:
    hostile = {"name": "[red]Ann\x1b[2J \u202eeoD\nx", "email": "a\x07@x\x9b2J"}
    insert(ledger, record(lead_id(), **hostile))
    ran = run("leads")
    assert len(ran.lines) == 2
    assert "[red]Ann\ufffd[2J" in ran.out
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & {*ran.out}


def test_more_than_one_page_of_the_service_is_listed_whole(run: Run, storage: Storage) -> None:
    table = storage.table(TABLE)
    table.create_table()
    records = [record(lead_id(number=number)) for number in range(1100)]
    for start in range(0, len(records), 100):
        table.submit_transaction([("create", row_of_record(each)) for each in records[start : start + 100]])
    ran = run("leads", "--json", "--limit", "2000")
    assert {lead["lead_id"] for lead in ran.records} == {each.lead_id for each in records}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals in the standard library")
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_terminal_of_any_width_shows_every_value_whole(
    storage_account: str, ledger: AzureLedger, python: str, columns: int
) -> None:
    email = "a-rather-long-address-of-someone@subsidiary.fabrikam.example"
    insert(
        ledger, record(lead_id(), posted=payload(Email=email, Company="Contoso [bold]株式会社"), state=State.POISONED)
    )
    shown = on_terminal(python, "leads", storage_account=storage_account, columns=columns)
    assert max(map(len, shown.splitlines()[1:])) <= columns
    for value in (lead_id(), "poisoned", "Contoso [bold]株式会社"):
        assert value in shown
    assert email in shown.replace("\n    ", "")
    assert "\x1b" not in shown  # NO_COLOR


def on_terminal(python: str, *arguments: str, storage_account: str, columns: int) -> str:
    import pty

    ours, theirs = pty.openpty()
    environment = {
        **bare_environment(),
        "AzureWebJobsStorage": storage_account,
        "COLUMNS": str(columns),
        "NO_COLOR": "1",
        "TERM": "xterm",
    }
    with subprocess.Popen(
        [python, "-m", "leadpipe", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ):
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += (read := os.read(ours, 65536))
            except OSError:  # how Linux says that the other side is closed
                break
            if not read:
                break
    os.close(ours)
    return "\n".join(line.rstrip() for line in shown.decode().replace("\r", "").splitlines())
