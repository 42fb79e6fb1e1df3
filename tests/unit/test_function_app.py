"""The functions' last resort: whatever happens, the marketplace and the platform get an answer, and no log a lead."""

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NoReturn

import azure.functions as func
import pytest
from azure.core.pipeline.transport import RequestsTransport

import function_app
from leadpipe import wiring
from tests.factories import CONNECTION_STRING, payload

SECRET = "jane.doe@fabrikam.com Bearer made-up-token"


class Panic(BaseException):
    """As a Rust library raises it, which is no Exception."""


ODD = [TypeError, AttributeError, KeyError, UnicodeError, RecursionError, MemoryError, OSError, RuntimeError, Panic]


@cache
def functions() -> dict[str, Callable[..., Any]]:
    return {each.get_function_name(): each.get_user_function() for each in function_app.app.get_functions()}


def function(name: str) -> Callable[..., Any]:
    return functions()[name]


def raising(kind: type[BaseException]) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise kind(SECRET)

    return fail


@pytest.fixture(autouse=True)
def fresh_wiring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AzureWebJobsStorage", CONNECTION_STRING)
    wiring._wiring.cache_clear()
    yield
    wiring._wiring.cache_clear()


@pytest.fixture(params=ODD)
def kind(request: pytest.FixtureRequest) -> type[BaseException]:
    found: type[BaseException] = request.param
    return found


@pytest.fixture
def broken_settings(monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]) -> None:
    class Broken(dict[str, str]):
        get = keys = items = __getitem__ = __iter__ = raising(kind)  # type: ignore[assignment]

    monkeypatch.setattr(os, "environ", Broken())


@pytest.fixture
def broken_storage(monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]) -> None:
    monkeypatch.setattr(RequestsTransport, "send", raising(kind))


def posted(body: bytes = payload().encode(), **headers: str) -> func.HttpRequest:
    return func.HttpRequest(method="POST", url="/api/leads", headers=headers, body=body)


def require_503(answer: func.HttpResponse, log: str) -> str:
    """All that was said."""
    told = json.loads(answer.get_body())
    assert (answer.status_code, set(told)) == (503, {"error", "detail"})
    assert "jane" not in f"{told}{log}"
    assert "token" not in f"{told}{log}"
    return f"{told}{log}"


@pytest.mark.usefixtures("broken_settings")
@pytest.mark.parametrize(("name", "asked"), [("leads", posted()), ("health", posted())], ids=["leads", "health"])
def test_settings_that_cannot_be_read_are_503(
    name: str, asked: func.HttpRequest, kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    assert kind.__name__ in require_503(function(name)(asked), caplog.text)


@pytest.mark.usefixtures("broken_storage")
@pytest.mark.parametrize(
    ("name", "asked"),
    [("leads", posted()), ("leads", posted(b"[]")), ("health", posted())],
    ids=["a lead", "no lead", "health"],
)
def test_whatever_leaves_the_storage_clients_is_503(
    name: str, asked: func.HttpRequest, caplog: pytest.LogCaptureFixture
) -> None:
    require_503(function(name)(asked), caplog.text)


def test_a_body_that_cannot_be_read_is_503(kind: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    request = posted()
    request.get_body = raising(kind)  # type: ignore[method-assign]
    assert kind.__name__ in require_503(function("leads")(request), caplog.text)


def test_headers_that_cannot_be_read_are_503(kind: type[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    class Odd(func.HttpRequest):
        headers = property(raising(kind))  # type: ignore[assignment]

    odd = Odd(method="POST", url="/api/leads", body=b"")
    assert kind.__name__ in require_503(function("leads")(odd), caplog.text)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("chunked", " transfer_encoding=chunked"),
        ("Gzip, Chunked", " transfer_encoding=chunked"),
        ("identity", " transfer_encoding=other"),
        ("\x1b[2J\u200b jane.doe@fabrikam.com", " transfer_encoding=other"),
        ("chunkedjane", " transfer_encoding=other"),
        ("", ""),
    ],
)
def test_of_a_transfer_encoding_it_is_logged_whether_it_is_chunked(
    header: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = function("leads")(posted(b"", **{"transfer-encoding": header}))
    assert answer.status_code == 400
    assert [line.getMessage() for line in caplog.records] == [f"post_refused reason=empty_body{said}"]


@pytest.mark.usefixtures("broken_settings")
@pytest.mark.parametrize("name", ["deliver", "sweep"])
def test_what_leaves_a_delivery_or_a_sweep_holds_its_kind_and_no_other_exception(
    name: str, kind: type[BaseException]
) -> None:
    asked = {"deliver": func.QueueMessage(id="1", body=b"{}"), "sweep": None}
    with pytest.raises(RuntimeError) as crash:
        function(name)(asked[name])
    assert str(crash.value) == kind.__name__
    assert crash.value.__cause__ is None
    assert crash.value.__context__ is None
