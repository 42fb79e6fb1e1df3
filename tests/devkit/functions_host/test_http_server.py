import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from devkit.functions_host.http_functions import Call
from devkit.functions_host.http_reply import Reply
from devkit.functions_host.http_server import HttpServer
from tests.host_process import until

Start = Callable[..., HttpServer]


def echo(call: Call) -> Reply:
    return Reply(status=200, body=call.body)


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[HttpServer] = []

    def start(answer: Callable[[Call], Reply] = echo, *, allow_chunked: bool = False) -> HttpServer:
        servers.append(HttpServer(host="127.0.0.1", port=0, allow_chunked=allow_chunked))
        servers[-1].start(answer)
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def connect(server: HttpServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)


def post(connection: http.client.HTTPConnection, **request: object) -> tuple[int, bytes]:
    connection.request("POST", "/x", **request)  # type: ignore[arg-type]
    response = connection.getresponse()
    return response.status, response.read()


def test_one_connection_carries_many_requests(start: Start) -> None:
    connection = connect(start())
    assert post(connection, body=b"one") == (200, b"one")
    first = connection.sock
    assert post(connection, body=b"two") == (200, b"two")
    assert connection.sock is first
    connection.close()


@pytest.mark.parametrize(("allow_chunked", "body"), [(False, b""), (True, b"hello")])
def test_a_chunked_body_arrives_empty_unless_allowed(start: Start, allow_chunked: bool, body: bytes) -> None:
    connection = connect(start(allow_chunked=allow_chunked))
    assert post(
        connection, body=iter([b"hel", b"lo"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    ) == (200, body)
    assert post(connection, body=b"next") == (200, b"next")
    connection.close()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_500(start: Start, monkeypatch: pytest.MonkeyPatch, chunked: bool) -> None:
    monkeypatch.setenv("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", "10")
    connection = connect(start(allow_chunked=True))
    headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    body = iter([b"12345678901"]) if chunked else b"12345678901"
    assert post(connection, body=body, headers=headers, encode_chunked=chunked) == (500, b"")
    connection.close()


def test_the_limit_is_100_mib_when_nothing_else_is_set(start: Start) -> None:
    assert start().body_limit == 100 * 1024 * 1024


def test_a_body_that_is_shorter_than_its_length_is_500_after_a_while(start: Start) -> None:
    server = start(lambda _: Reply(status=202))
    assert server.body_seconds == 5
    server.body_seconds = 0.3
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as raw:
        raw.sendall(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345")
        assert raw.makefile("rb").read().startswith(b"HTTP/1.1 500")


def test_header_names_are_lower_case_and_repeated_ones_joined(start: Start) -> None:
    seen: list[Call] = []
    server = start(lambda call: (seen.append(call), Reply(status=204))[1])
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as raw:
        raw.sendall(b"GET /x?code=s HTTP/1.1\r\nHost: h\r\nX-Abc: 1\r\nx-abc: 2\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 204")
    assert seen[0].headers == {"host": "h", "x-abc": "1,2"}


def test_a_head_answer_has_no_body(start: Start) -> None:
    connection = connect(start(lambda _: Reply(status=200, body=b"abc")))
    connection.request("HEAD", "/x")
    response = connection.getresponse()
    assert (response.headers["Content-Length"], response.read()) == ("3", b"")
    connection.close()


def test_sixty_requests_at_once_are_all_answered(start: Start) -> None:
    all_there = threading.Barrier(60)

    def together(_: Call) -> Reply:
        all_there.wait(timeout=10)
        return Reply(status=202)

    server = start(together)

    def one(_: int) -> int:
        connection = connect(server)
        status, _body = post(connection, body=b"x")
        connection.close()
        return status

    with ThreadPoolExecutor(60) as callers:
        assert list(callers.map(one, range(60))) == [202] * 60


def test_the_log_line_holds_no_query_and_nothing_that_steers_or_hides(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server = start()
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as raw:
        raw.sendall(b"G\x1b[2JET /a\x1b[31m\xad?code=secret HTTP/1.1\r\nHost: h\r\n\r\n")
        raw.recv(100)
    until(lambda: r"G\x1b[2JET /a\x1b[31m\xad 200" in caplog.text)
    assert "secret" not in caplog.text
    assert "\x1b" not in caplog.text


def test_a_malformed_request_leaves_no_trace_of_its_line(start: Start, capfd: pytest.CaptureFixture[str]) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=10) as raw:
        raw.sendall(b"GET /?code=secret nonsense more\r\n\r\n")
        raw.recv(100)
    assert "secret" not in "".join(capfd.readouterr())


def test_a_stop_waits_for_the_answer_under_way(start: Start) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(_: Call) -> Reply:
        entered.set()
        leave.wait(10)
        return Reply(status=202)

    server = start(slow)
    with ThreadPoolExecutor(1) as callers:
        connection = connect(server)
        answered = callers.submit(post, connection, body=b"x")
        assert entered.wait(10)
        server.stop()
        assert not server.join(time.monotonic() + 0.05)
        leave.set()
        assert server.join(time.monotonic() + 10)
        assert answered.result(10)[0] == 202
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        connect(server).connect()
