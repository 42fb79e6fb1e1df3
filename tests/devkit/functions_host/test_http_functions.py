import json
from collections.abc import Callable
from typing import Any

import azure.functions as func
import pytest

from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.http_functions import Call, HttpFunctions
from devkit.functions_host.http_reply import Reply
from devkit.functions_host.keys import Keys
from devkit.functions_host.routes import Routes
from tests.devkit.functions_host.helpers import read

KEYS = Keys(master="the-master", default="the-default")
Serve = Callable[..., Reply]


@pytest.fixture
def serve(dispatcher: Dispatcher) -> Serve:
    """Answer one call with `code` behind `x`."""

    def serve(
        code: Callable[[func.HttpRequest], Any], *, keys: Keys | None = None, level: str = "function", **call: Any
    ) -> Reply:
        app = func.FunctionApp()

        @app.route("x", methods=["GET", "POST"], auth_level=level)
        def x(req: func.HttpRequest) -> Any:
            return code(req)

        http = HttpFunctions(routes=Routes(read(app), "api"), keys=keys, dispatcher=dispatcher)
        return http.answer(Call(**({"method": "POST", "path": "/api/x"} | call)))

    return serve


def ok(_: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("ok")


def refuse(_: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("a lead's address")


def test_an_unknown_route_is_404_and_empty(serve: Serve) -> None:
    assert serve(ok, path="/api/y") == Reply(status=404)


def test_a_wrong_method_is_404_even_without_a_key(serve: Serve) -> None:
    assert serve(ok, method="PUT", keys=KEYS) == Reply(status=404)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({"x-functions-key": "wrong"}, ""),
        ({"x-functions-key": "wrong"}, "code=the-default"),
        ({"x-functions-key": ""}, "code=the-default"),
        ({}, "code=wrong"),
        ({}, "code="),
        ({"x-functions-key": "schlüssel"}, ""),
    ],
)
def test_without_the_right_key_it_is_401_and_empty(serve: Serve, headers: dict[str, str], query: str) -> None:
    assert serve(ok, keys=KEYS, headers=headers, query=query) == Reply(status=401)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-functions-key": "the-default"}, ""),
        ({"x-functions-key": "the-master"}, ""),
        ({"x-functions-key": "the-default"}, "code=wrong"),
        ({}, "code=the-default"),
        ({}, "a=1&Code=the-master"),
    ],
)
def test_the_key_counts_in_the_header_else_in_the_query(serve: Serve, headers: dict[str, str], query: str) -> None:
    assert serve(ok, keys=KEYS, headers=headers, query=query).status == 200


@pytest.mark.parametrize(
    ("level", "key", "status"), [("anonymous", "", 200), ("admin", "the-default", 401), ("admin", "the-master", 200)]
)
def test_each_level_asks_for_its_own_keys(serve: Serve, level: str, key: str, status: int) -> None:
    assert serve(ok, keys=KEYS, level=level, headers={"x-functions-key": key}).status == status


def test_a_disabled_function_is_404_but_only_to_one_with_a_key(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobs.x.Disabled", "true")
    assert serve(ok, keys=KEYS).status == 401
    assert serve(ok, keys=KEYS, query="code=the-default").status == 404


@pytest.mark.parametrize(
    "code", [refuse, lambda _: None, lambda _: 7], ids=["raises", "returns None", "returns a number"]
)
def test_a_function_that_fails_is_500_and_empty(serve: Serve, code: Callable[[func.HttpRequest], Any]) -> None:
    assert serve(code) == Reply(status=500)


def test_a_failure_is_logged_with_type_message_and_traceback(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    serve(refuse)
    assert "RuntimeError: a lead's address" in caplog.text
    assert "in refuse" in caplog.text


def test_the_request_arrives_as_the_worker_gives_it(serve: Serve) -> None:
    seen: list[func.HttpRequest] = []

    def keep(request: func.HttpRequest) -> str:
        seen.append(request)
        return ""

    serve(keep, headers={"host": "h:7071", "x-a": "1"}, query="a=1&a=2&empty=&b=x+y%21", body=b"\xff")
    (request,) = seen
    assert dict(request.params) == {"a": "1,2", "b": "x y!"}
    assert request.url == "http://h:7071/api/x?a=1&a=2&empty=&b=x+y%21"
    assert request.headers["X-A"] == "1"
    assert request.get_body() == b"\xff"


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("Code=1&code=2&CODE=3", {"Code": "1,2,3"}),
        ("a=&a=2&b=1&b=", {"a": "2", "b": "1"}),
        ("a=&a=&b", {}),
    ],
)
def test_a_repeated_parameter_is_joined_whatever_its_case(serve: Serve, query: str, params: dict[str, str]) -> None:
    def shown(request: func.HttpRequest) -> str:
        return json.dumps(dict(request.params))

    assert json.loads(serve(shown, query=query).body) == params


@pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf{}", b"\xff", b"{"])
def test_a_body_that_is_no_json_raises_value_error_in_the_function(serve: Serve, body: bytes) -> None:
    def parse(request: func.HttpRequest) -> str:
        with pytest.raises(ValueError, match=r"JSON|UTF-8|utf-8|Expecting"):
            request.get_json()
        return "raised"

    assert serve(parse, body=body).body == b"raised"


def test_a_response_is_text_with_200_unless_it_says_otherwise(serve: Serve) -> None:
    assert serve(ok) == Reply(status=200, headers=[("content-type", "text/plain; charset=utf-8")], body=b"ok")


def test_status_headers_and_cookies_of_a_response_are_kept(serve: Serve) -> None:
    def respond(_: func.HttpRequest) -> func.HttpResponse:
        response = func.HttpResponse(b"{}", status_code=503, mimetype="application/json", headers={"Retry-After": "5"})
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        return response

    reply = serve(respond)
    assert (reply.status, reply.body) == (503, b"{}")
    assert reply.headers == [
        ("Retry-After", "5"), ("content-type", "application/json"),
        ("Set-Cookie", "a=1; domain=; path="), ("Set-Cookie", "b=2; domain=; path="),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (
            "a=b; HttpOnly; Path=/; Max-Age=60; SameSite=Strict; Secure",
            "a=b; max-age=60; domain=; path=/; secure; samesite=strict; httponly",
        ),
        (
            "a=b=/+c; Domain=contoso.com; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
            "a=b%3D%2F%2Bc; expires=Wed, 21 Oct 2026 07:28:00 GMT; domain=contoso.com; path=",
        ),
    ],
)
def test_a_cookie_is_taken_apart_and_written_anew(serve: Serve, given: str, sent: str) -> None:
    reply = serve(lambda _: func.HttpResponse("", headers={"Set-Cookie": given}))
    assert [text for name, text in reply.headers if name == "Set-Cookie"] == [sent]


def test_dots_in_a_path_are_resolved_before_the_route_is_looked_for(serve: Serve) -> None:
    assert serve(lambda request: request.url, path="/api/y/../x", headers={"host": "h"}).body == b"http://h/api/x"
    assert serve(ok, path="/api/x/../y") == Reply(status=404)


def test_a_parameter_without_a_value_is_none(dispatcher: Dispatcher) -> None:
    app = func.FunctionApp()

    @app.route("files/{*path}")
    def files(req: func.HttpRequest) -> str:
        return repr(req.route_params.get("path"))

    http = HttpFunctions(routes=Routes(read(app), "api"), keys=None, dispatcher=dispatcher)
    assert http.answer(Call(method="GET", path="/api/files/")).body == b"None"


def test_a_cookie_whose_end_cannot_be_read_is_500(serve: Serve) -> None:
    def respond(_: func.HttpRequest) -> func.HttpResponse:
        response = func.HttpResponse("")
        response.headers.add("Set-Cookie", "a=b; Expires=tomorrow")
        return response

    assert serve(respond) == Reply(status=500)


def test_returned_text_is_the_body(serve: Serve) -> None:
    assert serve(lambda _: '["a"]').body == b'["a"]'


def test_returned_json_text_with_a_body_is_taken_for_a_response(serve: Serve) -> None:
    reply = serve(lambda _: json.dumps({"body": {"a": 1}, "statusCode": 418, "headers": {"X-A": "b"}}))
    assert (reply.status, reply.body) == (418, b'{"a": 1}')
    assert ("X-A", "b") in reply.headers


def test_a_header_that_no_server_may_send_is_500(serve: Serve) -> None:
    assert serve(lambda _: func.HttpResponse("", headers={"X-A": "ü"})) == Reply(status=500)


def test_an_async_function_is_awaited(dispatcher: Dispatcher) -> None:
    app = func.FunctionApp()

    @app.route("x")
    async def x(req: func.HttpRequest, context: func.Context) -> str:
        return f"{req.method} {context.function_name}"

    http = HttpFunctions(routes=Routes(read(app), "api"), keys=None, dispatcher=dispatcher)
    assert http.answer(Call(method="GET", path="/api/x")).body == b"GET x"


def test_the_host_says_that_it_runs(serve: Serve) -> None:
    assert serve(ok, method="GET", path="/admin/host/status").body == b'{"state":"Running"}'
    assert serve(ok, method="GET", path="/admin/host/status", keys=KEYS).status == 401


def test_the_home_page_can_be_switched_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    assert serve(ok, method="GET", path="/").status == 200
    monkeypatch.setenv("AzureWebJobsDisableHomepage", "true")
    assert serve(ok, method="GET", path="/").status == 204
