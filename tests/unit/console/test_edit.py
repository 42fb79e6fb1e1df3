"""Edit and replay: asked for, checked, shown side by side, saved."""

import json
import re
from typing import Any

import pytest

from leadpipe.console.views.edit import FIELDS
from leadpipe.model.lead import DOCUMENTED
from leadpipe.model.record import Record, State
from tests.console_browser import Browser, text_of
from tests.factories import payload
from tests.fakes import World
from tests.unit.console.test_pages import put


def fields(**changed: str) -> dict[str, str]:
    """What the form sends when a person changes these fields."""
    person = {"FirstName": "Jane", "LastName": "Doe", "Email": "jane.doe@fabrikam.com", "Phone": "+33 1 23 45 67 89"}
    more = {"Country": "FR", "Company": "Fabrikam", "Title": "CTO", "LeadSource": "AzureMarketplace-INS|contoso.widget"}
    rest = {"ActionCode": "INS", "OfferTitle": "Contoso Widget", "Description": "Please call."}
    return {**person, **more, **rest, **changed}


def looked_at(browser: Browser, world: World, **fields: Any) -> Record:
    """A poisoned lead whose data the person has asked for."""
    (one,) = put(world, state=State.POISONED, reason="refused", **fields)
    browser.follow(f"/leads/{one.lead_id}/reveal")
    return one


def test_the_form_has_every_documented_field() -> None:
    assert {*FIELDS.values()} == {*DOCUMENTED}


def test_the_form_shows_nothing_before_it_is_noted_that_somebody_looks(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    assert "jane.doe" not in browser.get(f"/leads/{one.lead_id}/edit").text
    place = browser.follow(f"/leads/{one.lead_id}/reveal", {"next": "edit"})
    assert "jane.doe@fabrikam.com" in browser.get(place).text
    assert [event.event for event in world.ledger.events(one.lead_id)] == ["revealed"]


def test_what_changes_is_shown_side_by_side_and_not_saved(browser: Browser, world: World) -> None:
    one = looked_at(browser, world)
    world.journal.clear()
    page = text_of(browser.post(f"/leads/{one.lead_id}/check", fields(Country="DE", Description="Call\r\nnow")).text)
    assert "country FR DE" in page
    assert "description Please call. Call now" in page
    assert "email" not in page
    assert "ledger.write" not in world.journal


def test_what_changes_is_asked_for_too_and_nothing_typed_is_lost(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    path, typed = f"/leads/{one.lead_id}/check", fields(Country="DE", Description="Call\nnow")
    asked = browser.post(path, typed).text
    assert "Please call" not in asked
    assert world.ledger.events(one.lead_id) == []
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', asked))
    assert form == typed | {"look": "1"}
    shown = text_of(browser.post(path, form).text)
    assert "description Please call. Call now" in shown
    assert [(event.event, event.actor) for event in world.ledger.events(one.lead_id)] == [("revealed", "jane@desk")]


def test_it_is_saved_and_sent_again_with_the_old_text_kept(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    new = payload(Country="DE")
    browser.follow(f"/leads/{one.lead_id}/save", {"payload": new, "then": "replay"})
    found = world.ledger.rows[one.lead_id]
    assert (found.state, found.payload) == (State.ACCEPTED, new)
    edited, replayed = world.ledger.events(one.lead_id)
    assert (edited.event, edited.actor, edited.payload) == ("edited", "jane@desk", one.payload)
    assert replayed.event == "replayed"


def test_it_can_be_saved_without_being_sent(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    browser.follow(f"/leads/{one.lead_id}/save", {"payload": payload(Country="DE"), "then": ""})
    assert world.ledger.rows[one.lead_id].state is State.POISONED
    assert world.queue.messages == []


def test_a_form_without_a_change_says_so(browser: Browser, world: World) -> None:
    one = looked_at(browser, world, posted=payload(Description="two\nlines"))
    assert (
        "nothing is changed yet" in browser.post(f"/leads/{one.lead_id}/check", fields(Description="two\r\nlines")).text
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_text_that_is_not_a_lead_is_not_saved_and_stays_in_the_form(
    browser: Browser, world: World, text: str
) -> None:
    (one,) = put(world, state=State.REJECTED, reason="not_json", posted=payload())
    browser.follow(f"/leads/{one.lead_id}/reveal")
    answer = browser.post(f"/leads/{one.lead_id}/check", {"as": "text", "text": text})
    assert (answer.status_code, "Not saved:" in answer.text) == (422, True)
    assert ("the box is empty" in answer.text) is (not text)
    assert browser.post(f"/leads/{one.lead_id}/save", {"payload": text}).status_code == 409
    assert world.ledger.rows[one.lead_id].payload == one.payload


def test_what_was_posted_can_be_edited_as_text(browser: Browser, world: World) -> None:
    one = looked_at(browser, world)
    text = json.dumps({**json.loads(payload()), "LeadSource": "AppSource"})
    page = browser.post(f"/leads/{one.lead_id}/check", {"as": "text", "text": text}).text
    assert "lead_source" in page
    assert "AppSource" in page


@pytest.mark.parametrize("state", [State.ACCEPTED, State.WRITTEN, State.ERASED])
def test_a_lead_that_waits_for_nobody_cannot_be_edited(browser: Browser, world: World, state: State) -> None:
    (one,) = put(world, state=state)
    assert browser.get(f"/leads/{one.lead_id}/edit").status_code == 409
    assert "Edit and replay" not in browser.get(f"/leads/{one.lead_id}").text
    assert browser.post(f"/leads/{one.lead_id}/save", {"payload": payload(Country="DE")}).status_code == 409
