"""Who comes in, and what each answer carries."""

import pytest

from tests.console_browser import HOST, Browser, FakeTarget, console_on, local_door_of
from tests.factories import lead_id
from tests.fakes import World

EVERY_POST = [
    "/plans",
    "/plans/x/run",
    "/plans/x/stop",
    "/doctor/run",
    "/doctor/send-test",
    "/report/run",
    "/mapping",
    f"/leads/{lead_id()}/reveal",
    f"/leads/{lead_id()}/check",
    f"/leads/{lead_id()}/save",
]


@pytest.fixture
def stranger(world: World) -> Browser:
    """A browser that has not come in."""
    return Browser(console_on(FakeTarget(world.ports), world.now), enters=False)


@pytest.mark.parametrize("path", ["/", "/leads", "/static/console.css", "/nothing"])
def test_without_the_cookie_nothing_is_shown_and_nothing_is_read(stranger: Browser, world: World, path: str) -> None:
    answer = stranger.get(path)
    assert (answer.status_code, world.journal) == (403, [])
    assert "contoso" not in answer.text


def test_a_wrong_cookie_is_none(stranger: Browser) -> None:
    assert stranger.get("/", Cookie="leadpipe_console_7171=wrong").status_code == 403


@pytest.mark.parametrize("token", ["", "wrong", "\u00e4"])
def test_a_wrong_token_lets_nobody_in(stranger: Browser, token: str) -> None:
    answer = stranger.get(f"/enter?token={token}")
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)


def test_a_token_lets_one_browser_in_and_then_there_is_another(stranger: Browser) -> None:
    token = local_door_of(stranger.console).token
    answer = stranger.get(f"/enter?token={token}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert [each in cookie for each in ("HttpOnly", "SameSite=Strict", "Path=/")] == [True] * 3
    assert stranger.get("/").status_code == 200
    assert stranger.get(f"/enter?token={token}").status_code == 403
    assert local_door_of(stranger.console).token != token


def test_the_console_hears_of_each_entry_so_that_the_next_address_can_be_printed(stranger: Browser) -> None:
    entries: list[str] = []
    local_door_of(stranger.console).on_entry = lambda: entries.append("in")
    stranger.get("/enter?token=wrong")
    stranger.get(f"/enter?token={local_door_of(stranger.console).token}")
    assert entries == ["in"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7171", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:7171.evil.example"]
)
def test_another_name_than_its_own_is_refused_even_with_the_cookie(browser: Browser, world: World, host: str) -> None:
    world.journal.clear()
    for answer in (browser.get("/", Host=host), browser.post("/doctor/run", Host=host)):
        assert (answer.status_code, "contoso" in answer.text) == (421, False)
    assert world.journal == []


def test_localhost_is_its_own_name_too(stranger: Browser) -> None:
    assert (
        stranger.get(f"/enter?token={local_door_of(stranger.console).token}", Host="localhost:7171").status_code == 303
    )


@pytest.mark.parametrize("path", EVERY_POST)
@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_post_from_elsewhere_is_refused(browser: Browser, world: World, path: str, site: str) -> None:
    world.journal.clear()
    answer = browser.post(path, {"verb": "replay", "all": "1"}, Sec_Fetch_Site=site, Origin=f"http://{HOST}")
    assert (answer.status_code, world.journal) == (403, [])


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "https://127.0.0.1:7171", "http://localhost:7171"]
)
def test_an_old_browser_has_to_name_the_consoles_own_address(browser: Browser, origin: str) -> None:
    assert browser.post("/doctor/run", Sec_Fetch_Site="", Origin=origin).status_code == 403


def test_an_old_browser_that_names_it_may_post(browser: Browser) -> None:
    assert browser.post("/report/run", {"days": "7"}, Sec_Fetch_Site="", Origin=f"http://{HOST}").status_code == 303


@pytest.mark.parametrize("path", EVERY_POST)
def test_what_is_changed_by_a_post_is_not_there_for_a_get(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code == (200 if path == "/mapping" else 405)


def test_no_get_writes_anything(browser: Browser, world: World) -> None:
    from tests.unit.console.test_pages import PAGES

    writes = ("write", "put", "insert", "keep", "mark", "remove", "delete", "take", "forget_details", "create")
    for path in [*PAGES, f"/leads/{lead_id()}", f"/leads/{lead_id()}/edit?reveal=1", "/leads.csv", "/report.csv"]:
        browser.get(path)
    assert [each for each in world.journal if each.partition(".")[2] in writes] == []


@pytest.mark.parametrize("path", ["/", "/nothing", "/leads?state=gone", "/plans/x", "/leads.csv", "/enter?token=x"])
def test_every_answer_carries_the_headers_that_protect_it(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert (headers["Referrer-Policy"], headers["X-Frame-Options"]) == ("no-referrer", "DENY")


@pytest.mark.parametrize("path", ["/", "/leads", "/causes", "/mapping", "/doctor", "/report"])
def test_no_page_has_a_script_a_style_or_a_handler_in_it(browser: Browser, path: str) -> None:
    page = browser.get(path).text
    assert page.count("<script") == page.count('<script src="/static/') == 1
    assert [each for each in ("<style", " style=", " onclick", " onload", "javascript:") if each in page] == []


def test_the_sheet_and_the_script_stay_small_and_are_kept_by_the_browser(browser: Browser) -> None:
    for name, most in (("console.css", 10_000), ("console.js", 4096)):
        answer = browser.get(f"/static/{name}?x")
        assert 0 < len(answer.data) < most
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert browser.get("/static/../door.py").status_code == 404


def test_a_form_that_is_too_large_is_refused(browser: Browser) -> None:
    assert browser.post("/mapping", {"lead": "x" * (2 << 20)}).status_code == 413
