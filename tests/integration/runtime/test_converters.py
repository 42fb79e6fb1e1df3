"""What Microsoft's worker runtime makes of a message from the host, and what our host makes of the same.

The messages are those that Microsoft's host writes (GrpcMessageConversionExtensions.cs, Utility.cs), put down by hand.
"""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus
from queue import Queue
from typing import Any
from urllib.parse import quote

import azure.functions as func
import pytest
from azure.functions import meta
from azure.storage.queue import QueueMessage
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devkit.functions_host.http_functions import Call, _request
from devkit.functions_host.http_reply import Reply, reply_of
from devkit.functions_host.link import Ended, Invocation
from devkit.functions_host.message import metadata_of
from devkit.functions_host.worker import app as worker_app
from devkit.functions_host.worker.runs import Runs
from tests.factories import SAMPLES
from tests.integration.runtime import protos
from tests.integration.runtime.worker import PATIENCE, asked, typed

if sys.version_info < (3, 13):
    pytest.skip("Microsoft has its worker's runtime for Python 3.13 and newer", allow_module_level=True)

from azure_functions_runtime import handle_event
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.loader import process_indexed_function

FAILED = "failed"


class Probe:
    """One function for each trigger, known to both workers: it keeps what it is given, and returns what it shall."""

    def __init__(self) -> None:
        self.given: Any = None
        self.returned: Any = func.HttpResponse()
        made = list(self._app().get_functions())
        self._ended: Queue[Ended] = Queue()
        self._runs = Runs([worker_app.read(each) for each in made], on_end=self._ended.put)
        found, _ = process_indexed_function(protos, handle_event._functions, made, "")
        self._ids = {each.name: each.function_id for each in found}

    def _app(self) -> func.FunctionApp:
        app = func.FunctionApp()

        @app.route("leads/{part?}", trigger_arg_name="came")
        def http(came: func.HttpRequest) -> func.HttpResponse:
            self.given = came
            response: func.HttpResponse = self.returned
            return response

        @app.queue_trigger(arg_name="came", queue_name="leads", connection="AzureWebJobsStorage")
        def queue(came: func.QueueMessage) -> None:
            self.given = came

        @app.timer_trigger(arg_name="came", schedule="0 * * * * *")
        def timer(came: func.TimerRequest) -> None:
            self.given = came

        return app

    def under_ours(self, function: str, data: meta.Datum, metadata: Mapping[str, meta.Datum]) -> Any:
        """What the function is given. FAILED where it is never called."""
        ended = self.run_by_ours(function, data, metadata)
        return FAILED if ended.error else seen(self.given)

    def under_microsofts(self, function: str, data: protos.TypedData, metadata: Mapping[str, protos.TypedData]) -> Any:
        answer = self.run_by_microsofts(function, data, metadata)
        return FAILED if answer.result.status == protos.StatusResult.Failure else seen(self.given)

    def run_by_ours(self, function: str, data: meta.Datum, metadata: Mapping[str, meta.Datum]) -> Ended:
        self.given = None
        self._runs.begin(Invocation(run_id="run", function=function, data=data, metadata=metadata))
        return self._ended.get(timeout=PATIENCE)

    def run_by_microsofts(
        self, function: str, data: protos.TypedData, metadata: Mapping[str, protos.TypedData]
    ) -> protos.InvocationResponse:
        self.given = None
        request = protos.InvocationRequest(
            invocation_id="run",
            function_id=self._ids[function],
            input_data=[protos.ParameterBinding(name="came", data=data)],
            trigger_metadata=dict(metadata),
        )
        answer: protos.InvocationResponse = asyncio.run(
            handle_event.invocation_request(asked("invocation_request", invocation_request=request))
        )
        return answer

    def close(self) -> None:
        self._runs.close()


@pytest.fixture(scope="module")
def probe() -> Iterator[Probe]:
    with pytest.MonkeyPatch.context() as patches:
        # In a worker the first message brings them.
        patches.setattr(handle_event, "protos", protos)
        load_binding_registry()
        probe = Probe()
        yield probe
        probe.close()


def seen(given: Any) -> dict[str, Any]:
    """All that a function can read of its argument."""
    match given:
        case func.HttpRequest():
            names = ("method", "url", "headers", "params", "route_params")
            mappings = {name: getattr(given, name) for name in names}
            return {
                **{name: dict(value) if isinstance(value, Mapping) else value for name, value in mappings.items()},
                "body": given.get_body(),
                "json": json_of(given),
            }
        case func.QueueMessage():
            names = ("id", "dequeue_count", "expiration_time", "insertion_time", "time_next_visible", "pop_receipt")
            return {"body": given.get_body(), **{name: getattr(given, name) for name in names}}
        case _:
            return {name: getattr(given, name) for name in ("past_due", "schedule", "schedule_status")}


