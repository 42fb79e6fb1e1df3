"""The console in a real browser: looks, keys, live refresh, the bulk way to its end."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leadpipe.console.server import Server
from leadpipe.model.record import Record, State
from leadpipe.operations.days import DayCounts
from tests.browser.conftest import fill
from tests.chromium import press_until_focused
from tests.factories import payload
from tests.fakes import World

ROOT = Path(__file__).parents[2]
PAGES = [
    "/",
    "/?as=table",
    "/leads",
    "/causes",
    "/fallback",
    "/rejected",
    "/mapping",
    "/doctor",
    "/activity",
    "/report",
]
AXE = "axe-core@4.10.2"


def address(served: Server, path: str = "/") -> str:
    return f"http://127.0.0.1:{served.port}{path}"


def poisoned(world: World) -> list[Record]:
    return [record for record in world.ledger.rows.values() if record.state is State.POISONED]


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, which finds what people with other senses cannot use."""
    kept = ROOT / ".devkit" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
    if not kept.exists():
        kept.parents[2].mkdir(parents=True, exist_ok=True)
        command = [
            "npm",
            "install",
            "--prefix",
            str(kept.parents[2]),
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            AXE,
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=100)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"axe-core cannot be had from npm: {type(error).__name__}")
    return kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [0, 1, 5000])
def test_no_page_is_wider_than_its_window_or_has_a_fault(page: Any, world: World, served: Server, number: int) -> None:
    leads = [f"/leads/{record.lead_id}" for record in fill(world, number)[:1]]
    for path in PAGES + leads:
        page.goto(address(served, path))
        assert page.locator("h1").count() == 1, path
        for width in (360, 1600):
            page.set_viewport_size({"width": width, "height": 800})
            too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(too_wide) <= 0, (path, width)


def test_a_company_of_one_endless_word_widens_no_page(page: Any, world: World, served: Server) -> None:
    fill(world)
    lead = replace(poisoned(world)[0], company="C" * 3000, offer="O" * 3000)
    world.ledger.rows[lead.lead_id] = lead
    page.set_viewport_size({"width": 360, "height": 800})
    for path in ("/", "/leads", "/causes", f"/leads/{lead.lead_id}", f"/leads/{lead.lead_id}/edit"):
        page.goto(address(served, path))
        too_wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(too_wide) <= 0, path


def test_axe_finds_nothing_serious_in_light_or_dark(page: Any, world: World, served: Server, axe: str) -> None:
    lead = next(record for record in fill(world) if record.state is State.POISONED)
    paths = [*PAGES, f"/leads/{lead.lead_id}", f"/leads/{lead.lead_id}/edit"]
    found = {}
    for path in paths:
        page.goto(address(served, path))
        found[path] = faults_of(page, axe)
    page.goto(address(served, "/causes"))
    page.get_by_role("button", name="Replay all 4…").click()
    page.wait_for_url("**/plans/*")
    found["plan"] = faults_of(page, axe)
    assert {path: each for path, each in found.items() if each} == {}


def faults_of(page: Any, axe: str) -> list[str]:
    """Of the page as it is open, in either colour scheme."""
    page.evaluate(axe)
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = page.evaluate("axe.run({ resultTypes: ['violations'] }).then((result) => result.violations)")
        found += [
            f"{scheme}: {each['id']}: {each['nodes'][0]['html'][:120]}"
            for each in violations
            if each["impact"] in {"serious", "critical"}
        ]
    return found


def test_a_bulk_replay_goes_from_the_overview_to_its_end_by_mouse(page: Any, world: World, served: Server) -> None:
    fill(world)
    wanted = [record for record in poisoned(world) if record.reason == "column_unknown"]
    page.goto(address(served))
    page.get_by_role("button", name="Replay all 4…").click()
    page.get_by_text("Nothing has happened yet").wait_for()
    page.get_by_role("button", name="Replay 4 leads").click()
    page.get_by_text("4 replayed").wait_for()
    assert {world.ledger.rows[record.lead_id].state for record in wanted} == {State.ACCEPTED}
    for record in wanted:  # as delivery would
        world.ledger.rows[record.lead_id] = replace(world.ledger.rows[record.lead_id], state=State.WRITTEN)
    page.locator("td .state.good").nth(3).wait_for()


def test_the_same_way_needs_no_mouse(page: Any, world: World, served: Server) -> None:
    fill(world)
    page.goto(address(served, "/causes"))
    press_until_focused(page, "Replay all 4…")
    page.keyboard.press("Enter")
    page.wait_for_url("**/plans/*")
    press_until_focused(page, "Replay 4 leads")
    page.keyboard.press("Enter")
    page.get_by_text("4 replayed").wait_for()


def test_the_overview_says_what_is_poisoned_within_its_refresh(page: Any, world: World, served: Server) -> None:
    made = fill(world)
    page.goto(address(served))
    written = next(record for record in made if record.state is State.WRITTEN)
    world.ledger.rows[written.lead_id] = replace(written, state=State.POISONED, reason="refused")
    page.get_by_text("1 poisoned (refused)").wait_for(timeout=15_000)


