"""The alerts' rules on the lines of the app under the host, as it writes them and not as a test hears them."""

import logging
import re
from datetime import UTC, datetime, timedelta

from tests.alerts.product import SEVERITY, Line, Request
from tests.alerts.workspace import LATE, Workspace, workbook_queries
from tests.factories import payload
from tests.host_process import until
from tests.integration.app.test_storage_away import broken
from tests.integration.conftest import App, Starter
from tests.standin_process import Standin

LINE = re.compile(r"^\[(\S+)Z\] (\w+) Function\.(\w+)\.User: (.+)$", re.MULTILINE)
DAY = timedelta(days=1)


def lines_of(app: App) -> list[Line]:
    return [
        Line(
            at=datetime.fromisoformat(at).replace(tzinfo=UTC),
            text=text,
            severity=SEVERITY[getattr(logging, level)],
            function=function,
        )
        for at, level, function, text in LINE.findall(app.host.log)
    ]


def workspace_of(app: App, *codes: int) -> Workspace:
    now = datetime.now(UTC)
    return Workspace(lines_of(app), [Request(at=now, name="leads", code=code) for code in codes], now + LATE)


def firing(app: App, *codes: int) -> set[str]:
    """Without the pulse, which comes with the first full minute."""
    return workspace_of(app, *codes).firing() - {"no_pulse"}


def test_a_post_that_no_store_takes_fires_under_the_host(
    start_app: Starter, storage_account: str, free_port: int
) -> None:
    app = start_app(broken(broken(storage_account, "Table", free_port), "Queue", free_port))
    code = app.post(payload()).status_code
    until(lambda: "post_not_kept" in app.host.log, "the line about it")
    assert firing(app, code) == {"lost", "refused"}


def test_one_store_is_enough_and_a_wrong_setting_fires_under_the_host(
    start_app: Starter, storage_account: str, free_port: int
) -> None:
    app = start_app(
        broken(storage_account, "Queue", free_port), ledger_account=storage_account, DATAVERSE_URL="contoso"
    )
    app.accepted(payload())
    until(lambda: "lead_accepted" in app.host.log, "the line about it")
    assert firing(app, 202) == {"unusable"}


def test_the_workbook_reads_the_hosts_lines(app: App, standin: Standin) -> None:
    written = app.accepted(payload())
    app.settled(written)
    standin.fault("plugin_abort", count=1)
    poisoned = app.accepted(payload(ActionCode="PLT"))
    app.settled(poisoned)
    until(lambda: app.host.log.count("lead_settled") == 2, "the lines about both")
    workspace = workspace_of(app, 202, 202)
    query = workbook_queries()["lead"].replace("{LeadId}", written)
    assert [row[1].split()[0] for row in workspace.run(query, DAY)] == ["lead_accepted", "lead_settled"]
    assert [row[:2] for row in workspace.run(workbook_queries()["poison"], DAY)] == [("plugin_refused", 1)]