def json_of(request: func.HttpRequest) -> Any:
    try:
        return request.get_json()
    except ValueError:
        return FAILED


# Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, and what is special in the message that Microsoft's host writes of it."""

    call: Call
    parameters: dict[str, str] = field(default_factory=dict)
    url: str = "http://h/api/leads"
    headers: dict[str, str] = field(default_factory=lambda: {"host": "h"})
    query: dict[str, str] = field(default_factory=dict)

    @property
    def message(self) -> protos.TypedData:
        body = protos.TypedData(bytes=self.call.body) if self.call.body else protos.TypedData()
        return protos.TypedData(
            http=protos.RpcHttp(
                method=self.call.method, url=self.url, headers=self.headers, query=self.query, params=self.parameters,
                body=body,
            )
        )  # fmt: skip


def call(**changes: Any) -> Call:
    return replace(Call(method="POST", path="/api/leads", headers={"host": "h"}), **changes)


def asking(query: str, **sent: str) -> Request:
    return Request(call=call(query=query), url=f"http://h/api/leads?{query}", query=sent)


REQUESTS = {
    **{
        path.name: Request(call=call(body=path.read_bytes()))
        for path in sorted((SAMPLES / "marketplace").iterdir())
    },
    "no body": Request(call=call()),
    "a binary body": Request(call=call(body=bytes(range(256)))),
    "a byte order mark": Request(call=call(body=b"\xef\xbb\xbf{}")),
    "UTF-16": Request(call=call(body='{"a": 1}'.encode("utf-16"))),
    "a number alone": Request(call=call(body=b"7")),
    "an empty value": asking("code=&b=1", b="1"),
    "a name alone": asking("code&b=1", b="1"),
    "a value alone": asking("=1", **{"": "1"}),
    "a repeated name": asking("a=1&b=x&a=2", a="1,2", b="x"),
    "a repeated name, once empty": asking("a=&a=2&b=1&b=", a="2", b="1"),
    "a repeated name in another case": asking("Code=1&code=2&CODE=3", Code="1,2,3"),
    "escapes": asking("a=x+y%21%2B&%C3%A4=%26", a="x y!+", ä="&"),
    "headers": Request(
        call=call(headers={"host": "h", "x-empty": "", "x-twice": "a,b", "x-functions-key": "a key"}),
        headers={"host": "h", "x-empty": "", "x-twice": "a,b", "x-functions-key": "a key"},
    ),
    "another method": Request(call=call(method="DELETE")),
    "a part of the path": Request(
        call=call(path="/api/leads/a%20b"), parameters={"part": "a b"}, url="http://h/api/leads/a%20b"
    ),
}  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_reaches_the_function_as_from_microsofts_worker(probe: Probe, request_: Request) -> None:
    ours = probe.under_ours("http", _request(request_.call, request_.parameters), {})

    assert ours == probe.under_microsofts("http", request_.message, {})
    assert ours != FAILED


# Messages of a queue

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def text(value: object) -> protos.TypedData:
    return protos.TypedData(string=str(value))


def moment(value: str) -> protos.TypedData:
    return protos.TypedData(json=f'"{value}"')


def queued() -> QueueMessage:
    message = QueueMessage(id="id-1", pop_receipt="receipt", dequeue_count=2, inserted_on=NOON, expires_on=NEVER)
    message.next_visible_on = NOON
    return message


def metadata_from_the_host(body: str) -> dict[str, protos.TypedData]:
    return {
        "Id": text("id-1"),
        "DequeueCount": protos.TypedData(json="2"),
        "ExpirationTime": moment("9999-12-31T23:59:59+00:00"),
        "InsertionTime": moment("2026-05-04T12:00:00+00:00"),
        "NextVisibleTime": moment("2026-05-04T12:00:00+00:00"),
        "PopReceipt": text("receipt"),
        "QueueTrigger": text(body),
    }


