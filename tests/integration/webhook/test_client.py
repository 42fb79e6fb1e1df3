"""Posting a notice to real servers: what counts as taken, what as failed, and that the address stays secret."""

import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from leadpipe.model.attention import Attention, Notice, Stage
from leadpipe.model.errors import NotifyFailed
from leadpipe.model.webhook import Shape, Webhook
from leadpipe.webhook.client import POST_SECONDS, WebhookNotifier
from leadpipe.webhook.shapes import body_of
from leadpipe.wiring import SILENT_LIBRARIES, quiet_libraries
from tests.answering import Answer, Server, answering
from tests.peers import (
    HEAD,
    Answering,
    MakePeer,
    body_in_drops,
    headers_in_drops,
    silent,
    status_in_drops,
    too_much,
    whole,
)

KEY = "made-up-key"
PATH = f"/services/{KEY}?sig={KEY}"
NOTICE = Notice(
    stage=Stage.BEGINS,
    app="contoso",
    attention=Attention(reason="no_role", says="leads wait", fix="give the role"),
    at=datetime(2026, 3, 14, tzinfo=UTC),
)


def notifier(origin: str, *, seconds: float = 5, shape: Shape = Shape.JSON) -> WebhookNotifier:
    return WebhookNotifier(Webhook(url=f"{origin}{PATH}", shape=shape), seconds=seconds)


