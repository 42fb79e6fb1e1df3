"""The endpoint's own keys, from the post to `leadpipe keys`, under the real host and on real storage."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import pytest
import requests

from leadpipe.model.record import Record, State
from leadpipe.wiring import now
from tests.factories import payload
from tests.host_process import until
from tests.integration.app.test_logs import VERBOSE
from tests.integration.cli.conftest import Runner
from tests.integration.conftest import App, Starter
from tests.standin_process import Standin

A, B, WRONG = "key-a-0123456789==", "key-b+0/123456789", "wr0ng-key-0123456789"
KEY_VAULT = "@Microsoft.KeyVault(SecretUri=https://contoso.vault.azure.net/secrets/keys)"
_numbers = count()


def own_keys(keys: str | None, auth: str = "keys") -> dict[str, str]:
    return {"LEADPIPE_AUTH": auth, **({} if keys is None else {"LEADPIPE_KEYS": keys})}


def lead() -> str:
    """A lead that is like no other."""
    return payload(LastName=f"Doe {next(_numbers)}")


def post(app: App, key: str, body: str | bytes | None = None) -> requests.Response:
    return app.post(lead() if body is None else body, headers={"x-functions-key": key})


def accepted(answer: requests.Response) -> str:
    assert answer.status_code == 202, answer.text
    return str(answer.json()["lead_id"])


def rejected(app: App) -> list[Record]:
    today = now().date()
    return [*app.ledger.between(today, today, states=frozenset({State.REJECTED}), payloads=True)]


class Poster:
    """Posts with one key to whichever app is the current one, until it is stopped."""

    def __init__(self, current: Callable[[], App], key: str) -> None:
        self.statuses: list[int] = []
        self._current = current
        self._key = key
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def posting(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            self._thread.join(30)

    def has_posted(self, more: int = 5) -> None:
        before = len(self.statuses)
        until(lambda: len(self.statuses) >= before + more, "more posts")

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.statuses.append(post(self._current(), self._key).status_code)


# Rotation


def test_a_key_is_changed_under_continuous_posting_and_no_post_is_refused(
    start_app: Starter, storage_account: str, run: Runner
) -> None:
    apps = [start_app(storage_account, "--enable-auth", **own_keys(f"a:{A}"))]
    with_a, with_b = Poster(lambda: apps[-1], A), Poster(lambda: apps[-1], B)

    def shown() -> dict[str, dict[str, object]]:
        ran = run("keys", "--json", **own_keys(f"a:{A},b:{B}"))
        assert ran.code == 0, ran.err
        return {use["name"]: use for use in ran.records}

    with with_a.posting():
        with_a.has_posted()
        assert shown()["b"] == {
            "name": "b", "configured": True, "last_used_at": None, "last_lead_id": "", "leads": 0,
        }  # fmt: skip
        apps.append(start_app(storage_account, "--enable-auth", **own_keys(f"a:{A},b:{B}")))
        with with_b.posting():
            with_a.has_posted()
            with_b.has_posted()
        until(lambda: shown()["b"]["leads"] == len(with_b.statuses), "the use of b")
    last = accepted(post(apps[-1], B))
    use = shown()
    assert use["a"]["leads"] == len(with_a.statuses)
    assert use["b"]["last_lead_id"] == last
    assert str(use["a"]["last_used_at"]) < str(use["b"]["last_used_at"])
    apps.append(start_app(storage_account, "--enable-auth", **own_keys(f"b:{B}")))
    assert post(apps[-1], B).status_code == 202
    assert post(apps[-1], A).status_code == 401
    assert {*with_a.statuses, *with_b.statuses} == {202}
    ran = run("keys", "--json", **own_keys(f"b:{B}"))
    assert [(each["name"], each["configured"]) for each in ran.records] == [("b", True), ("a", False)]


def test_the_table_says_what_it_covers(start_app: Starter, storage_account: str, run: Runner) -> None:
    app = start_app(storage_account, **own_keys(f"{A},b:{B}"))
    accepted(post(app, A))
    ran = run("keys", **own_keys(f"{A},b:{B}"))
    assert ran.code == 0
    assert ran.lines[0].split() == ["KEY", "CONFIGURED", "LAST", "USED", "LEADS", "LAST", "LEAD", "ID"]
    assert ran.lines[1].startswith("key1")
    assert "last 7 days" in ran.err
    assert "not used in that time: b" in ran.err
    assert not {A, B} & {*(ran.out + ran.err).split()}


def test_with_the_hosts_keys_it_says_where_those_are_seen(run: Runner) -> None:
    ran = run("keys")
    assert (ran.code, ran.out) == (0, "")
    assert "az functionapp function keys list" in ran.err
    assert run("keys", "--json").records == []


# Header and address


def test_a_key_comes_in_the_header_or_the_address_and_one_is_enough(
    start_app: Starter, storage_account: str, run: Runner
) -> None:
    app = start_app(storage_account, "--enable-auth", **own_keys(f"a:{A},b:{B}"), **VERBOSE)

    def by(body: str = "", *, header: str | None = None, **query: str) -> requests.Response:
        headers = {} if header is None else {"X-Functions-Key": header}
        return app.host.post("/api/leads", data=(body or lead()).encode(), headers=headers, params=query)

    ids = {
        "a": accepted(by(code=A)),
        "b": accepted(by(code=B)),
        "a by the header": accepted(by(header=A)),
        "a by a header beside a wrong code": accepted(by(header=A, code=WRONG)),
        "b by a code beside a wrong header": accepted(by(header=WRONG, code=B)),
        "b by a code beside an empty header": accepted(by(header="", code=B)),
        "a by the header, which goes before the code": accepted(by(header=A, code=B)),
        "b not encoded": accepted(app.host.post(f"/api/leads?Code={B}", data=lead().encode())),
    }
    assert {name: app.record(lead_id).key_name for name, lead_id in ids.items()} == {name: name[0] for name in ids}
    assert by().status_code == by(header=WRONG).status_code == by(code=A.upper()).status_code == 401
    assert by(header=f"a:{A}").status_code == 401
    listed = {each["lead_id"]: each["key_name"] for each in run("leads", "--state", "written", "--json").records}
    assert listed.items() <= {lead_id: name[0] for name, lead_id in ids.items()}.items()
    shown = run("show", ids["a"])
    assert ["key", "a"] in [line.split() for line in shown.lines]
    assert not any(key in app.host.log + shown.out for key in (A, B, WRONG))


def test_what_is_no_lead_is_400_with_a_right_key_else_401(start_app: Starter, storage_account: str) -> None:
    app = start_app(storage_account, **own_keys(f"a:{A}"))
    assert [post(app, A, b"[]").status_code, post(app, WRONG, b"{]").status_code] == [400, 401]
    assert {(record.reason, record.payload, record.key_name) for record in rejected(app)} == {
        ("not_an_object", b"[]", "a"),
        ("wrong_key", b"{]", ""),
    }


def test_the_key_stays_with_a_lead_that_a_person_edits_and_replays(
    start_app: Starter, storage_account: str, run_with_dynamics: Runner, standin: Standin
) -> None:
    app = start_app(storage_account, **own_keys(f"a:{A}"))
    standin.fault("plugin_abort", count=1)
    poisoned = accepted(post(app, A))
    app.reaching(poisoned, frozenset({State.POISONED}))
    assert run_with_dynamics("poison", "edit", poisoned, "--set", "Company=Contoso").code == 0
    assert run_with_dynamics("poison", "replay", poisoned).code == 0
    record = app.reaching(poisoned, frozenset({State.WRITTEN}))
    assert (record.company, record.key_name) == ("Contoso", "a")


# A wrong key


def test_a_flood_with_a_wrong_key_is_kept_within_its_bound_and_replayed(
    start_app: Starter, storage_account: str, run_with_dynamics: Runner, standin: Standin
) -> None:
    app = start_app(storage_account, "--enable-auth", **own_keys(f"a:{A}"))
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: post(app, WRONG), range(150))]
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(401, "wrong_key")}
    assert len(rejected(app)) == 100
    until(lambda: app.host.log.count("post_refused reason=wrong_key") == 150, "a line for each post")
    assert WRONG not in app.host.log
    accepted(post(app, A))
    ran = run_with_dynamics("poison", "replay", "--cause", "wrong_key", "--state", "rejected", "--yes")
    assert (ran.code, "100 replayed" in ran.err) == (0, True), ran.err
    until(lambda: len(standin.leads()) == 101, "the leads in Dynamics")
    assert rejected(app) == []


def test_another_process_knows_what_was_kept_and_an_empty_post_is_not(start_app: Starter, storage_account: str) -> None:
    first, second = (start_app(storage_account, **own_keys(f"a:{A}")) for _ in range(2))
    assert post(first, WRONG, b"").status_code == 401
    assert rejected(first) == []
    with ThreadPoolExecutor(8) as pool:
        statuses = {*pool.map(lambda _: post(first, WRONG, b"{}").status_code, range(95))}
        statuses |= {*pool.map(lambda _: post(second, WRONG, b"{}").status_code, range(40))}
    assert statuses == {401}
    assert len(rejected(first)) == 100


# No key that can be read


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (own_keys(None), "LEADPIPE_KEYS"),
        (own_keys(KEY_VAULT), "LEADPIPE_KEYS"),
        (own_keys(",b:"), "LEADPIPE_KEYS"),
        (own_keys(f"a:{A}", auth="kyes"), "LEADPIPE_AUTH"),
        (own_keys(f"a:{A}", auth=KEY_VAULT), "LEADPIPE_AUTH"),
    ],
    ids=["missing", "unresolved", "unreadable", "a slip in the word", "an unresolved word"],
)
def test_without_a_readable_key_nothing_is_401_and_everything_names_the_setting(
    start_app: Starter, storage_account: str, run_with_dynamics: Runner, settings: dict[str, str], named: str
) -> None:
    app = start_app(storage_account, "--enable-auth", **settings)
    hosts = app.host.function_key()
    for key in (A, WRONG, hosts, ""):
        answer = post(app, key)
        assert (answer.status_code, answer.json()["error"]) == (503, "keys_settings")
        assert answer.json()["detail"].startswith(named)
        assert answer.headers["Retry-After"]
    assert app.post(b"").status_code == 503
    health = app.host.get("/api/health")
    assert (health.status_code, named in health.text) == (503, True)
    assert app.ledger.first_day() is None
    status = run_with_dynamics("status", **settings)
    assert (status.code, f"a person is needed: {named} " in status.err) == (1, True), status.err
    doctor = run_with_dynamics("doctor", "--json", **settings)
    failed = [each for each in doctor.records if each["result"] == "failed"]
    assert (doctor.code, [each["check"] for each in failed], named in failed[0]["fact"]) == (1, ["settings"], True)
    sent = run_with_dynamics("send-test", "--json", "--url", app.host.url, **settings)
    assert (sent.code, named in sent.records[-1]["fact"]) == (1, True)
    keys = run_with_dynamics("keys", **settings)
    assert (keys.code, named in keys.err) == (1, True)
    seen = "".join(each.out + each.err for each in (status, doctor, sent, keys)) + app.host.log
    assert A not in seen
    assert "contoso.vault" not in seen


def test_of_two_keys_one_that_can_be_read_is_enough(start_app: Starter, storage_account: str, run: Runner) -> None:
    settings = own_keys(f"a:{KEY_VAULT},b:{B}")
    app = start_app(storage_account, **settings)
    assert post(app, B).status_code == 202
    assert app.host.get("/api/health").status_code == 200
    status = run("status", **settings)
    assert "key 1 of 2 is an unresolved reference" in status.err
    assert status.err.splitlines()[-1] == "nobody is needed"


# send-test


def test_a_test_lead_takes_its_key_from_the_settings(
    start_app: Starter, storage_account: str, run_with_dynamics: Runner
) -> None:
    app = start_app(storage_account, "--enable-auth", **own_keys(f"a:{A},b:{B}"))
    sent = run_with_dynamics("send-test", "--json", "--url", app.host.url, **own_keys(f"a:{A},b:{B}"))
    assert sent.code == 0, sent.err
    assert app.record(sent.records[0]["fact"].rpartition(" ")[2]).key_name == "a"
    given = run_with_dynamics("send-test", "--json", "--url", app.host.url, "--key", B, **own_keys(f"a:{A}"))
    assert app.record(given.records[0]["fact"].rpartition(" ")[2]).key_name == "b"
    other = run_with_dynamics("send-test", "--json", "--url", app.host.url, **own_keys(f"c:{WRONG}"))
    assert (other.code, "leadpipe does not know the key" in other.records[-1]["fact"]) == (1, True)
    assert "give it the same LEADPIPE_KEYS" in other.records[-1]["fix"]
    assert WRONG not in other.out + other.err


def test_an_app_that_still_asks_for_the_hosts_keys_is_said(
    start_app: Starter, storage_account: str, run_with_dynamics: Runner
) -> None:
    app = start_app(storage_account, "--enable-auth")
    sent = run_with_dynamics("send-test", "--json", "--url", app.host.url, **own_keys(f"a:{A}"))
    assert (sent.code, "set LEADPIPE_AUTH to keys in the app" in sent.records[-1]["fix"]) == (1, True)
