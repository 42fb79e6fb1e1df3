"""The console as an app of its own: what goes to Azure, under the functions host, with the headers of App Service."""

import http.client
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record, State
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.connection import connect
from leadpipe.storage.ledger import AzureLedger
from leadpipe.wiring import now
from tests.console_app_service import FORGED, HEADER, NAME, OPERATOR, READER, ROOT, SETTINGS, signed_in
from tests.factories import payload
from tests.host_process import ROOT as PROJECT
from tests.host_process import HostProcess, clean_environment, until
from tests.test_package import KEPT_LIST

JANE, JOHN = signed_in("jane@contoso.com", OPERATOR), signed_in("john@contoso.com", READER)
FORM = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
MAIL = "jane.doe@fabrikam.com"


class Site:
    """The app, asked as App Service's front end asks it."""

    def __init__(self, host: HostProcess, account: str) -> None:
        self.host = host
        self.ledger = AzureLedger(connect(StorageByKey(connection_string=account), retries=1))

    def ask(
        self, path: str, headers: Mapping[str, str | list[str]], data: Mapping[str, str] | None = None
    ) -> tuple[int, str, http.client.HTTPMessage]:
        """Status, page and headers. A POST where there are `data`; a header with a list comes so many times."""
        connection = http.client.HTTPConnection(urlsplit(self.host.url).netloc, timeout=20)
        body = urlencode(data or {})
        connection.putrequest("GET" if data is None else "POST", path, skip_host=True)
        given = {"Host": NAME, **({} if data is None else FORM | {"Content-Length": str(len(body))}), **headers}
        for name, value in given.items():
            for each in [value] if isinstance(value, str) else value:
                connection.putheader(name, each)
        connection.endheaders(body.encode() or None)
        answer = connection.getresponse()
        shown = answer.read().decode()
        connection.close()
        return answer.status, shown, answer.headers

    def poisoned(self) -> Record:
        """A lead of this test's own."""
        made = replace(Record.accepted(new_lead_id(now(), os.urandom(10)), payload()), state=State.POISONED)
        kept = self.ledger.insert(replace(made, reason="refused", next_try_at=None))
        assert kept is not None
        return kept


def start(folder: Path, account: str, **settings: str) -> HostProcess:
    """The files of the package in a folder of their own, so that nothing else can be imported from there."""
    for file in KEPT_LIST.read_text(encoding="utf-8").split():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / file, folder / file)
    given = {"AzureWebJobsStorage": account, "LEADPIPE_APP": "console", **SETTINGS, **settings}
    process = subprocess.Popen(
        [sys.executable, "-m", "devkit.functions_host", "--app", folder, "--port", "0", "--data", folder / "data"],
        cwd=PROJECT,
        env={**clean_environment(), **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    host = HostProcess(process, folder)
    host.read_stderr()
    host.wait_until_listening()
    return host


def end(host: HostProcess) -> None:
    host.process.kill()
    host.ended()
    for pipe in (host.process.stdout, host.process.stderr):
        assert pipe is not None
        pipe.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, module_storage_account: str) -> Iterator[Site]:
    host = start(tmp_path_factory.mktemp("console"), module_storage_account)
    yield Site(host, module_storage_account)
    end(host)


def test_the_app_has_the_console_and_takes_no_lead(site: Site) -> None:
    until(lambda: "/api/console/{*path}" in site.host.log, "the console's line in the list of functions")
    statuses = [site.ask(path, JANE, data)[0] for path, data in (("/api/leads", {}), ("/api/health", None))]
    assert statuses == [404, 404]


def test_without_a_sign_in_there_is_a_page_that_leads_to_it(site: Site) -> None:
    status, page, headers = site.ask(f"{ROOT}/leads", {})
    assert (status, "/.auth/login/aad?post_login_redirect_uri=/api/console/" in page) == (401, True)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_header_lets_nobody_in(site: Site, kind: str) -> None:
    status, page, _ = site.ask(f"{ROOT}/", {HEADER: FORGED[kind]})
    assert (status, "is not as App Service writes it" in page) == (403, True)


def test_a_reader_looks_and_changes_nothing(site: Site) -> None:
    one = site.poisoned()
    for path in ("", "/", "/leads", "/causes", f"/leads/{one.lead_id}"):
        status, page, _ = site.ask(f"{ROOT}{path}", JOHN)
        assert (status, "john@contoso.com · reads only" in page, MAIL in page) == (200, True, False)
    refused = site.ask(f"{ROOT}/plans", JOHN, {"verb": "replay", "lead": one.lead_id, "at_once": "1"})
    assert (refused[0], "Nothing was done: your role is leadpipe.read" in refused[1]) == (403, True)
    assert site.ledger.read(one.lead_id) == one
    revealed = site.ask(f"{ROOT}/leads/{one.lead_id}/reveal", JOHN, {})
    assert MAIL in site.ask(revealed[2]["Location"], JOHN)[1]
    assert MAIL not in site.ask(revealed[2]["Location"], JANE)[1]


def test_an_operator_replays_a_lead_and_its_history_has_the_name_of_the_sign_in(site: Site) -> None:
    one = site.poisoned()
    status, _, headers = site.ask(
        f"{ROOT}/plans", JANE, {"verb": "replay", "lead": one.lead_id, "at_once": "1", "note": "ü%"}
    )
    assert status == 303
    until(lambda: "Replay: done" in site.ask(headers["Location"], JANE)[1], "the plan's end")
    assert [(event.event, event.actor) for event in site.ledger.events(one.lead_id)] == [
        ("replayed", "jane@contoso.com")
    ]


def test_no_line_of_the_log_quotes_a_lead_or_a_person(site: Site) -> None:
    one = site.poisoned()
    site.ask(f"{ROOT}/leads/{one.lead_id}/reveal", JANE, {})
    site.ask(f"{ROOT}/leads?q={MAIL}", JANE)
    site.ask(f"{ROOT}/nothing", JANE)
    until(lambda: f"GET {ROOT}/nothing 404" in site.host.log, "the last request's line")
    assert [word for word in (MAIL, "jane@contoso.com", "eyJ") if word in site.host.log] == []


def test_while_storage_is_away_the_page_that_says_so_comes_whole(
    tmp_path: Path, new_storage_account: Callable[[], str]
) -> None:
    """The library's own adapter loses a page of 500 or more, and the host logs its text."""
    account = new_storage_account()
    away = re.sub(r"http://[\w.:]+/", "http://127.0.0.1:9/", account)
    host = start(tmp_path, away)
    try:
        site = Site(host, account)
        status, page, _ = site.ask(f"{ROOT}/leads", JANE)
        assert (status, "Storage does not answer" in page) == (503, True)
    finally:
        end(host)
