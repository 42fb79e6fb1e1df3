"""The functions' last resort: whatever happens, the marketplace and the platform get an answer, and no log a lead."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import azure.functions as func
import pytest
from azure.core.pipeline.transport import RequestsTransport

import function_app
from devkit.functions_host.routes import Routes
from devkit.functions_host.worker.app import read
from leadpipe import wiring
from leadpipe.model.settings import Auth
from tests.factories import CONNECTION_STRING, payload

ROOT = Path(__file__).parents[2]
SECRET = "jane.doe@fabrikam.com Bearer made-up-token"


class Panic(BaseException):
    """As a Rust library raises it, which is no Exception."""


ODD = [TypeError, AttributeError, KeyError, UnicodeError, RecursionError, MemoryError, OSError, RuntimeError, Panic]


@cache
def built() -> list[Any]:
    """The app gives its functions only once."""
    return list(function_app.app.get_functions())


def functions() -> dict[str, Callable[..., Any]]:
    return {each.get_function_name(): each.get_user_function() for each in built()}


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


KEY = "0123456789abcdef"


def registered(environment: dict[str, str]) -> dict[str, str]:
    """The level of each function that HTTP calls, as a process with these settings registers them."""
    program = (
        "import json, function_app\n"
        "bindings = [json.loads(b) for f in function_app.app.get_functions() for b in f.get_raw_bindings()]\n"
        "print(json.dumps({b['route']: b['authLevel'] for b in bindings if b['type'] == 'httpTrigger'}))"
    )
    found: dict[str, str] = json.loads(run(environment, program))
    return found


def run(environment: dict[str, str], program: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADPIPE_")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env={**kept, **environment}, cwd=ROOT, capture_output=True, check=True, text=True)
    return done.stdout


@pytest.mark.parametrize(
    ("word", "level"),
    [(None, "FUNCTION"), ("", "FUNCTION"), (" Host", "FUNCTION"), ("keys", "ANONYMOUS"), ("kyes", "ANONYMOUS")],
)
def test_only_the_word_host_leaves_the_keys_to_the_host(word: str | None, level: str) -> None:
    levels = registered({} if word is None else {"LEADPIPE_AUTH": word})
    assert levels == {"leads": level, "health": "ANONYMOUS", "openapi.json": "ANONYMOUS"}


def test_a_slip_in_the_apps_name_leaves_the_marketplace_its_endpoint() -> None:
    assert {*registered({"LEADPIPE_APP": "consol"})} == {"leads", "health", "openapi.json"}


def test_the_consoles_app_has_its_one_route_and_nothing_that_moves_leads() -> None:
    program = (
        "import function_app\n"
        "function, = function_app.app.get_functions()\n"
        "print(function.get_function_name(), *function.get_raw_bindings())"
    )
    registered_as = run({"LEADPIPE_APP": "console"}, program)
    assert registered_as.startswith("console ")
    assert ('"route": "console/{*path}"' in registered_as, '"authLevel": "ANONYMOUS"' in registered_as) == (True, True)


def test_no_function_takes_the_posts_of_another_by_its_name() -> None:
    """The host tries the routes in the order of the functions' names, and the first that fits wins."""
    loaded = [read(each) for each in (*built(), function_app.show_console.build())]
    table = Routes([each.function for each in loaded], "api")
    assert {route.function.name for route in table.in_order} == {"leads", "health", "openapi", "console"}
    for route in table.in_order:
        address = "/" + re.sub(r"\{.*?\}", "leads", route.template)
        found = [table.find(method, address) for method in route.methods or ()]
        assert {match[0].name for match in found if match} == {route.function.name}


def test_whatever_leaves_the_console_is_a_500_that_quotes_nothing(
    kind: type[BaseException], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(function_app, "_show", raising(kind))
    answer = function_app.show_console.build().get_user_function()(posted())
    assert (answer.status_code, b"jane" in answer.get_body()) == (500, False)
    assert [line.getMessage() for line in caplog.records] == [f"console_crashed reason={kind.__name__}"]


@pytest.fixture
def own_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_app, "AUTH", Auth.KEYS)
    monkeypatch.setenv("LEADPIPE_AUTH", "keys")
    monkeypatch.setenv("LEADPIPE_KEYS", f"a:{KEY}")


@pytest.mark.usefixtures("own_keys")
@pytest.mark.parametrize(
    ("name", "value"), [("LEADPIPE_KEYS", None), ("LEADPIPE_KEYS", ","), ("LEADPIPE_AUTH", "kyes")]
)
def test_without_a_readable_key_every_post_is_503_and_none_is_401(
    name: str, value: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    for asked in (posted(), posted(**{"x-functions-key": KEY}), posted(b"")):
        told = require_503(function("leads")(asked), caplog.text)
        assert "keys_settings" in told
        assert name in told
        assert KEY not in told


@pytest.mark.usefixtures("own_keys", "broken_storage")
def test_a_wrong_key_that_cannot_be_kept_is_503(caplog: pytest.LogCaptureFixture) -> None:
    require_503(function("leads")(posted(**{"x-functions-key": "wrong"})), caplog.text)


@pytest.mark.usefixtures("own_keys", "broken_storage")
def test_an_empty_post_with_a_wrong_key_is_401_and_needs_no_storage(caplog: pytest.LogCaptureFixture) -> None:
    answer = function("leads")(posted(b"", **{"x-functions-key": "s3cret"}))
    assert (answer.status_code, json.loads(answer.get_body())["error"]) == (401, "wrong_key")
    assert [line.getMessage() for line in caplog.records] == ["post_refused reason=wrong_key"]


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
