"""The canary's post against real peers: each answer names its step, in time, and never the key."""

import json
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from leadpipe.endpoint.client import EndpointClient
from leadpipe.model.errors import CanaryFailed
from tests.factories import LEAD_ID
from tests.integration.cli.conftest import TlsServer

BODY = '{"OfferTitle": "leadpipe canary"}'
SECRET = "s3cret"
Answer = tuple[int, bytes, dict[str, str]]


class Peer:
    """A server that gives one answer and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = (202, json.dumps({"status": "accepted", "lead_id": LEAD_ID}).encode(), {})
        self.asked: list[tuple[str, str, str]] = []
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                peer.asked.append((self.path, self.headers["Content-Type"], body))
                status, text, headers = peer.answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/leads?code={SECRET}&other=1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


def failure_of(url: str, seconds: float = 10.0) -> tuple[str, str]:
    with pytest.raises(CanaryFailed) as caught:
        EndpointClient(url, seconds=seconds).post(BODY)
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told + repr(caught.value)
    return caught.value.slug, caught.value.detail


def test_a_202_gives_the_lead_id_and_the_key_is_sent_as_given(peer: Peer) -> None:
    assert EndpointClient(peer.url).post(BODY) == LEAD_ID
    assert peer.asked == [(f"/api/leads?code={SECRET}&other=1", "application/json", BODY)]


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        ((401, b"", {}), "401"),
        ((401, b'{"error": "wrong_key", "detail": "x"}', {}), "401 wrong_key"),
        ((404, b"<html>", {}), "404"),
        ((503, b'{"error": "storage_unavailable"}', {}), "503 storage_unavailable"),
        ((503, b'{"error": "jane@contoso.com says"}', {}), "503"),
        ((503, b'{"error": 7}', {}), "503"),
        ((500, b"[" * 100_000, {}), "500"),
        ((202, b"", {}), "202"),
        ((202, b'{"lead_id": "another"}', {}), "202"),
        ((202, b'["lead_id"]', {}), "202"),
        ((200, json.dumps({"lead_id": LEAD_ID}).encode(), {}), "200"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_any_other_answer_is_a_refusal_with_its_status_and_slug(peer: Peer, answer: Answer, detail: str) -> None:
    peer.answer = answer
    assert failure_of(peer.url) == ("canary_refused", detail)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(peer: Peer, status: int) -> None:
    peer.answer = (status, b"", {"Location": peer.url})
    assert failure_of(peer.url) == ("canary_refused", str(status))
    assert len(peer.asked) == 1


def test_a_port_where_nobody_listens_is_unreachable(free_port: int) -> None:
    assert failure_of(f"http://127.0.0.1:{free_port}/api/leads?code={SECRET}") == (
        "canary_unreachable",
        "the connection was refused",
    )


def test_a_name_that_nobody_has_is_unreachable() -> None:
    step, detail = failure_of(f"https://leadpipe.invalid/api/leads?code={SECRET}")
    assert (step, "name" in detail or "proxy" in detail) == ("canary_unreachable", True)


def test_a_certificate_that_is_not_trusted_is_unreachable(tls: TlsServer) -> None:
    step, detail = failure_of(f"https://127.0.0.1:{tls.port}/api/leads?code={SECRET}")
    assert (step, "certificate" in detail) == ("canary_unreachable", True)


def test_the_bundle_that_is_trusted_elsewhere_is_trusted_here(tls: TlsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls.bundle))
    step, detail = failure_of(f"https://127.0.0.1:{tls.port}/api/leads?code={SECRET}")
    assert (step, "certificate" in detail, tls.handshakes) == ("canary_unreachable", False, 1)


def drops(caller: socket.socket) -> None:
    caller.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        caller.sendall(b" ")
        time.sleep(0.05)


def silence(caller: socket.socket) -> None:
    while caller.recv(1000):
        pass


@pytest.mark.parametrize("behave", [drops, silence])
def test_a_peer_that_does_not_end_is_given_up_in_time(behave: Callable[[socket.socket], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            caller, _ = listener.accept()
            with caller:
                try:
                    behave(caller)
                except OSError:
                    return  # it was given up

        thread = threading.Thread(target=serve)
        thread.start()
        started = time.monotonic()
        step, _ = failure_of(f"http://127.0.0.1:{listener.getsockname()[1]}/?code={SECRET}", seconds=0.5)
        assert (step, time.monotonic() - started < 5) == ("canary_unreachable", True)
        thread.join()
