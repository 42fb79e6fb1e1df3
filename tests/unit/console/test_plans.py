"""A bulk action: planned, shown, carried out, stopped, gone on with; each action an event with the operator's name."""

import base64
import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.console.plans import MOST_SHOWN, Choice, Verb, form_in, id_of
from leadpipe.model.errors import Transient
from leadpipe.model.record import State
from leadpipe.wiring import now as wall_clock
from tests.console_browser import Browser, finished, text_of
from tests.factories import lead_id
from tests.fakes import NOW, World
from tests.unit.console.test_pages import put


def ticked(page: str) -> list[str]:
    return re.findall(r'name="lead" value="([^"]+)" checked', page)


def test_a_plan_shows_what_it_will_do_and_does_nothing(browser: Browser, world: World) -> None:
    made = put(world, 3, state=State.POISONED, reason="refused")
    world.journal.clear()
    page = browser.get(
        browser.follow("/plans", {"verb": "replay", "state": "poisoned", "cause": "refused", "all": "1"})
    )
    assert "Nothing has happened yet. This is what will." in page.text
    assert sorted(ticked(page.text)) == sorted(one.lead_id for one in made)
    assert [each for each in world.journal if each.endswith((".write", ".put"))] == []


def test_a_plan_runs_to_its_end_and_says_what_became_of_each_lead(browser: Browser, world: World) -> None:
    made = put(world, 3, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "cause": "refused", "all": "1"})
    browser.follow(f"{plan}/run", {"lead": ticked(browser.get(plan).text)})
    page = text_of(finished(browser, plan))
    assert "Replay: done" in page
    assert "3 replayed" in page
    assert {world.ledger.rows[one.lead_id].state for one in made} == {State.ACCEPTED}
    assert len(world.queue.messages) == 3
    events = [event for one in made for event in world.ledger.events(one.lead_id)]
    assert {(event.event, event.actor) for event in events} == {("replayed", "jane@desk")}


