"""What needs a person, as `status` and `doctor` show it and as the webhook hears of it, on a real account."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadpipe.model.attention import Attention
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.pulse import Beat, Day, Pulse
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.model.told import Told
from leadpipe.storage.attention import AzureAttention
from leadpipe.storage.connection import Storage
from leadpipe.storage.ledger import AzureLedger
from leadpipe.sweep import sweep
from leadpipe.wiring import Wiring
from tests.answering import Answer, Server, answering
from tests.factories import record
from tests.integration.cli.conftest import Ran

Run = Callable[..., Ran]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEY = "made-up-key"


def received(ago: timedelta, number: int = 0, **fields: object) -> Record:
    return record(new_lead_id(datetime.now(UTC) - ago, number.to_bytes(10, "big")), **fields)


def swept(storage: Storage, ago: timedelta = timedelta(0), **fields: Any) -> None:
    """The sweep wrote its pulse so long ago."""
    attention = AzureAttention(storage)
    assert attention.keep_pulse(attention.read()[0], Pulse(at=datetime.now(UTC) - ago, **fields))


def crashed(ledger: AzureLedger) -> None:
    """Two leads whose plug-in crashes, one of them for 25 hours."""
    for number, failing in enumerate((25 * HOUR, HOUR)):
        now = datetime.now(UTC)
        ledger.insert(
            received(
                26 * HOUR,
                number,
                state=State.FALLBACK,
                reason="plugin_crashed",
                failing_since=now - failing,
                next_try_at=now + MINUTE,
            )
        )


def test_status_exits_with_1_for_a_lead_that_fails_for_25_hours(
    run: Run, ledger: AzureLedger, storage: Storage
) -> None:
    swept(storage)
    crashed(ledger)
    ran = run("status")
    assert ran.code == 1
    assert "1 fallback (plugin_crashed), failing for 1d 1h" in ran.err
    assert "a plug-in on lead creation crashed" in ran.out
    (status,) = run("status", "--json").records
    (group,) = status["waiting"]
    assert (group["leads"], group["needs_a_person"]) == (2, True)
    since = datetime.fromisoformat(group["since"])
    assert 25 * HOUR <= datetime.now(UTC) - since < 26 * HOUR
    (attention,) = status["attention"]
    assert (attention["reason"], attention["about"], attention["count"]) == ("waiting", "plugin_crashed", 1)


def test_status_exits_with_1_for_a_lead_that_was_never_tried_for_two_hours(
    run: Run, ledger: AzureLedger, storage: Storage
) -> None:
    swept(storage)
    ledger.insert(received(2 * HOUR))
    ran = run("status")
    assert (ran.code, "1 open and overdue for 2h 0m" in ran.err) == (1, True)
    (status,) = run("status", "--json").records
    assert [attention["reason"] for attention in status["attention"]] == ["overdue"]


def test_a_sweep_that_stands_still_for_eleven_minutes_is_named(run: Run, storage: Storage) -> None:
    swept(storage, 9 * MINUTE)
    assert run("status").code == 0
    swept(storage, 11 * MINUTE)
    ran = run("status")
    assert (ran.code, "the sweep stands still: it last ran 11m" in ran.err) == (1, True)
    (status,) = run("status", "--json").records
    assert datetime.now(UTC) - datetime.fromisoformat(status["last_sweep_at"]) > 11 * MINUTE


def test_a_sweep_that_never_ran_is_named_once_a_lead_is_old(run: Run, ledger: AzureLedger) -> None:
    assert run("status").code == 0
    ledger.insert(received(11 * MINUTE, state=State.WRITTEN))
    ran = run("status")
    assert (ran.code, "the sweep has never run" in ran.err) == (1, True)
    assert run("status", "--json").records[0]["last_sweep_at"] is None


def test_silence_is_named_with_the_usual_gap_and_the_last_lead_of_any_span(
    run: Run, ledger: AzureLedger, storage: Storage
) -> None:
    last = datetime.now(UTC) - 3 * DAY
    days = {last.date(): Day(leads=9, gap=2 * DAY)}
    swept(storage, days=days, last_lead=last, beat=Beat(last_lead=last))
    ran = run("status")
    assert (ran.code, "no lead for 3d 0h; the longest usual time without one is 2d 0h" in ran.err) == (1, True)
    assert run("status", "--json").records[0]["usual_gap_seconds"] == 2 * 86400
    # The sweep has not seen it yet, and it came before the span.
    ledger.insert(received(2 * HOUR, state=State.WRITTEN))
    assert run("status", "--since", "1h").code == 0


def test_the_doctor_says_what_status_says(run: Run, ledger: AzureLedger, storage: Storage) -> None:
    swept(storage, 11 * MINUTE)
    crashed(ledger)
    said = [each for each in run("doctor", "--json").records if each["check"] == "attention"]
    assert [each["reason"] for each in said] == ["waiting", "sweep_stands_still"]
    assert {each["result"] for each in said} == {"warning"}


def test_commands_that_scan_the_ledger_look_past_the_rows_of_the_sweep(
    run: Run, ledger: AzureLedger, storage: Storage
) -> None:
    swept(storage)
    about = Attention(reason="poisoned", about="too_long", says="1 poisoned", fix="edit it")
    told = AzureAttention(storage).mark(None, Told(attention=about, at=datetime.now(UTC)))
    kept = received(HOUR, state=State.WRITTEN)
    ledger.insert(kept)
    assert [each["lead_id"] for each in run("leads", "--json").records] == [kept.lead_id]
    assert [each["lead_id"] for each in run("leads", "--email", kept.email, "--json").records] == [kept.lead_id]
    assert run("balance", "--since", "30d").code == 0
    assert run("import", "--dry-run").code == 0
    assert run("status").code == 0
    ran = run("erase", "--email", kept.email, "--yes")
    assert (ran.code, "attention" in ran.out + ran.err) == (0, False)
    assert AzureAttention(storage).read()[1] == {about.key: told}


# The webhook


@pytest.fixture
def server() -> Iterator[Server]:
    with answering() as one:
        one.answer = Answer(status=202)
        yield one


class App:
    """Sweeps of the app's own wiring, with a webhook, at a time of their own."""

    def __init__(self, account: str, server: Server) -> None:
        self.settings = Settings.from_environment(
            {"AzureWebJobsStorage": account, "LEADPIPE_NOTIFY_URL": f"{server.url}/{KEY}"}
        )
        assert self.settings.faults == ()
        self._ports = Wiring(self.settings).delivery()
        self.at = datetime.now(UTC)

    def sweep(self, after: timedelta = MINUTE) -> None:
        self.at += after
        sweep(now=lambda: self.at, chance=0.5, ports=self._ports, settings=self.settings)


