"""What Microsoft's whole host (4.1037, worker 4.34.0) was seen to do with HTTP requests on 2026-11-25.

These were single requests, of which there is no recording.
"""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.devkit.functions_host.helpers import write_app
from tests.host_process import ROOT, HostProcess, clean_environment

APP = """
import json

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def seen(function, req):
    return json.dumps({
        "function": function, "path": req.route_params.get("path"), "params": dict(req.params),
        "headers": dict(req.headers), "text": req.get_body().decode(),
    })


@app.route("order/{*path}", methods=["GET", "POST"])
def catch_all(req: func.HttpRequest) -> str:
    return seen("catch_all", req)


@app.route("order/leads")
def leads(req: func.HttpRequest) -> str:
    return seen("leads", req)


@app.route("echo/{*path}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> str:
    return seen("echo", req)


@app.route("page")
def page(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"Location": "/elsewhere", "Retry-After": "7", "X-Own": "as given"}
    status = int(req.params["status"])
    return func.HttpResponse("<p>page</p>", status_code=status, headers=headers, mimetype="text/html")


@app.route("cookie")
def cookie(req: func.HttpRequest) -> func.HttpResponse:
    given = "a=b; Max-Age=60; Path=/; Secure; SameSite=Strict; HttpOnly"
    return func.HttpResponse("", headers={"Set-Cookie": given})


@app.route("ends")
def ends(req: func.HttpRequest) -> str:
    os._exit(3)


@app.route("fails")
def fails(req: func.HttpRequest) -> str:
    raise RuntimeError("an error whose text a caller must not see")
"""


@dataclass(frozen=True, kw_only=True)
class Asked:
    method: str = "GET"
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True)
class Answered:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def seen(self) -> Any:
        """What the function saw."""
        return json.loads(self.body)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    folder = tmp_path_factory.mktemp("http")
    write_app(folder, APP, "{}")
    command = [sys.executable, "-m", "devkit.functions_host", "--app", str(folder), "--port", "0", "--enable-auth"]
    with subprocess.Popen(
        [*command, "--data", str(folder / "data")],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        host = HostProcess(process, folder)
        host.wait_until_listening()
        yield host
        process.terminate()


def ask(host: HostProcess, asked: Asked) -> Answered:
    """Ask as written: other clients would correct `..` in a path. A body of pieces goes out in chunks."""
    connection = http.client.HTTPConnection(host.url.removeprefix("http://"), timeout=30)
    try:
        connection.request(asked.method, asked.path, body=asked.body, headers=asked.headers, encode_chunked=True)
        answer = connection.getresponse()
        return Answered(status=answer.status, headers=answer.headers, body=answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("asked", "function"),
    [
        (Asked(method="POST", path="/api/order/leads"), "catch_all"),
        (Asked(method="GET", path="/api/order/leads"), "catch_all"),
        (Asked(method="OPTIONS", path="/api/order/leads"), "leads"),
        (Asked(method="PUT", path="/api/order/leads"), "leads"),
        (Asked(method="POST", path="/API/Order/Leads/more"), "catch_all"),
    ],
    ids=str,
)
def test_the_first_route_by_the_functions_names_that_fits_wins(host: HostProcess, asked: Asked, function: str) -> None:
    assert ask(host, asked).seen["function"] == function


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/echo", None),
        ("/api/echo/", None),
        ("/api/echo/a", "a"),
        ("/api/echo/a/b/", "a/b/"),
        ("/api/echo/a%2Fb", "a%2Fb"),
        ("/api/echo/a%20b%C3%A4", "a bä"),
    ],
)
def test_a_path_that_is_taken_whole_reaches_the_function(host: HostProcess, path: str, parameter: str | None) -> None:
    assert ask(host, Asked(path=path)).seen["path"] == parameter


def test_a_repeated_parameter_arrives_joined_by_a_comma(host: HostProcess) -> None:
    assert ask(host, Asked(path="/api/echo?a=1&a=2&b=x%20y")).seen["params"] == {"a": "1,2", "b": "x y"}


def test_an_anonymous_function_sees_the_key_that_a_caller_sends(host: HostProcess) -> None:
    seen = ask(host, Asked(path="/api/echo?code=a%2Bb", headers={"x-functions-key": "of the caller"})).seen
    assert seen["headers"]["x-functions-key"] == "of the caller"
    assert seen["params"]["code"] == "a+b"


def test_a_principal_that_a_caller_makes_up_arrives_as_it_came(host: HostProcess) -> None:
    seen = ask(host, Asked(path="/api/echo", headers={"X-MS-CLIENT-PRINCIPAL": "made up"})).seen
    assert seen["headers"]["x-ms-client-principal"] == "made up"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (Asked(path="/"), 200),
        (Asked(path="/admin/host/status"), 401),
        (Asked(method="PUT", path="/api/echo"), 404),
        (Asked(method="HEAD", path="/api/order/leads"), 200),
        (Asked(method="HEAD", path="/api/echo"), 404),
        (Asked(path="/api/nowhere"), 404),
        (Asked(path="/api/echo/../nowhere"), 404),
        (Asked(path="/api/page/?status=404"), 404),
        (Asked(path="/API/Page?status=503"), 503),
    ],
    ids=str,
)
def test_a_request_gets_the_status_that_it_got(host: HostProcess, asked: Asked, status: int) -> None:
    assert ask(host, asked).status == status


@pytest.mark.parametrize("status", [302, 404, 503])
def test_an_answer_with_a_page_arrives_as_given(host: HostProcess, status: int) -> None:
    answered = ask(host, Asked(path=f"/api/page?status={status}"))
    assert (answered.status, answered.body) == (status, b"<p>page</p>")
    assert answered.headers["Content-Type"].startswith("text/html")
    assert [answered.headers[name] for name in ("Location", "Retry-After", "X-Own")] == ["/elsewhere", "7", "as given"]


def test_a_cookie_is_taken_apart_and_written_anew(host: HostProcess) -> None:
    assert ask(host, Asked(path="/api/cookie")).headers["Set-Cookie"] == (
        "a=b; max-age=60; domain=; path=/; secure; samesite=strict; httponly"
    )


def test_a_failed_function_is_a_500_without_a_word(host: HostProcess) -> None:
    answered = ask(host, Asked(path="/api/fails"))
    assert (answered.status, answered.body) == (500, b"")


def test_a_body_in_chunks_arrives_empty(host: HostProcess) -> None:
    asked = Asked(method="POST", path="/api/echo", body=iter([b"in ", b"chunks"]))
    assert ask(host, asked).seen["text"] == ""


def test_a_body_shorter_than_announced_is_a_500_after_five_seconds(host: HostProcess) -> None:
    with socket.create_connection(("127.0.0.1", int(host.url.rpartition(":")[2])), timeout=15) as connection:
        began = time.monotonic()
        connection.sendall(b"POST /api/echo HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\nten bytes.")
        assert connection.recv(1000).startswith(b"HTTP/1.1 500 ")
        assert time.monotonic() - began > 4


def test_a_post_whose_worker_dies_is_a_500_at_once(host: HostProcess) -> None:
    began = time.monotonic()
    answered = ask(host, Asked(method="POST", path="/api/ends"))
    assert (answered.status, answered.body) == (500, b"")
    assert time.monotonic() - began < 2.5, "a new worker is there after three seconds, and this did not wait for it"
