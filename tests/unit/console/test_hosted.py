"""The console on Azure: whom it lets in, what a reader may do, and where its addresses lead."""

import re
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from leadpipe.console.hosted import Asked, HostedDoor, Reply, answer
from leadpipe.console.site import Console
from leadpipe.model.record import State
from tests.console_app_service import FORGED, HEADER, NAME, OPERATOR, READER, ROOT, SETTINGS, principal, signed_in
from tests.console_browser import FakeTarget
from tests.factories import lead_id
from tests.fakes import World
from tests.unit.console.test_door import EVERY_POST
from tests.unit.console.test_pages import PAGES, put

JANE, JOHN = signed_in("jane@contoso.com", OPERATOR), signed_in("john@contoso.com", READER)
FOR_READERS = {"/mapping", "/doctor/run", "/report/run", f"/leads/{lead_id()}/reveal"}
WRITES = ("write", "put", "insert", "keep", "mark", "remove", "delete", "take", "forget_details", "create")


class Front:
    """Asks the console as the functions host does, with what App Service adds."""

    def __init__(self, world: World, *, console_host: str = "", **changes: str) -> None:
        door = HostedDoor(SETTINGS | changes, console_host=console_host)
        target: Any = FakeTarget(world.ports)
        self.console = Console(target, door=door, now=world.now, environment={})

    def __call__(
        self, path: str, headers: Mapping[str, str], data: Mapping[str, Any] | None = None, method: str = "GET"
    ) -> Reply:
        """A POST where there are `data`."""
        posts = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}
        given = {"host": NAME, **({} if data is None else posts), **headers}
        asked = Asked(
            method=method if data is None else "POST",
            url=f"http://{given['host']}{ROOT}{path}",
            headers={name.lower(): value for name, value in given.items() if value},
            body=urlencode(data or {}, doseq=True).encode(),
        )
        return answer(asked, self.console)

    def planned(self, **form: str) -> str:
        """The path of a plan that Jane has made."""
        return self("/plans", JANE, {"verb": "replay", **form}).headers["Location"].removeprefix(ROOT)

    def finish(self, path: str) -> None:
        plan = self.console.plans.get(path.rpartition("/")[2])
        assert plan is not None
        assert plan.job is not None
        plan.job.wait(10)


@pytest.fixture
def ask(world: World) -> Front:
    return Front(world)


def written(world: World) -> list[str]:
    return [each for each in world.journal if each.partition(".")[2] in WRITES]


@pytest.mark.parametrize("value", ["", "False", "0", "1", "yes", "truthy"])
def test_where_authentication_is_off_no_header_lets_anybody_in(world: World, value: str) -> None:
    ask = Front(world, WEBSITE_AUTH_ENABLED=value)
    for path in ("/", "/leads", "/static/console.css"):
        reply = ask(path, JANE)
        assert (reply.status, world.journal) == (503, [])
        assert b"WEBSITE_AUTH_ENABLED is not true" in reply.body


def test_who_has_not_signed_in_is_shown_where_to(ask: Front, world: World) -> None:
    reply = ask("/leads?q=x", {})
    assert (reply.status, world.journal) == (401, [])
    assert b'href="/.auth/login/aad?post_login_redirect_uri=/api/console/"' in reply.body
    assert b"contoso.crm4" not in reply.body


@pytest.mark.parametrize("kind", FORGED)
def test_a_header_that_app_service_does_not_write_lets_nobody_in(ask: Front, world: World, kind: str) -> None:
    reply = ask("/", {HEADER: ",".join(FORGED[kind])})
    assert (reply.status, world.journal) == (403, [])
    assert b"is not as App Service writes it" in reply.body


def test_a_header_spelled_with_underscores_is_not_the_header(ask: Front) -> None:
    assert ask("/", {HEADER.replace("-", "_"): principal("jane@contoso.com", OPERATOR)}).status == 401
    reply = ask("/doctor/send-test", {**JOHN, HEADER.replace("-", "_"): JANE[HEADER]}, {})
    assert reply.status == 403


def test_who_holds_no_role_is_named_and_hears_which_roles_there_are(ask: Front, world: World) -> None:
    reply = ask("/", signed_in("jim@contoso.com", "other", "Leadpipe.Read"))
    assert (reply.status, world.journal) == (403, [])
    shown = reply.body.decode()
    assert [each in shown for each in ("jim@contoso.com", READER, OPERATOR, "/.auth/logout")] == [True] * 4


