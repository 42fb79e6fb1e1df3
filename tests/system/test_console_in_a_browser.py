"""The way of a night: `make run`, a fault of Dynamics, and the console in Chromium, by mouse and by keyboard alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from devkit.launcher.ports import any_free
from tests.chromium import press_until_focused, running_chromium
from tests.make_run import MakeRun

LEADS = 10
PATIENCE_MILLISECONDS = 90_000
# Starting everything takes most of it.
pytestmark = pytest.mark.timeout(300)


class Stack:
    """What `make run` started, with the stand-in's faults to be switched."""

    def __init__(self, run: MakeRun, data: Path) -> None:
        self._leads = f"http://127.0.0.1:{run.port}/api/leads"
        values = json.loads((data / "settings.json").read_text())["Values"]
        self._faults = f"{values['DATAVERSE_URL']}/_standin/faults"
        self._verify = values["REQUESTS_CA_BUNDLE"]

    def dynamics_refuses(self) -> None:
        fault = {"kind": "plugin_abort"}
        requests.post(self._faults, json=fault, verify=self._verify, timeout=30).raise_for_status()

    def dynamics_is_well(self) -> None:
        requests.delete(self._faults, verify=self._verify, timeout=30).raise_for_status()

    def post_leads(self, name: str) -> None:
        for number in range(LEADS):
            person = {"FirstName": "Jane", "LastName": "Doe", "Email": f"{name}{number}@example.com"}
            lead = {"UserDetails": {**person, "Company": "Fabrikam"}, "LeadSource": "AppSource-INS|contoso.widget"}
            assert requests.post(self._leads, json=lead, timeout=60).status_code == 202


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_chromium() as program:
        yield program


@pytest.fixture(scope="module")
def night(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Any]]:
    """The stack, and a tab that came in by the address that `make run` printed."""
    data = tmp_path_factory.mktemp("night")
    run = MakeRun(data, any_free(), "--no-sample")
    try:
        address = run.reads("console    http").split()[1]
        run.reads("Ctrl-C stops everything")
        run.drain()
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.goto(address)
        yield Stack(run, data), page
    finally:
        run.end()


def wait_for_the_overview_to_call(stack: Stack, page: Any, name: str) -> None:
    """Nothing is pressed: the overview, which is open, reads itself again."""
    page.get_by_text("All is well").wait_for()
    stack.dynamics_refuses()
    stack.post_leads(name)
    page.get_by_role("heading", name=f"{LEADS} poisoned (plugin_refused)").wait_for()
    stack.dynamics_is_well()


def wait_until_all_are_written(page: Any) -> None:
    page.get_by_text(f"{LEADS} replayed").wait_for()
    page.locator("td .state.good").nth(LEADS - 1).wait_for()


def test_ten_poisoned_leads_are_written_in_the_end_by_mouse(night: tuple[Stack, Any]) -> None:
    stack, page = night
    wait_for_the_overview_to_call(stack, page, "mouse")
    page.get_by_role("link", name="Causes").click()
    page.get_by_role("button", name=f"Replay all {LEADS}…").click()
    page.get_by_text("Nothing has happened yet").wait_for()
    page.get_by_role("button", name=f"Replay {LEADS} leads").click()
    wait_until_all_are_written(page)
    page.get_by_role("link", name="Overview").click()


def test_ten_poisoned_leads_are_written_in_the_end_by_keyboard_alone(night: tuple[Stack, Any]) -> None:
    stack, page = night
    page.goto(page.url.partition("/plans")[0])
    wait_for_the_overview_to_call(stack, page, "keyboard")
    press_until_focused(page, "Causes10")
    page.keyboard.press("Enter")
    page.wait_for_url("**/causes")
    press_until_focused(page, f"Replay all {LEADS}…")
    page.keyboard.press("Enter")
    page.wait_for_url("**/plans/*")
    press_until_focused(page, f"Replay {LEADS} leads")
    page.keyboard.press("Enter")
    wait_until_all_are_written(page)