# The body, and what Microsoft's host writes over the metadata for it.
MESSAGES: dict[str, tuple[str, dict[str, protos.TypedData]]] = {
    "text": ("a lead", {}),
    "nothing": ("", {}),
    "a list": ('["id"]', {}),
    "half a document": ('{"id": "mine"', {}),
    "null and a list": ('{"id": null, "popReceipt": ["a"]}', {}),
    "an id": ('{"id": "mine"}', {"Id": text("mine")}),
    "an id in another case": (' {"ID": 5}\n', {"Id": text(5)}),
    "an id twice": ('{"id": "one", "Id": "two"}', {"Id": text("two")}),
    "a truth": ('{"id": true}', {"Id": text("True")}),
    "a fraction": ('{"id": 1.5}', {"Id": text("1.5")}),
    "a whole fraction": ('{"id": 1.0}', {"Id": text("1")}),
    "an object": ('{"id": {"a": 1}}', {"Id": protos.TypedData(json='{"a":1}')}),
    "a count": ('{"dequeueCount": 7}', {"DequeueCount": text(7)}),
    "a count as text": ('{"DEQUEUECOUNT": "7"}', {"DequeueCount": text(7)}),
    "no count": ('{"dequeueCount": "many"}', {"DequeueCount": text("many")}),
    "an object as count": ('{"dequeueCount": {"a": 1}}', {"DequeueCount": protos.TypedData(json='{"a":1}')}),
    "a name of the app's own": ('{"customer": "Contoso"}', {"customer": text("Contoso")}),
    "no date": ('{"expirationTime": "soon"}', {"ExpirationTime": text("soon")}),
    "a date alone": ('{"insertionTime": "2026-05-04"}', {"InsertionTime": text("2026-05-04")}),
    # Newtonsoft reads it as a date, and writes it in a form that the library does not read.
    "a date with a time": ('{"insertionTime": "2026-05-04T12:00:00Z"}', {"InsertionTime": text("05/04/2026 12:00:00")}),
    "a date with seven digits": (
        '{"nextVisibleTime": "2026-05-04T12:00:00.1234567Z"}', {"NextVisibleTime": text("05/04/2026 12:00:00")},
    ),
    "a date in another zone": (
        '{"id": "2026-05-04T14:00:00+02:00"}', {"Id": text("05/04/2026 12:00:00")},
    ),
    "a date that is none": ('{"id": "2026-02-30T14:00:00Z"}', {"Id": text("2026-02-30T14:00:00Z")}),
}  # fmt: skip