@pytest.mark.parametrize("roles", [(OPERATOR,), (READER, OPERATOR)])
def test_an_operator_acts_under_the_name_of_the_sign_in(ask: Front, world: World, roles: tuple[str, ...]) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    jane = signed_in("jane@contoso.com", *roles)
    page = ask(f"/leads/{one.lead_id}", jane).body.decode()
    assert "reads-only" not in page
    reply = ask("/plans", jane, {"verb": "replay", "lead": one.lead_id, "at_once": "1"})
    assert (reply.status, reply.headers["Location"][: len(ROOT) + 7]) == (303, f"{ROOT}/plans/")
    ask.finish(reply.headers["Location"])
    assert [event.actor for event in world.ledger.events(one.lead_id)] == ["jane@contoso.com"]


@pytest.mark.parametrize("path", PAGES)
def test_a_reader_sees_each_page_and_every_action_on_it_is_off_with_the_reason(
    ask: Front, world: World, path: str
) -> None:
    put(world, 3, state=State.POISONED, reason="refused")
    require_off(ask(path, JOHN))


@pytest.mark.parametrize("state", [State.POISONED, State.FALLBACK, State.REJECTED, State.WRITTEN, State.DUPLICATE])
def test_a_reader_sees_leads_of_each_state_with_every_action_off(ask: Front, world: World, state: State) -> None:
    (one,) = put(world, state=state, reason="person_unread" if state is State.WRITTEN else "refused")
    for path in ("/leads", "/fallback", "/rejected", f"/leads/{one.lead_id}"):
        require_off(ask(path, JOHN))
    if state is State.POISONED:
        require_off(ask(f"/leads/{one.lead_id}/edit", JOHN))
        assert ask(f"/leads/{one.lead_id}/reveal", JOHN, {}).status == 303
        require_off(ask(f"/leads/{one.lead_id}/edit", JOHN))


def test_a_reader_may_look_at_a_plan_and_not_run_it(ask: Front, world: World) -> None:
    put(world, 2, state=State.POISONED, reason="refused")
    plan = ask.planned(state="poisoned", all="1")
    require_off(ask(plan, JOHN))
    assert ask(f"{plan}/run", JOHN, {}).status == 403


def require_off(reply: Reply) -> None:
    """Each button that posts what a reader may not has to be off, and say why."""
    page = reply.body.decode()
    assert (reply.status, page.count('id="reads-only"')) == (200, 1)
    for action, form in re.findall(r'<form[^>]*method="post"[^>]*action="([^"#]+)[^>]*>(.*?)</form>', page, re.DOTALL):
        path = action.removeprefix(ROOT)
        if path not in FOR_READERS and not path.endswith("/reveal"):
            buttons = re.findall(r"<button[^>]*>", form)
            assert buttons
            assert [each for each in buttons if " disabled" not in each] == []
    assert "Edit and replay" not in page or '<a class="button" href="/api/console/leads/' not in page


@pytest.mark.parametrize("path", sorted({*EVERY_POST} - FOR_READERS))
def test_a_reader_who_posts_all_the_same_changes_nothing(ask: Front, world: World, path: str) -> None:
    world.journal.clear()
    reply = ask(path, JOHN, {"verb": "replay", "state": "poisoned", "all": "1"})
    assert (reply.status, world.journal) == (403, [])
    assert b"your role is leadpipe.read" in reply.body


def test_what_a_reader_may_post_writes_at_most_who_looked(ask: Front, world: World) -> None:
    put(world, state=State.POISONED, reason="refused")
    world.journal.clear()
    for path in ("/mapping", "/doctor/run", "/report/run"):
        assert ask(path, JOHN, {"lead": '{"Title": "x"}', "days": "7"}).status in {200, 303}
    assert written(world) == []


def test_personal_data_is_shown_to_the_person_who_asked_and_the_history_says_who(ask: Front, world: World) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused", email="jane.doe@fabrikam.com")
    path = f"/leads/{one.lead_id}"
    assert ask(f"{path}/reveal", JOHN, {}).headers["Location"] == f"{ROOT}{path}?reveal=1"
    assert b"jane.doe@fabrikam.com" in ask(f"{path}?reveal=1", JOHN).body
    assert b"jane.doe@fabrikam.com" not in ask(f"{path}?reveal=1", JANE).body
    assert [(event.event, event.actor) for event in world.ledger.events(one.lead_id)] == [
        ("revealed", "john@contoso.com")
    ]


