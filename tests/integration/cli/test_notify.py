"""`leadpipe notify --test` against a real server."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from leadpipe.operations.causes import CAUSES
from tests.answering import Answer, Server, answering
from tests.factories import CONNECTION_STRING
from tests.integration.cli.conftest import Ran, Runner

KEY = "made-up-key"


@pytest.fixture
def server() -> Iterator[Server]:
    with answering() as one:
        one.answer = Answer(status=202)
        yield one


@pytest.fixture
def notify(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    run = Runner({"AzureWebJobsStorage": CONNECTION_STRING}, monkeypatch)

    def command(*arguments: str, **settings: str) -> Ran:
        ran = run("notify", *arguments, **{"LEADPIPE_NOTIFY_URL": f"{server.url}/{KEY}", **settings})
        assert KEY not in ran.out + ran.err
        return ran

    return command


def test_a_test_notice_is_posted_and_its_host_and_format_are_said(notify: Callable[..., Ran], server: Server) -> None:
    ran = notify("--test")
    assert (ran.code, ran.out) == (0, "✓ notify 127.0.0.1 took the notice of contoso\n")
    assert ran.err == "posting to 127.0.0.1, in the format json\n"
    (posted,) = (json.loads(body) for body in server.bodies)
    assert (posted["stage"], posted["app"]) == ("test", "contoso")


@pytest.mark.parametrize(("word", "part"), [("teams", "attachments"), ("slack", "blocks")])
def test_the_format_that_is_set_is_posted(notify: Callable[..., Ran], server: Server, word: str, part: str) -> None:
    assert notify("--test", LEADPIPE_NOTIFY_FORMAT=word).code == 0
    assert part in json.loads(server.bodies[0])


def test_on_azure_the_notice_names_the_site(notify: Callable[..., Ran], server: Server) -> None:
    notify("--test", WEBSITE_SITE_NAME="contoso-leads")
    assert json.loads(server.bodies[0])["app"] == "contoso-leads"


def test_a_refused_notice_is_exit_1_with_the_fix(notify: Callable[..., Ran], server: Server) -> None:
    server.answer = Answer(status=404, body=KEY.encode())
    ran = notify("--test")
    fact, fix = ran.lines
    assert (ran.code, fact) == (1, "✗ notify 127.0.0.1: the webhook did not take the notice (404)")
    assert fix.strip() == CAUSES["notify_refused"].fix


def test_a_host_that_is_away_is_exit_1_with_the_fix(notify: Callable[..., Ran], free_port: int) -> None:
    ran = notify("--test", LEADPIPE_NOTIFY_URL=f"http://127.0.0.1:{free_port}/{KEY}")
    assert (ran.code, ran.lines[1].strip()) == (1, CAUSES["notify_unreachable"].fix)


@pytest.mark.parametrize(
    ("status", "code", "changed"),
    [
        (200, 0, {"sent": True, "reason": "", "fact": "", "fix": ""}),
        (
            401,
            1,
            {
                "sent": False,
                "reason": "notify_refused",
                "fact": "the webhook did not take the notice (401)",
                "fix": CAUSES["notify_refused"].fix,
            },
        ),
    ],
)
def test_json_has_one_record(
    notify: Callable[..., Ran], server: Server, status: int, code: int, changed: dict[str, Any]
) -> None:
    server.answer = Answer(status=status)
    ran = notify("--test", "--json")
    assert (ran.code, ran.records) == (code, [{"host": "127.0.0.1", "format": "json", "app": "contoso", **changed}])


@pytest.mark.parametrize(("word", "part"), [("teams", "attachments"), ("slack", "blocks"), ("json", "stage")])
def test_a_dry_run_prints_what_would_be_posted_and_posts_nothing(
    notify: Callable[..., Ran], server: Server, word: str, part: str
) -> None:
    ran = notify("--test", "--dry-run", LEADPIPE_NOTIFY_FORMAT=word)
    assert (ran.code, part in json.loads(ran.out)) == (0, True)
    assert ran.err == f"this would be posted to 127.0.0.1, in the format {word}\n"
    assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        ((), {}, "--test: is needed"),
        (("--dry-run",), {}, "--test: is needed"),
        (("--test",), {"LEADPIPE_NOTIFY_URL": ""}, "LEADPIPE_NOTIFY_URL is not set"),
        (("--test",), {"LEADPIPE_NOTIFY_URL": f"http://contoso.example/{KEY}"}, "LEADPIPE_NOTIFY_URL is not https"),
        (
            ("--test",),
            {"LEADPIPE_NOTIFY_URL": f"@Microsoft.KeyVault(SecretUri=https://contoso.example/{KEY})"},
            "LEADPIPE_NOTIFY_URL is an unresolved Key Vault reference",
        ),
    ],
)
def test_what_cannot_be_sent_at_all_is_exit_2_and_says_why(
    notify: Callable[..., Ran], server: Server, arguments: tuple[str, ...], settings: dict[str, str], says: str
) -> None:
    ran = notify(*arguments, **settings)
    assert (ran.code, says in ran.err, ran.out, server.requests) == (2, True, "", [])


def test_the_process_itself_posts_and_keeps_the_address_to_itself(
    run_process: Callable[..., Ran], server: Server
) -> None:
    ran = run_process(
        "notify", "--test", AzureWebJobsStorage=CONNECTION_STRING, LEADPIPE_NOTIFY_URL=f"{server.url}/{KEY}"
    )
    assert (ran.code, len(server.bodies), KEY in ran.out + ran.err) == (0, 1, False)
