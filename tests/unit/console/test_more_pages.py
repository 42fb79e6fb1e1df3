"""Mapping, doctor, activity and report."""

from datetime import timedelta

import pytest

from leadpipe.model.record import Event, State
from tests.console_browser import Browser, text_of
from tests.factories import lead_id, payload
from tests.fakes import NOW, World
from tests.unit.console.test_pages import put


def ended(browser: Browser, name: str) -> None:
    browser.console.jobs[name].wait(20)


def test_the_mapping_is_shown_and_tried_on_a_posted_text(browser: Browser, world: World) -> None:
    page = text_of(browser.post("/mapping", {"lead": payload()}).text)
    assert "emailaddress1 jane.doe@fabrikam.com default" in page
    assert world.journal == []


def test_a_lead_of_the_ledger_is_tried_by_its_id_and_its_history_says_so(browser: Browser, world: World) -> None:
    (one,) = put(world)
    assert "jane.doe@fabrikam.com" in browser.post("/mapping", {"lead": one.lead_id.upper()}).text
    assert [event.event for event in world.ledger.events(one.lead_id)] == ["revealed"]


@pytest.mark.parametrize("text", ["nothing", "{}", "", lead_id(number=5)])
def test_what_is_no_lead_is_not_tried(browser: Browser, text: str) -> None:
    answer = browser.post("/mapping", {"lead": text})
    assert (answer.status_code, 'role="alert"' in answer.text) == (422, True)


def test_the_doctor_runs_when_asked_and_shows_what_it_found(browser: Browser) -> None:
    assert "Run the doctor" in browser.get("/doctor").text
    browser.follow("/doctor/run")
    ended(browser, "doctor")
    page = text_of(browser.get("/doctor").text)
    assert "settings" in page
    assert "Begun" in page


def test_a_test_lead_that_cannot_be_posted_names_the_step(browser: Browser, free_port: int) -> None:
    browser.follow("/doctor/send-test", {"url": f"http://127.0.0.1:{free_port}"})
    ended(browser, "send-test")
    assert "failed post" in text_of(browser.get("/doctor").text)


def test_an_address_that_is_none_is_refused(browser: Browser) -> None:
    assert browser.post("/doctor/send-test", {"url": "ftp://x"}).status_code == 400


def test_activity_names_who_did_what_the_newest_first(browser: Browser, world: World) -> None:
    (one,) = put(world)
    for minutes, verb, actor in ((5, "edited", "ann"), (2, "replayed", "bob"), (9, "deferred", "")):
        at = NOW - timedelta(minutes=minutes)
        world.ledger.history[verb] = Event(lead_id=one.lead_id, at=at, event=verb, state=State.POISONED, actor=actor)
    page = text_of(browser.get("/activity").text)
    assert page.index("bob replayed") < page.index("ann edited")
    assert "deferred" not in page


def test_activity_goes_back_month_by_month(browser: Browser, world: World) -> None:
    (one,) = put(world)
    world.ledger.history["e"] = Event(
        lead_id=one.lead_id, at=NOW, event="edited", state=State.POISONED, actor="ann", detail="x"
    )
    assert "ann" not in browser.get("/activity?until=2025-01-01").text
    assert browser.get("/activity?until=never").status_code == 400


def test_the_report_is_made_when_asked_and_kept(browser: Browser, world: World) -> None:
    put(world, 3, state=State.WRITTEN, written_at=NOW, offer="=1+1")
    assert "Choose a span" in browser.get("/report").text
    assert browser.get("/report.csv").status_code == 404
    browser.follow("/report/run", {"days": "30"})
    ended(browser, "report")
    page = text_of(browser.get("/report").text)
    assert "3 leads since" in page
    assert "Within 24 hours 3 of 3" in page
    text = browser.get("/report.csv").text
    assert "2026-03-14,3" in text
    assert "'=1+1,3" in text


@pytest.mark.parametrize("days", ["", "31", "all"])
def test_a_report_over_another_span_is_refused(browser: Browser, days: str) -> None:
    assert browser.post("/report/run", {"days": days}).status_code == 400


def test_what_fails_while_a_report_is_made_is_said(browser: Browser, world: World) -> None:
    world.ledger.down = True
    browser.follow("/report/run", {"days": "7"})
    ended(browser, "report")
    assert "storage" in text_of(browser.get("/report").text)