@pytest.mark.parametrize("path", [*PAGES, "/nothing", f"/leads/{lead_id()}", "/leads?state=gone"])
def test_every_address_of_a_page_begins_where_the_console_does(ask: Front, world: World, path: str) -> None:
    put(world, 3, state=State.POISONED, reason="refused")
    page = ask(path, JANE).body.decode()
    addresses = re.findall(r'\b(?:href|action|src)="([^"]*)"', page)
    assert len(addresses) > 10
    assert [each for each in addresses if each[:1] == "/" and not each.startswith(f"{ROOT}/")] == []
    styles = next(each for each in addresses if "console.css" in each)
    assert ask(styles.removeprefix(ROOT), JANE).headers["Content-Type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize("host", ["evil.example", "", "[", "127.0.0.1", f"{NAME}.evil.example", f"{NAME}:8080"])
def test_a_name_that_is_not_its_own_is_refused(ask: Front, world: World, host: str) -> None:
    reply = ask("/", {**JANE, "host": host})
    assert (reply.status, world.journal) == (421, [])
    assert NAME in reply.body.decode()


def test_a_name_of_ones_own_is_let_in_where_a_setting_has_it(world: World) -> None:
    ask = Front(world, console_host="leads.contoso.com")
    assert [ask("/", {**JANE, "host": host}).status for host in (NAME, "Leads.Contoso.com")] == [200, 200]


def test_without_any_name_the_console_says_which_setting_is_missing(world: World) -> None:
    reply = Front(world, WEBSITE_HOSTNAME="")("/", JANE)
    assert (reply.status, b"WEBSITE_HOSTNAME is not set" in reply.body) == (421, True)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
@pytest.mark.parametrize("path", EVERY_POST)
def test_a_post_from_elsewhere_is_refused_whoever_has_signed_in(ask: Front, world: World, path: str, site: str) -> None:
    world.journal.clear()
    reply = ask(path, {**JANE, "sec-fetch-site": site, "origin": f"https://{NAME}"}, {"verb": "replay", "all": "1"})
    assert (reply.status, world.journal) == (403, [])


@pytest.mark.parametrize(
    ("origin", "status"), [(f"https://{NAME}", 303), (f"http://{NAME}", 403), ("null", 403), ("", 403)]
)
def test_an_old_browser_has_to_name_the_consoles_own_address(ask: Front, origin: str, status: int) -> None:
    assert ask("/report/run", {**JANE, "sec-fetch-site": "", "origin": origin}, {"days": "7"}).status == status


@pytest.mark.parametrize(
    ("url", "status"),
    [
        (f"http://{NAME}/api/console", 200),
        (f"http://{NAME}/API/Console/leads?q=%", 200),
        (f"https://[/{ROOT}/", 404),
        ("http://[/api/console/leads", 200),
        (f"http://{NAME}/console/leads", 200),
        (f"http://{NAME}{ROOT}//evil.example/", 404),
        (f"http://{NAME}{ROOT}/%ff%00/%2e%2e", 404),
        (f"http://{NAME}/api/consoles/leads", 404),
        (f'http://{NAME}/"><script>/console/leads', 404),
        ("", 404),
    ],
)
def test_whatever_address_is_asked_for_gets_an_answer_that_fits(world: World, url: str, status: int) -> None:
    asked = Asked(method="GET", url=url, headers={"host": NAME, **JANE}, body=b"")
    assert answer(asked, Front(world).console).status == status


def test_a_head_has_the_headers_and_no_body(ask: Front) -> None:
    reply = ask("/leads", JANE, method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Cache-Control"] == "no-store"


def test_a_running_plan_says_that_it_ends_with_the_console(
    ask: Front, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = put(world, state=State.POISONED, reason="refused")
    write, go_on = world.ledger.write, threading.Event()
    monkeypatch.setattr(world.ledger, "write", lambda *row: write(*row) if go_on.wait(10) else None)
    plan = ask.planned(state="poisoned", all="1")
    ask(f"{plan}/run", JANE, {"lead": one.lead_id})
    assert b"Keep this page in view: Azure ends a console that nobody looks at" in ask(plan, JANE).body
    go_on.set()
    ask.finish(plan)
    assert b"Replay: done" in ask(plan, JANE).body


def test_a_plan_of_a_console_that_was_replaced_is_made_again_with_the_rest(ask: Front, world: World) -> None:
    first, _ = put(world, 2, state=State.POISONED, reason="refused")
    plan = ask.planned(state="poisoned", all="1")
    ask(f"{plan}/run", JANE, {"lead": first.lead_id})
    ask.finish(plan)
    replaced = Front(world)
    gone = replaced(plan, JANE)
    assert (gone.status, b"What it did is done" in gone.body) == (404, True)
    require_off(Reply(status=200, headers={}, body=replaced(plan, JOHN).body))
    form = dict(re.findall(r'name="(\w+)" value="(\w+)"', gone.body.decode()))
    again = replaced(replaced.planned(**form), JANE).body
    assert (b"Replay 1 lead" in again, first.lead_id.encode() in again) == (True, False)