def failure(origin: str, *, seconds: float = 5) -> NotifyFailed:
    with pytest.raises(NotifyFailed) as raised:
        notifier(origin, seconds=seconds).send(NOTICE)
    return raised.value


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged, as where the app runs."""
    before = {name: logging.getLogger(name).level for name in SILENT_LIBRARIES}
    caplog.set_level(logging.DEBUG)
    quiet_libraries()
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def server() -> Iterator[Server]:
    with answering() as one:
        yield one


def closing(caller: socket.socket) -> None:
    caller.close()


def half(caller: socket.socket) -> None:
    caller.sendall(HEAD + b"Content-Length: 11\r\n\r\n{")
    caller.close()


def no_http(caller: socket.socket) -> None:
    caller.sendall(b"220 mail.contoso.example ESMTP\r\n")
    caller.close()


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_notice_is_posted_once_and_taken(server: Server, status: int, shape: Shape) -> None:
    server.answer = Answer(status=status)
    notifier(server.url, shape=shape).send(NOTICE)
    assert server.requests == [f"POST {PATH}"]
    assert json.loads(server.bodies[0]) == body_of(NOTICE, shape)


def test_over_tls_a_notice_is_taken_by_a_host_that_the_bundle_trusts(tls_peer: MakePeer) -> None:
    there = tls_peer(whole)
    notifier(f"https://{there.netloc}").send(NOTICE)
    assert there.received.startswith(f"POST {PATH} HTTP/1.1\r\n".encode())
    assert b"Content-Type: application/json\r\n" in there.received


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 410, 413, 500, 503])
def test_any_other_status_is_a_refusal_that_names_it(server: Server, status: int) -> None:
    server.answer = Answer(status=status, body=KEY.encode())
    failed = failure(server.url)
    assert (failed.slug, failed.detail) == ("notify_refused", str(status))


def test_a_pause_that_is_asked_for_is_not_waited_for(server: Server) -> None:
    server.answer = Answer(status=429, headers={"Retry-After": "30"})
    began = time.monotonic()
    failed = failure(server.url)
    assert (failed.slug, failed.detail) == ("notify_refused", "429")
    assert time.monotonic() - began < 5
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Server, status: int) -> None:
    with answering() as elsewhere:
        server.answer = Answer(status=status, headers={"Location": f"{elsewhere.url}/stolen"})
        failed = failure(server.url)
        assert (failed.slug, failed.detail, elsewhere.requests) == ("notify_refused", str(status), [])


@pytest.mark.parametrize(
    ("answering", "slug", "detail"),
    [
        (closing, "notify_unreachable", "the connection broke"),
        (no_http, "notify_unreachable", "the connection broke"),
    ],
)
def test_what_answers_otherwise_than_a_webhook_is_a_failure(
    peer: MakePeer, answering: Answering, slug: str, detail: str
) -> None:
    failed = failure(f"http://{peer(answering).netloc}")
    assert (failed.slug, failed.detail) == (slug, detail)


@pytest.mark.parametrize("answering", [half, too_much, body_in_drops])
def test_a_notice_that_was_taken_is_taken_whatever_the_rest_of_the_answer(peer: MakePeer, answering: Answering) -> None:
    notifier(f"http://{peer(answering).netloc}").send(NOTICE)


@pytest.mark.parametrize("answering", [silent, headers_in_drops, status_in_drops])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_whatever_does_not_end_is_given_up_in_time(
    peer: MakePeer, tls_peer: MakePeer, answering: Answering, scheme: str
) -> None:
    there = tls_peer(answering) if scheme == "https" else peer(answering)
    began = time.monotonic()
    assert failure(f"{scheme}://{there.netloc}", seconds=0.5).slug == "notify_slow"
    assert time.monotonic() - began < 3


def test_a_handshake_that_never_comes_is_given_up_in_time(peer: MakePeer) -> None:
    began = time.monotonic()
    assert failure(f"https://{peer(silent).netloc}", seconds=0.5).slug == "notify_slow"
    assert time.monotonic() - began < 3


def test_a_look_up_of_the_host_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hanging(*_: object, **__: object) -> list[object]:
        release.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    began = time.monotonic()
    try:
        failed = failure("https://hooks.contoso.example", seconds=0.3)
    finally:
        release.set()
    assert (failed.slug, failed.detail) == ("notify_slow", "no answer within 0.3 s")
    assert time.monotonic() - began < 5


def test_a_notice_has_ten_seconds() -> None:
    assert POST_SECONDS == 10


def test_a_host_that_is_not_there_is_unreachable(free_port: int) -> None:
    failed = failure(f"http://127.0.0.1:{free_port}")
    assert (failed.slug, failed.detail) == ("notify_unreachable", "the connection was refused")


def test_a_name_that_no_machine_has_is_unreachable() -> None:
    failed = failure("https://hooks.contoso.invalid")
    assert failed.slug == "notify_unreachable"


@pytest.mark.parametrize(
    ("bundle", "detail"),
    [
        ("", "that of the webhook, 127.0.0.1"),
        (__file__, "REQUESTS_CA_BUNDLE names a file that holds no certificates"),
        ("/no/such/file", "REQUESTS_CA_BUNDLE names no file of certificates"),
    ],
    ids=["another authority", "a file without certificates", "no file"],
)
def test_a_host_that_nothing_vouches_for_gets_no_notice(
    tls_peer: MakePeer, monkeypatch: pytest.MonkeyPatch, bundle: str, detail: str
) -> None:
    there = tls_peer(whole)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    failed = failure(f"https://{there.netloc}")
    assert (failed.slug, failed.detail, there.received) == ("notify_untrusted", detail, b"")


def test_a_server_without_tls_gets_no_notice(server: Server) -> None:
    failed = failure(server.url.replace("http:", "https:"))
    assert (failed.slug, server.bodies) == ("notify_untrusted", [])


def test_a_dead_proxy_is_named_without_its_password(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://jane:pass-word@127.0.0.1:{free_port}")
    failed = failure("https://hooks.contoso.example")
    named = f"the proxy 127.0.0.1:{free_port} is not there, or does not let it through"
    assert (failed.slug, failed.detail) == ("notify_unreachable", named)


def test_no_proxy_sees_what_stays_on_this_machine(
    server: Server, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port}")
    server.answer = Answer(status=200)
    notifier(server.url).send(NOTICE)
    assert len(server.requests) == 1


def test_no_password_of_a_netrc_file_goes_along(
    tls_peer: MakePeer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login jane password pass-word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    there = tls_peer(whole)
    notifier(f"https://{there.netloc}").send(NOTICE)
    assert b"uthorization" not in there.received


def test_what_nobody_foresaw_is_a_failure_by_its_kind_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError(KEY)

    monkeypatch.setattr("leadpipe.webhook.client.body_of", broken)
    failed = failure("https://hooks.contoso.example")
    assert (failed.slug, failed.detail) == ("notify_failed", "KeyError")


def refusing(caller: socket.socket) -> None:
    """Quotes the request in a header that cannot be read, which urllib3 would log with the address."""
    caller.sendall(f"HTTP/1.1 400 {KEY}\r\nNo colon {KEY}\r\nX-Key: {KEY}\r\nContent-Length: 11\r\n\r\n{KEY}".encode())


@pytest.mark.parametrize("answering", [whole, refusing, closing, half, no_http, silent, too_much, status_in_drops])
def test_the_address_is_in_no_log_and_in_no_text_of_a_failure(
    peer: MakePeer, log: pytest.LogCaptureFixture, answering: Answering
) -> None:
    one = notifier(f"http://{peer(answering).netloc}", seconds=0.5)
    said = ""
    try:
        one.send(NOTICE)
    except NotifyFailed as error:
        said = "".join(traceback.format_exception(error)) + repr(error) + error.detail
    assert KEY not in log.text + said
    assert KEY not in repr(one._webhook)
