"""What the running endpoint answers is what it says of itself, by schemathesis: no answer more, and none less."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import azure.functions as func
import pytest
import requests
import schemathesis
from azure.core.pipeline.transport import RequestsTransport
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.schemas import APIOperation, BaseSchema

import function_app
from leadpipe import wiring
from leadpipe.model.openapi import document
from leadpipe.model.settings import Auth
from tests.factories import CONNECTION_STRING, payload
from tests.integration.conftest import App, Starter
from tests.nursery import Nursery
from tests.standin_process import Standin

KEY = "0123456789abcdef"
WITH_KEY = {"x-functions-key": KEY}
DOCUMENTED = {
    (method.upper(), path, int(status))
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
    for status in operation["responses"]
}
Asked = Callable[[App], requests.Response]

load_all_checks()
# Whether a body is a lead is not a matter of its schema: an object with one value is, and an empty one is not.
NAMES = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
CHECKS = [schemathesis.checks.CHECKS.get_one(name) for name in NAMES]


@pytest.fixture(scope="module")
def keyed_app(
    nursery: Nursery,
    tmp_path_factory: pytest.TempPathFactory,
    module_standin: Standin,
    module_storage_account: str,
) -> Iterator[App]:
    """The app that checks keys itself, so that 401 too is leadpipe's answer."""
    starter = Starter(nursery, module_standin, tmp_path_factory.mktemp("app"))
    yield starter(module_storage_account, LEADPIPE_AUTH="keys", LEADPIPE_KEYS=f"a:{KEY}")
    starter.stop()


@pytest.fixture(scope="module")
def described(keyed_app: App) -> BaseSchema:
    answer = keyed_app.host.get("/api/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == document()
    return schemathesis.openapi.from_dict(answer.json())


def require_described(asked: APIOperation, answer: requests.Response | Response) -> None:
    asked.Case().validate_response(answer, checks=CHECKS)


def operation(schema: BaseSchema, method: str, path: str) -> APIOperation:
    return schema[path][method]


@pytest.mark.parametrize(
    ("method", "path", "mode"),
    [
        ("POST", "/leads", GenerationMode.POSITIVE),
        ("POST", "/leads", GenerationMode.NEGATIVE),
        ("GET", "/health", GenerationMode.POSITIVE),
        ("GET", "/openapi.json", GenerationMode.POSITIVE),
    ],
)
def test_whatever_is_asked_the_answer_is_described(
    described: BaseSchema, keyed_app: App, method: str, path: str, mode: GenerationMode
) -> None:
    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation(described, method, path).as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(base_url=f"{keyed_app.host.url}/api", headers=WITH_KEY, checks=CHECKS)

    ask()


def posted(body: bytes, **headers: str) -> Asked:
    return lambda app: app.post(body, headers={**WITH_KEY, **headers})


def got(path: str) -> Asked:
    return lambda app: app.host.get(f"/api{path}")


BY_THE_APP: dict[str, tuple[str, str, int, Asked]] = {
    "a lead": ("POST", "/leads", 202, posted(payload().encode())),
    "not_utf8": ("POST", "/leads", 400, posted(b"\xff")),
    "not_json": ("POST", "/leads", 400, posted(b"{")),
    "not_an_object": ("POST", "/leads", 400, posted(b"[]")),
    "nothing_in_it": ("POST", "/leads", 400, posted(b"{}")),
    "empty_body": ("POST", "/leads", 400, posted(b"")),
    "wrong_key": ("POST", "/leads", 401, posted(payload().encode(), **{"x-functions-key": "wrong"})),
    "too_large": ("POST", "/leads", 413, posted(b" " * 33_000)),
    "health": ("GET", "/health", 200, got("/health")),
    "this": ("GET", "/openapi.json", 200, got("/openapi.json")),
}


@pytest.mark.parametrize("name", BY_THE_APP)
def test_each_answer_of_the_running_app_is_described(described: BaseSchema, keyed_app: App, name: str) -> None:
    method, path, status, ask = BY_THE_APP[name]
    answer = ask(keyed_app)
    assert answer.status_code == status
    assert answer.json().get("error", name) == name
    require_described(operation(described, method, path), answer)


# Answers of an app that cannot keep anything, without a process of its own for each.


def raising(*_: object, **__: object) -> NoReturn:
    raise OSError


def as_got(status: int, headers: dict[str, str], content: bytes) -> Response:
    request = requests.Request("POST", "http://localhost/api/leads").prepare()
    listed = {name: [value] for name, value in headers.items()}
    return Response(status, listed, content, request, elapsed=0.1, verify=False)


def in_process(name: str, request: func.HttpRequest) -> Response:
    """The function's answer as a client gets it."""
    function = {"leads": function_app.take_lead, "health": function_app.tell_health}[name]
    said: func.HttpResponse = function._function.get_user_function()(request)
    return as_got(said.status_code, {**said.headers, "Content-Type": said.mimetype}, said.get_body())


def unreadable() -> func.HttpRequest:
    request = func.HttpRequest(method="POST", url="/api/leads", body=b"")
    request.get_body = raising  # type: ignore[method-assign]
    return request


def a_post(**headers: str) -> func.HttpRequest:
    return func.HttpRequest(method="POST", url="/api/leads", headers=headers, body=payload().encode())


def storage_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RequestsTransport, "send", raising)


