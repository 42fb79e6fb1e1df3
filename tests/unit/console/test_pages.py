"""Each page, with no lead, with one, and with many; what a lead says never becomes markup."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from leadpipe.model.change import Poisoned, Replayed, transition
from leadpipe.model.lead_id import ONE_DAY
from leadpipe.model.pulse import Day, Pulse
from leadpipe.model.record import Event, Record, State
from leadpipe.operations import days as days_of_the_ledger
from leadpipe.operations import state_counts
from leadpipe.operations.listing import PAGE_SIZE
from tests.console_browser import Browser, FakeTarget, console_on, text_of
from tests.factories import lead_id, payload, record
from tests.fakes import NOW, World

PAGES = ["/", "/leads", "/causes", "/fallback", "/rejected", "/mapping", "/doctor", "/activity", "/report"]
SCRIPT = "<script>alert(1)</script>"


def put(world: World, number: int = 1, *, number_from: int = 0, **fields: object) -> list[Record]:
    """So many records, a minute apart, the last of them a minute ago."""
    made = []
    for place in range(number_from, number_from + number):
        one = record(lead_id(NOW - timedelta(minutes=place + 1) - record().received_at, place), **fields)
        world.ledger.rows[one.lead_id] = replace(one, version=f"t{place}")
        made.append(world.ledger.rows[one.lead_id])
    return made


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_there_without_a_single_lead(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert (answer.status_code, answer.text.count("<h1>")) == (200, 1)
    assert "contoso · contoso.crm4.dynamics.com · jane@desk" in answer.text


@pytest.mark.parametrize("state", [State.POISONED, State.FALLBACK, State.REJECTED, State.WRITTEN])
@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_there_with_many_leads(browser: Browser, world: World, path: str, state: State) -> None:
    put(world, 3 * PAGE_SIZE, state=state, reason="refused" if state is not State.WRITTEN else "")
    assert browser.get(path).status_code == 200


def test_the_overview_says_first_in_words_how_things_are(browser: Browser, world: World) -> None:
    world.attention.pulse = Pulse(at=NOW)
    assert "All is well. Nothing is on the way." in browser.get("/").text
    put(world, 4, state=State.POISONED, reason="column_unknown")
    shown = browser.get("/").text
    assert "One thing needs you" in shown
    assert "4 poisoned (column_unknown): a column is unknown or has another type" in shown
    assert "Replay all 4…" in shown
    assert "<b>4</b></a>" in shown  # beside Causes, on every page from now on


def test_the_overview_takes_from_the_pulse_what_the_sweep_counted(world: World, browser: Browser) -> None:
    world.attention.pulse = Pulse(at=NOW - timedelta(seconds=21))
    world.marks.marks = replace(world.marks.marks, watermark=NOW.date())
    put(world, 2)
    world.journal.clear()
    assert "21s ago" in text_of(browser.get("/").text)
    assert world.journal.count("ledger.read") == 0
    assert world.journal.count("ledger.between") <= 6
    world.journal.clear()
    browser.get("/")
    assert world.journal.count("ledger.between") == 3  # unsettled leads and the latest ones: no day has changed


def test_each_lead_of_today_is_counted_once_however_often_the_page_is_read(browser: Browser, world: World) -> None:
    put(world, 3)
    assert [": 3 leads in 14 days" in browser.get("/").text for _ in range(2)] == [True, True]
    newest = record(lead_id(NOW - record().received_at, 99))
    world.ledger.rows[newest.lead_id] = newest
    assert ": 4 leads in 14 days" in browser.get("/").text


def test_a_lead_of_a_wrong_clocks_future_hides_no_lead_of_today(browser: Browser, world: World) -> None:
    future = record(lead_id(NOW + timedelta(days=2) - record().received_at), state=State.WRITTEN)
    world.ledger.rows[future.lead_id] = future
    for number in (1, 2):
        put(world, 1, number_from=3 - number, state=State.WRITTEN)
        assert f"{number} lead" in browser.get("/").text.partition("Leads a day:")[2][:9]


@pytest.mark.parametrize(("minutes", "says"), [(5, False), (11, True)])
def test_before_the_first_sweep_nobody_is_called_for_ten_minutes(
    browser: Browser, world: World, minutes: int, says: bool
) -> None:
    put(world)
    world.at += timedelta(minutes=minutes)
    assert ("the sweep has never run" in browser.get("/").text.lower()) is says


def test_a_list_goes_on_where_the_page_before_it_ended(browser: Browser, world: World) -> None:
    made = put(world, 2 * PAGE_SIZE + 1)
    seen: list[str] = []
    path = "/leads"
    while path:
        page = browser.get(path).text
        seen += [one.lead_id for one in made if f'href="/leads/{one.lead_id}"' in page]
        _, older, rest = page.partition('rel="next" href="')
        path = rest.partition('"')[0].replace("&amp;", "&") if older else ""
    assert seen == [one.lead_id for one in made]


def test_a_filter_stands_in_the_address_and_in_the_form(browser: Browser, world: World) -> None:
    (poisoned,) = put(world, 1, state=State.POISONED, reason="refused", company="Fabrikam")
    (other,) = put(world, 1, posted=payload(Company="Tailspin"), company="Tailspin")[:1]
    world.ledger.rows[poisoned.lead_id] = poisoned
    written = replace(other, lead_id=lead_id(timedelta(hours=2), 7), version="t9")
    world.ledger.rows[written.lead_id] = written
    page = browser.get("/leads?state=poisoned&q=fabri").text
    assert poisoned.lead_id in page
    assert written.lead_id not in page
    assert 'value="fabri"' in page
    assert "<option selected>poisoned</option>" in page


@pytest.mark.parametrize("path", ["/leads", "/leads.csv"])
@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ("state=gone", "there is no state"),
        ("since=soon", "neither a time back"),
        ("since=999999d", "neither a time back"),
        ("after=x", "not a lead id"),
    ],
)
def test_a_filter_that_means_nothing_is_a_page_that_says_so(
    browser: Browser, path: str, filters: str, says: str
) -> None:
    answer = browser.get(f"{path}?{filters}")
    assert answer.status_code == 400
    assert says in answer.text.lower()


@pytest.mark.parametrize(
    "path",
    [
        *(
            f"{page}since={day}"
            for page in ("/leads?", "/leads.csv?", "/leads?q=a&")
            for day in ("0001-01-01", "1970-01-01")
        ),
        "/activity?until=0001-01-01",
        "/activity?until=9999-12-31",
    ],
)
def test_the_ends_of_the_calendar_are_days_like_any_other(browser: Browser, world: World, path: str) -> None:
    put(world)
    assert browser.get(path).status_code == 200


def test_activity_goes_back_as_far_as_there_are_leads(browser: Browser, world: World) -> None:
    put(world)
    assert "no lead that is older" in browser.get("/activity").text
    old = record(lead_id(timedelta(days=-40)))
    world.ledger.rows[old.lead_id] = replace(old, version="t")
    assert "Leads of the month before" in browser.get("/activity").text


def test_what_was_written_in_a_day_is_said_with_the_time_of_the_count(browser: Browser, world: World) -> None:
    put(world, 2, state=State.WRITTEN, written_at=NOW)
    world.attention.pulse = Pulse(at=NOW)
    assert text_of(browser.get("/").text).count("not counted yet") == 2
    world.attention.pulse = Pulse(at=NOW, counted_at=NOW - timedelta(minutes=49))
    shown = text_of(browser.get("/").text)
    assert "0 written in the 24 hours before 14:20, when they were counted" in shown
    assert "none was written in the 24 hours before 14:20" in shown


def test_an_id_in_the_search_field_opens_the_lead(browser: Browser, world: World) -> None:
    (one,) = put(world)
    assert browser.get(f"/leads?q={{{one.lead_id.upper()}}}").headers["Location"] == f"/leads/{one.lead_id}"


def test_a_search_for_what_is_not_there_does_not_read_for_ever(browser: Browser, world: World) -> None:
    old = record(lead_id(timedelta(days=-400)))
    world.ledger.rows[old.lead_id] = replace(old, version="t")
    page = browser.get("/leads?q=nobody").text
    assert "No lead matches in what was looked at" in page
    assert "Look further back" in page


def test_a_lead_shows_its_cause_its_columns_and_its_history(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="column_unknown", detail="new_region is no column")
    event = Event(lead_id=one.lead_id, at=NOW, event="poisoned", state=State.POISONED, reason="column_unknown")
    world.ledger.history["e"] = event
    page = text_of(browser.get(f"/leads/{one.lead_id}").text)
    assert "A column is unknown or has another type" in page
    assert "new_region is no column" in page
    assert "companyname Fabrikam default" in page
    assert f"leadpipe poison replay {one.lead_id}" in page
    assert "15:09 poisoned: column_unknown" in page


def test_a_lead_that_the_ledger_does_not_have_is_a_page_that_says_so(browser: Browser) -> None:
    answer = browser.get(f"/leads/{lead_id()}")
    assert (answer.status_code, "The ledger has no such lead" in answer.text) == (404, True)


def test_a_person_is_masked_everywhere_until_somebody_asks(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused", detail="Jane Doe is refused, jane.doe@fabrikam.com too")
    for path in ("/leads", f"/leads/{one.lead_id}", "/causes", "/", f"/leads/{one.lead_id}?reveal=1"):
        page = browser.get(path).text
        assert [each for each in ("Jane", "Doe", "jane.doe", "+33 1 23", "CTO", "Please call") if each in page] == [], (
            path
        )


def test_long_texts_are_masked_as_well(browser: Browser, world: World, tmp_path: Path) -> None:
    (tmp_path / "mapping.toml").write_text('[columns]\nsubject = "${first_name}_T$phone"')
    long = {"FirstName": "Secret" * 80, "Email": f"{'secret' * 52}@fabrikam.com", "Description": "Secret words. " * 300}
    (one,) = put(world, state=State.POISONED, reason="too_long", detail=f"{'Secret' * 9} …", posted=payload(**long))
    target = browser.console.target
    target.settings = replace(target.settings, mapping_path=str(tmp_path / "mapping.toml"))  # type: ignore[misc]
    page = browser.get(f"/leads/{one.lead_id}").text
    assert "S•••_T+•••" in page
    assert "ecret" not in page


def test_that_somebody_looked_is_in_the_history_and_changes_nothing_else(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    place = browser.follow(f"/leads/{one.lead_id}/reveal")
    assert "jane.doe@fabrikam.com" in browser.get(place).text
    assert [(event.event, event.actor) for event in world.ledger.events(one.lead_id)] == [("revealed", "jane@desk")]
    assert replace(world.ledger.rows[one.lead_id], version=None) == replace(one, version=None)
    assert "revealed" in browser.get("/activity").text
    world.at += timedelta(minutes=11)
    assert "jane.doe@fabrikam.com" not in browser.get(place).text


@pytest.mark.parametrize("state", [State.POISONED, State.FALLBACK, State.REJECTED])
def test_script_in_any_field_of_a_lead_stays_text(browser: Browser, world: World, state: State) -> None:
    names = ("FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title")
    fields = dict.fromkeys((*names, "LeadSource", "ActionCode", "OfferTitle", "Description"), SCRIPT)
    (one,) = put(world, state=state, reason=SCRIPT, detail=SCRIPT, posted=payload(**fields))
    browser.post(f"/leads/{one.lead_id}/reveal")
    plan = browser.follow("/plans", {"verb": "erase", "lead": one.lead_id})
    shown = [browser.get(path).text for path in (*PAGES, plan, f"/leads/{one.lead_id}?reveal=1", "/leads?q=<script>")]
    shown.append(browser.post("/mapping", {"lead": one.lead_id}).text)
    if state is not State.FALLBACK:
        shown.append(browser.get(f"/leads/{one.lead_id}/edit").text)
        shown.append(browser.post(f"/leads/{one.lead_id}/check", {"FirstName": "Jane" + SCRIPT}).text)
    assert [page for page in shown if "<script>" in page] == []
    assert sum("&lt;script&gt;" in page for page in shown) >= 4


def test_no_field_of_a_lead_becomes_an_address(browser: Browser, world: World) -> None:
    (one,) = put(world, posted=payload(Company="javascript:alert(1)", OfferTitle="javascript:alert(2)"))
    pages = [browser.get(path).text for path in ("/", "/leads", f"/leads/{one.lead_id}")]
    assert [page for page in pages if 'href="javascript' in page or "href='" in page] == []


def test_a_cell_of_a_csv_is_never_a_formula(browser: Browser, world: World) -> None:
    put(world, company="=HYPERLINK(1)", offer="@offer")
    text = browser.get("/leads.csv").text
    assert "'=HYPERLINK(1)" in text
    assert "'@offer" in text
    assert "jane.doe" not in text


@pytest.mark.parametrize("path", [path for path in PAGES if path not in {"/mapping", "/doctor", "/report"}])
def test_while_storage_is_away_a_page_says_so_and_offers_to_try_again(
    browser: Browser, world: World, path: str
) -> None:
    for part in (world.ledger, world.attention, world.marks):
        part.down = True
    answer = browser.get(path)
    assert (answer.status_code, "Storage does not answer" in answer.text, "Try again" in answer.text) == (
        503,
        True,
        True,
    )


def test_a_fault_of_ours_is_a_page_that_quotes_nothing(browser: Browser, world: World) -> None:
    world.ledger.failing.append(ValueError("jane.doe@fabrikam.com"))
    answer = browser.get("/leads")
    assert (answer.status_code, "jane.doe" in answer.text, "ValueError" in answer.text) == (500, False, True)


def test_without_an_organisation_the_fallback_page_says_why_nothing_can_be_delivered(world: World) -> None:
    put(world, state=State.FALLBACK, reason="no_dynamics")
    browser = Browser(console_on(FakeTarget(world.ports).without_dynamics(), world.now))
    page = browser.get("/fallback").text
    assert "no organisation" in page
    assert "<button disabled>Deliver all…</button>" in page
    assert "DATAVERSE_URL is not set" in page


def test_a_faulty_mapping_names_its_faults(world: World) -> None:
    target = FakeTarget(world.ports)
    target.settings = replace(target.settings, mapping_path="/nowhere/mapping.toml")
    page = Browser(console_on(target, world.now)).get("/mapping").text
    assert "The mapping cannot be used" in page


def test_a_lock_of_another_organisation_is_named_beside_the_mapping(world: World, tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    file.write_text('[[rules]]\nowner = "jane@contoso.com"\n')
    ids = {"owner": {"jane@contoso.com": lead_id()}}
    file.with_name("mapping.toml.lock").write_text(json.dumps({"organisation": "https://elsewhere.example", **ids}))
    target = FakeTarget(world.ports)
    target.settings = replace(target.settings, mapping_path=str(file))
    page = Browser(console_on(target, world.now)).get("/mapping").text
    assert "its ids are those of https://elsewhere.example" in page


@pytest.mark.parametrize("days", ["", "?days=90"])
def test_the_chart_says_in_words_what_it_shows(browser: Browser, world: World, days: str) -> None:
    put(world, 3, state=State.POISONED, reason="refused")
    put(world, 2, number_from=3, state=State.WRITTEN, written_at=NOW)
    shown = browser.get(f"/{days}").text
    assert f"5 leads in {days.partition('=')[2] or 14} days, 2 written, 3 poisoned" in shown
    assert "From arrived to written, on 1 day with written leads" in shown
    assert "14 Mar: 5 leads, 3 poisoned, 2 written" in shown


def test_the_days_stand_in_a_table_too_with_their_times(browser: Browser, world: World) -> None:
    put(world, 2, state=State.WRITTEN, written_at=NOW)
    shown = text_of(browser.get("/?as=table").text)
    assert "Day written half took 95 of 100 took 14 Mar 2 1m 0s 2m 0s" in shown


def test_the_longer_chart_says_before_how_much_it_reads(browser: Browser, world: World) -> None:
    far, near = NOW.date() - timedelta(days=40), NOW.date() - timedelta(days=4)
    world.attention.pulse = Pulse(at=NOW, days={far: Day(leads=1200), near: Day(leads=5)}, days_until=NOW.date())
    assert "90 days (reads 1,200 leads, once)" in text_of(browser.get("/").text)


def test_days_that_are_not_counted_yet_are_shown_and_go_on_by_themselves(
    browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days_of_the_ledger, "MOST_READ", 0)
    world.attention.pulse = Pulse(at=NOW, days={NOW.date() - ONE_DAY: Day(leads=7)}, days_until=NOW.date())
    shown = browser.get("/").text
    assert "14 days still to be counted" in shown
    assert "13 Mar: 7 leads, not looked at yet" in shown
    assert 'data-refresh="2"' in shown


def test_beside_the_list_each_state_has_its_number_and_its_address(browser: Browser, world: World) -> None:
    put(world, 3, state=State.WRITTEN)
    put(world, 2, number_from=3, state=State.DEFERRED, reason="throttled")
    put(world, 1, number_from=5, state=State.POISONED, reason="refused")
    page = browser.get("/leads?state=poisoned&since=7d").text
    assert "all 6 open 2 accepted 0 deferred 2 fallback 0 written 3" in text_of(page)
    assert "Received since 7 Mar 15:09." in text_of(page)
    assert '<a href="/leads?state=written&amp;since=7d">' in page
    assert re.search(r'<a href="/leads\?state=poisoned&amp;since=7d" aria-current="true">', page)
    assert "Of the last 30 days." in browser.get("/leads").text


def test_the_numbers_beside_the_list_say_how_far_they_reach(
    browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_counts, "MOST_COUNTED", 2)
    put(world, 5)
    shown = text_of(browser.get("/leads").text)
    assert "all 2" in shown
    assert "Of the newest 2 leads, since 15:07; older ones are not counted." in shown


def test_the_numbers_beside_the_list_are_kept_while_the_page_reads_itself_again(browser: Browser, world: World) -> None:
    put(world, 2)
    world.journal.clear()
    browser.get("/leads")
    first = world.journal.count("ledger.between")
    world.journal.clear()
    browser.get("/leads")
    assert world.journal.count("ledger.between") < first


def test_a_list_asks_storage_for_the_rows_that_it_shows(
    browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, whole = [], world.ledger.between

    def between(*days: Any, **options: Any) -> Iterator[Record]:
        asked.append(options.get("page"))
        return whole(*days, **options)

    monkeypatch.setattr(world.ledger, "between", between)
    put(world, 2)
    browser.get("/leads?after=" + lead_id(timedelta(days=1)))
    assert PAGE_SIZE < min(filter(None, asked)) < 2 * PAGE_SIZE


def poisoned_again(world: World, reason: str = "refused") -> Record:
    """A lead that was replayed and ended as before."""
    (made,) = put(world, 1, state=State.ACCEPTED)
    made = world.ledger.rows[made.lead_id]
    for second, change in enumerate((Poisoned(reason="refused"), Replayed(actor="ann"), Poisoned(reason=reason))):
        decided = transition(made, change, at=NOW - timedelta(seconds=60 - second))
        assert decided is not None
        made = world.ledger.write(made, decided.after, decided.event)
    return made


def test_a_cause_that_came_back_after_a_replay_says_so_where_it_is_met(browser: Browser, world: World) -> None:
    lead = poisoned_again(world)
    assert "Came back after a replay ( 15:08 )" in text_of(browser.get("/causes").text)
    assert "It was replayed ( 15:08 ), and the same happened again" in text_of(
        browser.get(f"/leads/{lead.lead_id}").text
    )
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    assert "replaying changes nothing until the cause is fixed" in text_of(browser.get(plan).text)


def test_another_cause_after_a_replay_is_not_one_that_came_back(browser: Browser, world: World) -> None:
    lead = poisoned_again(world, "too_long")
    for path in ("/causes", f"/leads/{lead.lead_id}"):
        assert "replaying changes nothing" not in browser.get(path).text


def test_a_lead_shows_what_was_posted_beside_what_it_becomes_masked(browser: Browser, world: World) -> None:
    (lead,) = put(world)
    shown = text_of(browser.get(f"/leads/{lead.lead_id}").text)
    assert "FirstName J••• LastName D••• Email j•••@fabrikam.com" in shown
    assert "OfferTitle Contoso Widget" in shown
