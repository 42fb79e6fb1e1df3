"""Answers one HTTP request: route, key, function, response; without sockets.

The order is FunctionInvocationMiddleware.cs's: a wrong path or method is 404 even without a key.
"""

import os
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

from azure.functions import meta

from devkit.functions_host.app_settings import is_on
from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.functions import Function, HttpTrigger
from devkit.functions_host.http_reply import Reply, reply_of
from devkit.functions_host.keys import KeyCheck
from devkit.functions_host.routes import Routes, without_dots

_DEFAULT_BODY_LIMIT = 104_857_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`headers` have lower-case names and one value each; `path` is still percent-encoded."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class HttpFunctions:
    """Thread-safe. Without `keys` no key is checked, as in Core Tools."""

    def __init__(self, *, routes: Routes, keys: KeyCheck | None, dispatcher: Dispatcher) -> None:
        self._routes = routes
        self._keys = keys
        self._dispatcher = dispatcher

    def answer(self, call: Call) -> Reply:
        call = replace(call, path=without_dots(call.path))
        found = self._routes.find(call.method, call.path)
        if found is None:
            return self._without_function(call)
        function, route_parameters = found
        level = function.trigger.auth_level if isinstance(function.trigger, HttpTrigger) else "admin"
        if not self._may(level, call):
            return Reply(status=401)
        if function.disabled:
            return Reply(status=404)
        return self._run(function, call, route_parameters)

    def _run(self, function: Function, call: Call, route_parameters: dict[str, str]) -> Reply:
        run = self._dispatcher.invoke(
            function,
            _request(call, route_parameters),
            {},
            reason="This function was programmatically called via the host APIs.",
        )
        try:
            return reply_of(run.result())
        except (Exception, CancelledError):  # noqa: BLE001 - logged with its run; the caller learns nothing of it
            return Reply(status=500)

    def _without_function(self, call: Call) -> Reply:
        path = call.path.lower()
        if path == "/":
            # HomepageMiddleware.cs
            if is_on("AzureWebJobsDisableHomepage"):
                return Reply(status=204)
            return Reply.text("Your function app is up and running.\n")
        if path == "/admin/host/status" and call.method == "GET":
            if not self._may("admin", call):
                return Reply(status=401)
            return Reply(status=200, headers=[("Content-Type", "application/json; charset=utf-8")],
                         body=b'{"state":"Running"}')  # fmt: skip
        return Reply(status=404)

    def _may(self, level: str, call: Call) -> bool:
        """Check the key. If there is a header, even an empty one, only it counts (AuthenticationLevelHandler.cs)."""
        if self._keys is None:
            return True
        presented = call.headers.get("x-functions-key")
        if presented is None:
            presented = next((value for name, value in _pairs(call.query) if name.lower() == "code"), None)
        return self._keys.open_(level, presented)


def body_limit() -> int:
    try:
        return int(os.environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", ""))
    except ValueError:
        return _DEFAULT_BODY_LIMIT


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _request(call: Call, route_parameters: dict[str, str]) -> meta.Datum:
    """Join repeated query keys, whatever their case, and leave out empty values.

    GrpcMessageConversionExtensions.cs, ToRpcHttp; StringValues.cs.
    """
    spelling: dict[str, str] = {}
    query: dict[str, str] = {}
    for given, value in _pairs(call.query):
        name = spelling.setdefault(given.lower(), given)
        query[name] = joined(query.get(name), value)
    url = f"http://{call.headers.get('host', 'localhost')}{call.path}"
    return meta.Datum(
        {
            "method": _text(call.method),
            "url": _text(f"{url}?{call.query}" if call.query else url),
            "headers": {name: _text(value) for name, value in call.headers.items()},
            "query": {name: _text(value) for name, value in query.items() if value},
            "params": {name: _text(value) for name, value in route_parameters.items()},
            "body": meta.Datum(call.body, "bytes"),
        },
        "http",
    )


def joined(*values: str | None) -> str:
    """Join what came under one name, as ASP.NET does: what is empty is left out."""
    return ",".join(filter(None, values))


def _text(value: str) -> meta.Datum:
    return meta.Datum(value, "string")