@pytest.mark.parametrize(("body", "written"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_reaches_the_function_as_from_microsofts_worker(
    probe: Probe, body: str, written: dict[str, protos.TypedData]
) -> None:
    ours = probe.under_ours("queue", meta.Datum(body, "string"), metadata_of(queued(), body))

    assert ours == probe.under_microsofts("queue", text(body), metadata_from_the_host(body) | written)


@pytest.mark.parametrize("fraction", ["", ".1", ".123456", ".1234567", ".9999999"])
def test_the_hosts_own_times_are_read_up_to_seven_digits(probe: Probe, fraction: str) -> None:
    metadata = metadata_from_the_host("") | {"ExpirationTime": moment(f"9999-12-31T23:59:59{fraction}+00:00")}

    given = probe.under_microsofts("queue", text(""), metadata)

    assert given["expiration_time"] == NEVER.replace(microsecond=int(f"{fraction[1:7]:0<6}"))


def test_a_message_that_never_expires_has_the_year_9999(probe: Probe) -> None:
    given = probe.under_ours("queue", meta.Datum("", "string"), metadata_of(queued(), ""))

    assert (given["expiration_time"], given["dequeue_count"]) == (NEVER, 2)


NAMES = (
    st.sampled_from(["id", "DequeueCount", "expirationTime", "INSERTIONTIME", "popreceipt", "queueTrigger"]) | st.text()
)
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.dictionaries(st.text(), st.integers(), max_size=2)


@given(body=st.dictionaries(NAMES, VALUES, max_size=4).map(json.dumps) | st.text())
@settings(max_examples=50)
@example(body='{"dequeueCount": 1e400}')
def test_whatever_a_message_says_both_give_the_function_the_same(probe: Probe, body: str) -> None:
    metadata = metadata_of(queued(), body)
    messages = {name: typed(value) for name, value in metadata.items()}

    ours = probe.under_ours("queue", meta.Datum(body, "string"), metadata)

    assert ours == probe.under_microsofts("queue", text(body), messages)


# A timer's tick


@pytest.mark.parametrize(
    "tick",
    [
        {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False},
        {"Schedule": {}, "ScheduleStatus": {"Last": "2026-05-04T12:00:00+00:00"}, "IsPastDue": True},
        {},
    ],
)
def test_a_tick_reaches_the_function_as_from_microsofts_worker(probe: Probe, tick: dict[str, Any]) -> None:
    sent = meta.Datum(json.dumps(tick), "json")

    assert probe.under_ours("timer", sent, {}) == probe.under_microsofts("timer", typed(sent), {}) != FAILED


# Answers


def with_cookies(*cookies: str) -> func.HttpResponse:
    response = func.HttpResponse("ok")
    for cookie in cookies:
        response.headers.add("Set-Cookie", cookie)
    return response


RETURNED: dict[str, Any] = {
    "nothing": None,
    "a number": 7,
    "bytes": b"ok",
    "a document": {"body": "ok"},
    "text": "ok",
    "no text": "",
    "text that UTF-8 has not": "\ud800",
    "text that is a response": json.dumps({"body": {"a": 1}, "statusCode": 418, "headers": {"X-A": "b"}}),
    "an empty response": func.HttpResponse(),
    "a response of text": func.HttpResponse("grüße"),
    "a response of bytes": func.HttpResponse(bytes(range(256)), mimetype="application/octet-stream"),
    "another charset": func.HttpResponse("grüße", charset="latin-1", mimetype="text/html"),
    "a status": func.HttpResponse("{}", status_code=503, mimetype="application/json", headers={"Retry-After": "30"}),
    "a status by its name": func.HttpResponse(status_code=HTTPStatus.NO_CONTENT),
    "a content type as a header": func.HttpResponse("ok", headers={"Content-Type": "text/css"}),
    "a header in another case": func.HttpResponse("ok", headers={"x-LOWER": "a", "X-Number": "1"}),
    "a cookie": with_cookies("a=1"),
    "cookies": with_cookies("a=1", "b=2; Path=/console; Secure; HttpOnly; SameSite=Strict; Max-Age=60"),
    "a cookie's days": with_cookies("c=3; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Domain=contoso.com; SameSite=none"),
    "a cookie without sense": with_cookies("d=4; Expires=tomorrow"),
    "a cookie for no number of seconds": with_cookies("d=4; Max-Age=long"),
    "a cookie of an unknown kind": with_cookies("e=5; SameSite=perhaps"),
    "a cookie to be escaped": with_cookies('f="a b;ü"'),
}


@pytest.mark.parametrize("returned", RETURNED.values(), ids=RETURNED)
def test_what_a_function_returns_becomes_the_same_answer(probe: Probe, returned: Any) -> None:
    # To encode a response changes it.
    probe.returned = deepcopy(returned)
    ours = probe.run_by_ours("http", _request(REQUESTS["no body"].call, {}), {})
    probe.returned = deepcopy(returned)
    theirs = probe.run_by_microsofts("http", REQUESTS["no body"].message, {})

    assert answer_of_ours(ours) == answer_of(theirs)


def answer_of_ours(ended: Ended) -> Reply:
    try:
        return Reply(status=500) if ended.value is None else reply_of(ended.value)
    except ValueError:  # text that UTF-8 has not
        return Reply(status=500)


def answer_of(run: protos.InvocationResponse) -> Reply:
    """What Microsoft's host answers the caller (GrpcMessageExtensionUtilities.cs)."""
    if run.result.status == protos.StatusResult.Failure:
        return Reply(status=500)
    value = run.return_value
    assert value is not None
    if value.kind == "string":
        return reply_of(meta.Datum(value.string, "string"))
    cookies = [("Set-Cookie", written_cookie(each)) for each in value.http.cookies or []]
    return Reply(
        status=int(value.http.status_code),
        headers=[*value.http.headers.items(), *cookies],
        body=value.http.body.bytes,
    )


def written_cookie(cookie: protos.RpcHttpCookie) -> str:
    """As ASP.NET writes it."""
    kinds = {protos.RpcHttpCookie.SameSite.Lax: "lax", protos.RpcHttpCookie.SameSite.Strict: "strict"}
    kind = kinds.get(cookie.same_site, "none" if cookie.same_site else "")
    parts = [
        f"{cookie.name}={quote(cookie.value, safe='')}",
        cookie.expires and f"expires={formatdate(cookie.expires.value.seconds, usegmt=True)}",
        cookie.max_age and f"max-age={int(cookie.max_age.value)}",
        cookie.domain and f"domain={cookie.domain.value}",
        cookie.path and f"path={cookie.path.value}",
        cookie.secure and cookie.secure.value and "secure",
        kind and f"samesite={kind}",
        cookie.http_only and cookie.http_only.value and "httponly",
    ]
    return "; ".join(filter(None, parts))