def own_keys(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    monkeypatch.setattr(function_app, "AUTH", Auth.KEYS)
    monkeypatch.setenv("LEADPIPE_AUTH", "keys")
    monkeypatch.setenv("LEADPIPE_KEYS", keys)


def own_keys_and_storage_away(monkeypatch: pytest.MonkeyPatch) -> None:
    own_keys(monkeypatch, f"a:{KEY}")
    storage_away(monkeypatch)


Broken = Callable[[pytest.MonkeyPatch], None]
UNKEPT: dict[str, tuple[str, Broken, func.HttpRequest]] = {
    "storage_unavailable": ("leads", storage_away, a_post()),
    "storage_settings": ("leads", lambda patch: patch.setenv("AzureWebJobsStorage", ""), a_post()),
    "keys_settings": ("leads", lambda patch: own_keys(patch, ""), a_post()),
    "internal_error": ("leads", lambda _: None, unreadable()),
    "storage_unreachable": ("leads", own_keys_and_storage_away, a_post(**{"x-functions-key": "wrong"})),
    "not_ready": ("health", storage_away, func.HttpRequest(method="GET", url="/api/health", body=b"")),
}


@pytest.fixture
def fresh_wiring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(os, "environ", {**os.environ, "AzureWebJobsStorage": CONNECTION_STRING})
    wiring._wiring.cache_clear()
    yield
    wiring._wiring.cache_clear()


@pytest.mark.usefixtures("fresh_wiring")
@pytest.mark.parametrize("name", UNKEPT)
def test_each_answer_of_an_app_that_keeps_nothing_is_described(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, break_it, request = UNKEPT[name]
    break_it(monkeypatch)
    answer = in_process(function, request)
    assert (answer.status_code, json.loads(answer.content)["error"]) == (503, name)
    schema = schemathesis.openapi.from_dict(document())
    require_described(operation(schema, request.method, f"/{function}"), answer)


def test_every_answer_that_is_described_is_seen() -> None:
    unkept: set[tuple[Any, ...]] = {(request.method, f"/{name}", 503) for name, _, request in UNKEPT.values()}
    assert {(method, path, status) for method, path, status, _ in BY_THE_APP.values()} | unkept == DOCUMENTED


JSON = {"Content-Type": "application/json"}
ERROR = b'{"error": "internal_error", "detail": "x"}'


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (as_got(202, JSON, b'{"status": "accepted", "lead_id": 5}'), "/properties/lead_id"),
        (as_got(503, {**JSON, "Retry-After": "30"}, b'{"error": "another", "detail": "x"}'), "another"),
        (as_got(503, JSON, ERROR), "Retry-After"),
        (as_got(500, JSON, ERROR), "500"),
        (as_got(202, {"Content-Type": "text/plain"}, b"ok"), "text/plain"),
    ],
    ids=["a value", "a reason", "a missing header", "a status", "a type"],
)
def test_an_answer_that_is_not_described_is_found(answer: Response, says: str) -> None:
    asked = operation(schemathesis.openapi.from_dict(document()), "POST", "/leads")
    with pytest.raises(FailureGroup) as found:
        require_described(asked, answer)
    (failure,) = found.value.exceptions
    assert says in str(failure)
