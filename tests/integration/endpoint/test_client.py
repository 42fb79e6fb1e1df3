"""The canary's post against real peers: each answer names its step, in time, and never the key."""

import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from leadpipe.endpoint.client import EndpointClient
from leadpipe.model.errors import CanaryFailed
from tests.answering import Answer, Server, answering, json_of, page
from tests.factories import LEAD_ID
from tests.listening import hang_up, listening, loopback_context

pytestmark = pytest.mark.usefixtures("no_collection")

BODY = '{"OfferTitle": "leadpipe canary"}'
SECRET = "s3cret"
PATH = f"/api/leads?code={SECRET}&other=1"
ACCEPTED = f'{{"status": "accepted", "lead_id": "{LEAD_ID}"}}'


@pytest.fixture
def peer() -> Iterator[Server]:
    with answering() as server:
        yield server


def failure_of(origin: str, seconds: float = 10.0) -> tuple[str, str]:
    with pytest.raises(CanaryFailed) as caught:
        EndpointClient(origin + PATH, seconds=seconds).post(BODY)
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert SECRET not in said
    return caught.value.slug, caught.value.detail


def test_a_202_gives_the_lead_id_and_the_key_is_sent_as_given(peer: Server) -> None:
    peer.answer = json_of(202, ACCEPTED)
    assert EndpointClient(peer.url + PATH).post(BODY) == LEAD_ID
    assert peer.requests == [f"POST {PATH}"]


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (Answer(status=401), "401"),
        (json_of(401, '{"error": "wrong_key", "detail": "x"}'), "401 wrong_key"),
        (page(404), "404"),
        (json_of(503, '{"error": "storage_unavailable"}'), "503 storage_unavailable"),
        (json_of(503, '{"error": "jane@contoso.com says"}'), "503"),
        (json_of(503, '{"error": 7}'), "503"),
        (json_of(500, "[" * 100_000), "500"),
        (Answer(status=202), "202"),
        (json_of(202, '{"lead_id": "another"}'), "202"),
        (json_of(202, '["lead_id"]'), "202"),
        (json_of(200, ACCEPTED), "200"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_any_other_answer_is_a_refusal_with_its_status_and_slug(peer: Server, answer: Answer, detail: str) -> None:
    peer.answer = answer
    assert failure_of(peer.url) == ("canary_refused", detail)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(peer: Server, status: int) -> None:
    peer.answer = page(status, Location=f"{peer.url}/elsewhere")
    assert failure_of(peer.url) == ("canary_refused", str(status))
    assert peer.requests == [f"POST {PATH}"]


def test_an_answer_that_breaks_off_is_unreachable(peer: Server) -> None:
    peer.answer = Answer(status=202, body=ACCEPTED.encode(), close_early=True)
    assert failure_of(peer.url)[0] == "canary_unreachable"


def test_a_port_where_nobody_listens_is_unreachable(free_port: int) -> None:
    assert failure_of(f"http://127.0.0.1:{free_port}") == ("canary_unreachable", "the connection was refused")


def test_a_name_that_nobody_has_is_unreachable() -> None:
    step, detail = failure_of("https://leadpipe.invalid")
    assert (step, "name" in detail or "proxy" in detail) == ("canary_unreachable", True)


def test_only_a_trusted_certificate_lets_the_canary_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "bundle.pem"
    with listening(hang_up, loopback_context(bundle)) as listener:
        step, detail = failure_of(f"https://{listener.netloc}")
        assert (step, "a certificate is not trusted" in detail) == ("canary_unreachable", True)
        assert listener.greeted == 0
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        step, detail = failure_of(f"https://{listener.netloc}")
        assert (step, "certificate" in detail) == ("canary_unreachable", False)
        assert listener.greeted == 1


def drops(caller: socket.socket) -> None:
    caller.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\n")
    with suppress(OSError):
        while True:
            caller.sendall(b" ")
            time.sleep(0.05)


def silence(caller: socket.socket) -> None:
    while caller.recv(1000):
        pass


@pytest.mark.parametrize("taking", [drops, silence])
def test_a_peer_that_does_not_end_is_given_up_in_time(taking: Callable[[socket.socket], None]) -> None:
    with listening(taking) as listener:
        started = time.monotonic()
        step, _ = failure_of(f"http://{listener.netloc}", seconds=0.5)
        assert (step, time.monotonic() - started < 5) == ("canary_unreachable", True)
