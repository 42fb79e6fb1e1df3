"""The console on a real storage account, and as a process of its own."""

import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.storage.ledger import AzureLedger
from tests.console_browser import Browser, finished, text_of
from tests.factories import payload
from tests.host_process import ROOT, clean_environment

PAGES = [
    "/",
    "/leads",
    "/leads.csv",
    "/causes",
    "/fallback",
    "/rejected",
    "/mapping",
    "/doctor",
    "/activity",
    "/report",
]


def put(ledger: AzureLedger, number: int, **fields: object) -> list[Record]:
    """So many leads, all but two of them in one millisecond."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    made = []
    for place in range(number):
        moment = at - timedelta(hours=30 * max(0, place - number + 3))
        record = Record.accepted(new_lead_id(moment, place.to_bytes(10, "big")), payload())
        inserted = ledger.insert(replace(record, **fields))  # type: ignore[arg-type]
        assert inserted is not None
        made.append(inserted)
    return made


@pytest.mark.parametrize("number", [0, 1, 4])
def test_each_page_is_there_on_a_real_account(browser: Browser, ledger: AzureLedger, number: int) -> None:
    made = put(ledger, number, state=State.POISONED, reason="refused")
    paths = [*PAGES, *(f"/leads/{record.lead_id}" for record in made)]
    assert {path: browser.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_pages_have_each_lead_once_also_those_of_one_millisecond(browser: Browser, ledger: AzureLedger) -> None:
    made = put(ledger, 130)
    seen: list[str] = []
    path = "/leads"
    while path:
        page = browser.get(path).text
        seen += re.findall(r'<a href="/leads/([0-9a-f-]{36})">', page)
        _, _, rest = page.partition('rel="next" href="')
        path = rest.partition('"')[0].replace("&amp;", "&")
    assert (len(seen), {*seen}) == (130, {record.lead_id for record in made})


def test_a_plan_is_carried_out_and_each_lead_says_who_did_it(browser: Browser, ledger: AzureLedger) -> None:
    made = put(ledger, 12, state=State.POISONED, reason="refused", attempt=2)
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "cause": "refused", "all": "1"})
    ids = re.findall(r'name="lead" value="([^"]+)" checked', browser.get(plan).text)
    browser.follow(f"{plan}/run", {"lead": ids})
    assert "12 replayed" in finished(browser, plan)
    now = [ledger.read(record.lead_id) for record in made]
    assert {record.state for record in now if record} == {State.ACCEPTED}
    assert text_of(browser.get("/activity").text).count("jane@desk replayed") == 12


def test_that_somebody_looked_is_kept_beside_the_lead(browser: Browser, ledger: AzureLedger) -> None:
    (one,) = put(ledger, 1, state=State.POISONED, reason="refused")
    assert "jane.doe@fabrikam.com" in browser.get(browser.follow(f"/leads/{one.lead_id}/reveal")).text
    assert [event.event for event in ledger.events(one.lead_id)] == ["revealed"]
    seen = ledger.read(one.lead_id)
    assert seen is not None
    assert seen.updated_at == one.updated_at


def test_the_command_prints_its_address_serves_and_ends_by_ctrl_c(storage_account: str) -> None:
    command = [sys.executable, "-m", "leadpipe", "console", "--no-browser", "--port", "0"]
    environment = {**clean_environment(), "AzureWebJobsStorage": storage_account}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("listening ").strip()
        with requests.Session() as session:
            page = session.get(address, timeout=10)
            assert (page.status_code, "<h1>" in page.text) == (200, True)
            assert session.get(address, timeout=10).status_code == 403
            assert "Werkzeug" not in page.headers["Server"]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "for another browser: http://127.0.0.1:" in said
    assert said.rstrip().endswith("the console has ended")
    assert "GET " not in said


def test_a_port_that_is_taken_is_one_line_and_exit_code_1(storage_account: str, browser: Browser, python: str) -> None:
    from leadpipe.console.server import Server
    from leadpipe.wiring import now

    server = Server(browser.console.target, port=0, actor="jane", now=now, environment={})
    done = subprocess.run(
        [python, "-m", "leadpipe", "console", "--no-browser", "--port", str(server.port)],
        cwd=ROOT,
        env={**clean_environment(), "AzureWebJobsStorage": storage_account},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "--port 0 takes a free one" in done.stderr) == (1, True)
    server.close()