def test_only_what_is_ticked_is_done(browser: Browser, world: World) -> None:
    first, second = put(world, 2, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    browser.follow(f"{plan}/run", {"lead": first.lead_id})
    assert "1 replayed" in finished(browser, plan)
    assert world.ledger.rows[second.lead_id].state is State.POISONED


def test_without_a_tick_nothing_is_done_and_the_plan_is_as_before(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    before = browser.get(plan).text
    answer = browser.post(f"{plan}/run", {"rate": "1"})
    assert (answer.status_code, "No lead is ticked" in answer.text) == (400, True)
    assert browser.get(plan).text == before
    browser.follow(f"{plan}/run", {"lead": one.lead_id})
    assert "1 replayed" in finished(browser, plan)


def test_a_lead_that_the_action_is_not_for_is_skipped_with_its_reason(browser: Browser, world: World) -> None:
    (poisoned,) = put(world, state=State.POISONED, reason="refused")
    written = lead_id(timedelta(0), 9)
    world.ledger.rows[written] = type(poisoned)(
        lead_id=written, state=State.WRITTEN, received_at=poisoned.received_at, updated_at=NOW
    )
    page = browser.get(
        browser.follow("/plans", {"verb": "replay", "lead": [poisoned.lead_id, written, lead_id()]})
    ).text
    assert ticked(page) == [poisoned.lead_id]
    assert f"{written} is written; that cannot be replayed" in page
    assert "the ledger has no such lead" in page


def test_a_discard_needs_its_reason_which_stays_with_the_lead(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused", updated_at=NOW - timedelta(hours=1))
    plan = browser.follow("/plans", {"verb": "discard", "lead": one.lead_id})
    assert browser.post(f"{plan}/run", {"lead": one.lead_id, "why": " "}).status_code == 400
    assert world.ledger.rows[one.lead_id].state is State.POISONED
    browser.follow(f"{plan}/run", {"lead": one.lead_id, "why": "a test"})
    finished(browser, plan)
    found = world.ledger.rows[one.lead_id]
    assert (found.state, found.detail) == (State.DISCARDED, "a test")
    assert world.dynamics.asked == 1  # Dynamics is asked only when it is carried out


def test_a_lead_that_dynamics_has_is_not_discarded(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused", updated_at=NOW - timedelta(hours=1))
    world.dynamics.leads[one.lead_id] = object()  # type: ignore[assignment]
    plan = browser.follow("/plans", {"verb": "discard", "lead": one.lead_id})
    browser.follow(f"{plan}/run", {"lead": one.lead_id, "why": "a test"})
    assert "1 written" in finished(browser, plan)


def test_an_erasure_is_asked_for_even_for_one_lead(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.WRITTEN)
    plan = browser.follow("/plans", {"verb": "erase", "lead": one.lead_id, "at_once": "1"})
    assert "This cannot be undone" in browser.get(plan).text
    assert world.ledger.rows[one.lead_id].state is State.WRITTEN
    browser.follow(f"{plan}/run", {"lead": one.lead_id})
    assert "1 erased" in finished(browser, plan)
    assert world.ledger.rows[one.lead_id].payload is None


def test_one_replay_is_carried_out_at_once(browser: Browser, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "lead": one.lead_id, "at_once": "1"})
    assert "1 replayed" in finished(browser, plan)


@pytest.mark.parametrize("state", [State.DUPLICATE, State.MERGED])
def test_a_duplicate_or_merged_action_is_written_too_when_a_person_wants_it(
    browser: Browser, world: World, state: State
) -> None:
    (one,) = put(world, state=state, duplicate_of=lead_id())
    assert "Write it too" in browser.get(f"/leads/{one.lead_id}").text
    plan = browser.follow("/plans", {"verb": "replay", "lead": one.lead_id, "anyway": "1", "at_once": "1"})
    finished(browser, plan)
    assert world.ledger.rows[one.lead_id].own_lead


def test_resting_leads_are_delivered_one_after_the_other(browser: Browser, world: World) -> None:
    made = put(world, 2, state=State.FALLBACK, reason="no_dynamics")
    plan = browser.follow("/plans", {"verb": "drain", "all": "1"})
    browser.follow(f"{plan}/run", {"lead": ticked(browser.get(plan).text)})
    assert "2 written" in finished(browser, plan)
    assert {*world.dynamics.leads} == {one.lead_id for one in made}


def test_a_delivery_that_fails_ends_the_run_and_says_so(browser: Browser, world: World) -> None:
    put(world, 3, state=State.FALLBACK, reason="no_dynamics")
    world.dynamics.failing += [Transient("dynamics_unreachable", "no answer")] * 9
    plan = browser.follow("/plans", {"verb": "drain", "all": "1"})
    browser.follow(f"{plan}/run", {"lead": ticked(browser.get(plan).text)})
    page = finished(browser, plan)
    assert "stopped at 0 of 3" in page
    assert "Go on with 3 leads" in page


def test_a_run_can_be_stopped_and_gone_on_with(browser: Browser, world: World) -> None:
    put(world, 5, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    browser.follow(f"{plan}/run", {"lead": ticked(browser.get(plan).text), "rate": "0.5"})
    assert "Stop after this one" in browser.get(plan).text
    kept = browser.console.plans.get(plan.rpartition("/")[2])
    assert kept is not None
    assert kept.job is not None
    kept.job.stop()
    browser.follow(f"{plan}/stop")
    page = finished(browser, plan)
    left = len(kept.left)
    assert 3 <= left <= 5
    assert f"Go on with {left} leads" in page
    assert "At most 0.5 a second, as before" in page
    kept.rate = 100.0
    browser.follow(f"{plan}/run")
    assert kept.rate == 100.0  # the form has no pace: it is the plan's
    assert "5 replayed" in finished(browser, plan)
    assert len(world.queue.messages) == 5


def test_when_storage_goes_away_the_run_ends_and_goes_on_later(browser: Browser, world: World) -> None:
    put(world, 2, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    leads = ticked(browser.get(plan).text)
    world.queue.down = world.marks.down = True
    browser.follow(f"{plan}/run", {"lead": leads})
    assert "stopped at 0 of 2" in finished(browser, plan)
    world.queue.down = world.marks.down = False
    browser.follow(f"{plan}/run")
    assert "2 replayed" in finished(browser, plan)


def test_a_plan_that_is_gone_says_how_to_go_on(browser: Browser) -> None:
    answer = browser.get("/plans/gone")
    assert (answer.status_code, "What it did is done" in answer.text) == (404, True)
    assert "Plan the rest" not in answer.text


def test_of_very_many_leads_the_first_are_looked_at_and_all_are_done(browser: Browser, world: World) -> None:
    number = MOST_SHOWN + 5
    put(world, number, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    page = browser.get(plan).text
    assert "And 5 more of the same kind" in page
    browser.follow(f"{plan}/run", {"lead": ticked(page)})
    assert f"{number} replayed" in finished(browser, plan)


@pytest.mark.parametrize(
    "form",
    [
        {"verb": "burn", "all": "1"},
        {"verb": "replay"},
        {"verb": "replay", "lead": "x"},
        {"verb": "replay", "state": "written", "all": "1"},
        {"verb": "erase", "state": "poisoned", "all": "1"},
        {"verb": "drain", "state": "poisoned", "all": "1"},
    ],
)
def test_a_form_that_no_page_sends_makes_no_plan(browser: Browser, form: dict[str, str]) -> None:
    assert browser.post("/plans", form).status_code == 400


@pytest.mark.parametrize("rate", ["fast", "0", "-1", "nan", "inf"])
def test_a_pace_that_is_none_is_refused(browser: Browser, world: World, rate: str) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "lead": one.lead_id})
    assert browser.post(f"{plan}/run", {"lead": one.lead_id, "rate": rate}).status_code == 400
    assert world.ledger.rows[one.lead_id].state is State.POISONED


def test_the_console_ends_only_when_the_leads_under_way_are_finished(browser: Browser, world: World) -> None:
    put(world, 3, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    browser.follow(f"{plan}/run", {"lead": ticked(browser.get(plan).text), "rate": "0.5"})
    began = wall_clock()
    browser.console.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "console job"]
    assert wall_clock() - began < timedelta(seconds=10)


def test_a_plan_says_how_long_it_will_take_and_how_that_is_known(browser: Browser, world: World) -> None:
    put(world, 40, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    shown = text_of(browser.get(plan).text)
    assert re.search(r"about, (as Dynamics allows|judged by how fast storage answers): [0-9.]+ a second", shown)


def test_a_day_is_counted_again_when_a_plan_about_its_leads_has_ended(browser: Browser, world: World) -> None:
    (post,) = put(world, state=State.REJECTED, reason="invalid_json")
    assert "1 rejected, discarded or erased" in browser.get("/").text
    plan = browser.follow("/plans", {"verb": "discard", "lead": post.lead_id})
    browser.follow(f"{plan}/run", {"lead": post.lead_id, "why": "rubbish"})
    finished(browser, plan)
    assert "1 lead, 1 discarded" in browser.get("/").text


def test_the_counts_are_forgotten_once_more_when_the_last_lead_is_done(
    browser: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[State] = []
    (post,) = put(world, state=State.REJECTED, reason="invalid_json")
    plan = browser.follow("/plans", {"verb": "discard", "lead": post.lead_id})
    monkeypatch.setattr(
        browser.console,
        "forget_counts",
        lambda lead_ids: seen.extend(world.ledger.rows[each].state for each in lead_ids),
    )
    browser.follow(f"{plan}/run", {"lead": post.lead_id, "why": "rubbish"})
    finished(browser, plan)
    assert seen == [State.REJECTED, State.DISCARDED]


def test_a_plan_without_a_lead_says_that_there_is_nothing_to_do(browser: Browser) -> None:
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    assert "There is nothing to do" in browser.get(plan).text


def test_a_run_shows_its_pace_to_the_next_plan_of_its_kind(browser: Browser, world: World) -> None:
    put(world, 4, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "erase", "lead": [*world.ledger.rows]})
    browser.follow(f"{plan}/run", {"lead": [*world.ledger.rows]})
    finished(browser, plan)
    put(world, 1, number_from=9, state=State.POISONED, reason="refused")
    (left,) = [one.lead_id for one in world.ledger.rows.values() if one.state is State.POISONED]
    other = browser.follow("/plans", {"verb": "erase", "lead": left})
    assert "about, the pace of the last run" in text_of(browser.get(other).text)


def test_a_replay_that_changed_nothing_says_so(browser: Browser, world: World) -> None:
    made = put(world, 2, state=State.POISONED, reason="refused")
    plan = browser.follow("/plans", {"verb": "replay", "state": "poisoned", "all": "1"})
    browser.follow(f"{plan}/run", {"lead": [one.lead_id for one in made]})
    finished(browser, plan)
    assert "the replay changed nothing" not in browser.get(plan).text
    for one, reason in zip(made, ("refused", "too_long"), strict=True):  # as delivery would
        now = world.ledger.rows[one.lead_id]
        world.ledger.rows[one.lead_id] = replace(now, state=State.POISONED, reason=reason)
    assert "1 lead poisoned again, each for its old cause: for it the replay changed nothing." in browser.get(plan).text


@pytest.mark.parametrize(
    "choice",
    [
        Choice(verb=Verb.REPLAY, reason="refused"),
        Choice(verb=Verb.REPLAY, reason="", state=State.REJECTED),
        Choice(verb=Verb.DRAIN, state=State.FALLBACK),
        Choice(verb=Verb.ERASE, lead_ids=(lead_id(), lead_id(timedelta(1)))),
        Choice(verb=Verb.REPLAY, lead_ids=(lead_id(),), anyway=True),
        Choice(verb=Verb.DISCARD, reason="<script>&cause=x+%"),
    ],
)
def test_the_id_of_a_plan_has_the_form_that_makes_it_again(choice: Choice) -> None:
    plan_id = id_of(choice)
    assert form_in(plan_id) == choice.form
    assert re.fullmatch(r"[\w.-]+", plan_id, re.ASCII)
    assert plan_id != id_of(choice)


def test_an_address_does_not_grow_without_end_with_the_leads_it_names() -> None:
    choice = Choice(verb=Verb.ERASE, lead_ids=tuple(lead_id(timedelta(seconds=place)) for place in range(200)))
    assert (len(id_of(choice)) < 20, form_in(id_of(choice))) == (True, [])
    assert form_in(id_of(replace(choice, lead_ids=choice.lead_ids[:50])))


def test_a_plan_of_an_earlier_console_is_made_again_from_its_address(browser: Browser, world: World) -> None:
    one, _ = put(world, 2, state=State.POISONED, reason="refused")
    choice = Choice(verb=Verb.ERASE, lead_ids=(one.lead_id,))
    page = browser.get(f"/plans/{id_of(choice)}")
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', page.text)
    assert (page.status_code, fields) == (404, choice.form)
    again = browser.get(browser.follow("/plans", dict(fields))).text
    assert ticked(again) == [one.lead_id]
    assert world.ledger.rows[one.lead_id].state is State.POISONED


@pytest.mark.parametrize(
    "plan_id", ["x", ".", "x.", "x.!", "x.a", "x._-", "x.AAAA", "x.w6TDpA", "x.dmVyYj0x\u00e9", "x.YQ.Yg"]
)
@pytest.mark.parametrize("what", ["", "/run", "/stop"])
def test_an_id_that_no_plan_has_is_a_page_that_says_so(browser: Browser, plan_id: str, what: str) -> None:
    path = f"/plans/{plan_id}{what}"
    answer = browser.post(path) if what else browser.get(path)
    assert (answer.status_code, "This plan has ended" in answer.text) == (404, True)


def test_an_address_cannot_have_more_done_than_a_plan_made() -> None:
    kept = base64.urlsafe_b64encode(b"verb=replay&at_once=1&why=x&all=1").decode()
    assert form_in(f"x.{kept}") == [("verb", "replay"), ("all", "1")]