def test_a_page_stays_while_storage_is_away_and_goes_on_afterwards(page: Any, world: World, served: Server) -> None:
    fill(world)
    page.goto(address(served, "/causes"))
    world.ledger.down = True
    page.get_by_text("Not read again").wait_for(timeout=15_000)
    assert page.get_by_role("button", name="Replay all 4…").is_visible()
    world.ledger.down = False
    page.get_by_text("again every 10 seconds").wait_for(timeout=15_000)


def test_a_tick_stops_the_refresh_and_keys_move_and_tick(page: Any, world: World, served: Server) -> None:
    fill(world)
    page.goto(address(served, "/leads"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    boxes = page.locator("tbody input[type=checkbox]")
    assert [boxes.nth(place).is_checked() for place in range(3)] == [False, True, False]
    boxes.nth(4).click(modifiers=["Shift"])
    assert page.locator("tbody input:checked").count() == 4
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 0  # typed into the field
    page.locator("h1").click()
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1


COUNT_FETCHES = """
  const real = window.fetch;
  window.fetches = [];
  window.fetch = (...asked) => { const answer = real(...asked); window.fetches.push(answer); return answer; };
"""


def test_a_page_rests_while_a_row_is_ticked_or_its_tab_is_hidden(page: Any, world: World, served: Server) -> None:
    fill(world)
    page.add_init_script(COUNT_FETCHES)
    page.clock.install()
    page.goto(address(served, "/leads"))

    def reads_itself_again() -> bool:
        """Whether it asks for itself in the time in which it does once; the page's clock is moved on."""
        before = page.evaluate("window.fetches.length")
        page.clock.run_for(11_000)
        page.evaluate("Promise.allSettled(window.fetches.map((each) => each.then((answer) => answer.ok)))")
        return bool(page.evaluate("window.fetches.length") > before)

    assert any(reads_itself_again() for _ in range(9))
    page.locator("tbody input[type=checkbox]").first.click()
    page.locator("h1").click()  # it is ticked, and has not the focus
    assert not any(reads_itself_again() for _ in range(3))
    page.locator("tbody input[type=checkbox]").first.click()
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.locator("h1").click()
    assert not any(reads_itself_again() for _ in range(3))
    page.evaluate("delete document.hidden")
    assert any(reads_itself_again() for _ in range(9))


def test_script_in_a_lead_is_shown_and_never_run(page: Any, world: World, served: Server) -> None:
    fill(world, 3)
    script = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    names = ("FirstName", "LastName", "Email", "Phone", "Country", "Company", "Title", "OfferTitle", "Description")
    record = Record.accepted(poisoned(world)[0].lead_id, payload(**dict.fromkeys(names, script), LeadSource=script))
    world.ledger.rows[record.lead_id] = replace(
        record, state=State.POISONED, reason="refused", detail=script, version="s"
    )
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    for path in ("/", "/leads", "/causes", f"/leads/{record.lead_id}"):
        page.goto(address(served, path))
    page.get_by_role("button", name="Show personal data").click()
    page.get_by_text("As posted").wait_for()
    page.get_by_role("link", name="Edit and replay…").click()
    page.locator("#FirstName").fill("Jane")
    page.get_by_role("button", name="See what changes").click()
    page.get_by_role("button", name="Save and replay").click()
    page.get_by_text("replayed by").wait_for()
    assert world.ledger.rows[record.lead_id].state is State.ACCEPTED


def test_it_works_without_its_script(program: Any, world: World, served: Server) -> None:
    fill(world)
    context = program.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.start_address)
    page.get_by_role("button", name="Replay all 4…").click()
    page.get_by_role("button", name="Replay 4 leads").click()
    page.get_by_text("4 replayed").wait_for()  # the page loads itself again
    page.get_by_role("link", name="Leads", exact=True).click()
    page.get_by_placeholder("id, or part of").fill("Fabrikam")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url(lambda url: "q=Fabrikam" in url)
    context.close()


def test_the_pictures_of_the_document_can_be_taken(page: Any, world: World, served: Server, tmp_path: Path) -> None:
    """With SCREENSHOTS=docs/console it takes them anew."""
    folder = Path(os.environ.get("SCREENSHOTS", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)
    lead = next(record for record in fill(world) if record.state is State.POISONED)
    served.console.days = DayCounts()  # they were counted before they had leads
    for name, path, height in (
        ("overview", "/", 1120),
        ("lead", f"/leads/{lead.lead_id}", 900),
        ("leads", "/leads", 760),
    ):
        page.set_viewport_size({"width": 1120, "height": height})
        page.goto(address(served, path))
        page.screenshot(path=folder / f"{name}.png")
    page.goto(address(served, "/causes"))
    page.get_by_role("button", name="Replay all 4…").click()
    page.wait_for_url("**/plans/*")
    page.screenshot(path=folder / "plan.png")
    assert {file.name for file in folder.glob("*.png")} == {"overview.png", "lead.png", "leads.png", "plan.png"}