def posted(server: Server) -> list[tuple[str, str, str]]:
    bodies = [json.loads(body) for body in server.bodies]
    return [(body["stage"], body["reason"], body["about"]) for body in bodies]


def test_a_webhook_hears_of_the_beginning_of_each_day_and_of_the_end(
    storage_account: str, server: Server, ledger: AzureLedger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    app = App(storage_account, server)
    app.sweep()
    assert posted(server) == []
    lead = ledger.insert(received(timedelta(0), state=State.POISONED, reason="too_long"))
    assert lead is not None
    server.answer = Answer(status=500)
    app.sweep()
    server.answer = Answer(status=202)
    for _ in range(3):
        app.sweep()
    poisoned = ("poisoned", "too_long")
    assert posted(server) == [("begins", *poisoned)] * 2  # the first was refused
    assert lead.email not in str(server.bodies)
    app.sweep(DAY)
    app.sweep()
    assert posted(server)[2:] == [("lasts", *poisoned)]
    ledger.write(lead, replace(lead, state=State.DISCARDED, reason="discarded"), None)
    for _ in range(3):
        app.sweep(HOUR)
    assert posted(server)[3:] == [("over", *poisoned)]
    lines = [each.getMessage() for each in caplog.records]
    assert [line.split()[1] for line in lines if line.startswith("attention ")] == [
        "stage=begins",
        "stage=lasts",
        "stage=over",
    ]
    (failed,) = [line for line in lines if line.startswith("notify_failed")]
    assert "reason=notify_refused" in failed
    assert KEY not in caplog.text
    assert server.url not in caplog.text
    assert sum(line.startswith("pipeline_state ") for line in lines) >= 3
