"""The functions: they translate between azure.functions and plain values.

An app has the five that leads need, or the console's one. Delivery, the sweep and the console are imported by their
first run, because a cold start that ends in a 202 does not need them. LEADPIPE_APP and LEADPIPE_AUTH decide what is
registered and how, so they are read here; all other settings are read by the first run.
"""

import json
import logging
import os
import random
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import azure.functions as func

from leadpipe import intake
from leadpipe.model.errors import InvalidLead, NotKept, SettingsError, StorageFailed, reason_of
from leadpipe.model.keys import Presented, key_presented
from leadpipe.model.lead_id import ENTROPY_BYTES
from leadpipe.model.log_line import log_line
from leadpipe.model.settings import App, Auth, app_of, auth_of
from leadpipe.wiring import now, quiet_libraries, wiring

if TYPE_CHECKING:
    from leadpipe.console.site import Console

RETRY_AFTER_SECONDS = 30
AUTH = auth_of(os.environ)
_STATUS_OF = {"too_large": 413, "wrong_key": 401}

log = logging.getLogger("leadpipe")
app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
for_leads = func.Blueprint()
for_operators = func.Blueprint()


@for_leads.function_name("leads")
@for_leads.route(
    route="leads",
    methods=[func.HttpMethod.POST],
    trigger_arg_name="request",
    auth_level=func.AuthLevel.FUNCTION if AUTH is Auth.HOST else func.AuthLevel.ANONYMOUS,
)
def take_lead(request: func.HttpRequest) -> func.HttpResponse:
    try:
        return _take(request)
    except BaseException as error:  # the host would answer 500; a Rust library's panic is not an Exception
        log.error(log_line("post_crashed", reason=reason_of(error)))
        return _answer(503, error="internal_error", detail="leadpipe could not keep the lead; post it again")


def _take(request: func.HttpRequest) -> func.HttpResponse:
    body = request.get_body()
    try:
        key_name = "" if AUTH is Auth.HOST else _name_of_key(request, body)
        ledger, queue = wiring().intake()
        entropy = os.urandom(ENTROPY_BYTES)
        lead_id = intake.take(body, at=now(), entropy=entropy, ledger=ledger, queue=queue, key_name=key_name)
    except InvalidLead as why:
        # The host drops the body of a request that came in chunks; the log has to show that this was the reason.
        encoding = "" if body else _transfer_encoding(request)
        log.warning(log_line("post_refused", reason=why.slug, transfer_encoding=encoding))
        return _answer(_STATUS_OF.get(why.slug, 400), error=why.slug, detail=why.detail)
    except (NotKept, SettingsError, StorageFailed) as why:
        log.error(log_line("post_not_kept", reason=why.slug, detail=why.detail))
        return _answer(503, error=why.slug, detail=why.detail)
    return _answer(202, status="accepted", lead_id=lead_id)


def _name_of_key(request: func.HttpRequest, body: bytes) -> str:
    """The name of the key that the post came with. If it is a wrong one, keeps the post and raises InvalidLead."""
    presented = Presented(
        header=request.headers.get("x-functions-key", ""),
        code=next((value for name, value in request.params.items() if name.lower() == "code"), ""),
    )
    found = key_presented(presented, wiring().keys())
    if found is None:
        from leadpipe import wrong_keys

        ledger, _ = wiring().intake()
        kept = wiring().wrong_keys()
        wrong_keys.refuse(body, presented, at=now(), entropy=os.urandom(ENTROPY_BYTES), ledger=ledger, kept=kept)
    return found


def _transfer_encoding(request: func.HttpRequest) -> str:
    """`chunked`, `other`, or empty. The header itself is a stranger's text and stays out of the log."""
    encodings = request.headers.get("transfer-encoding", "").lower().split(",")
    if "chunked" in map(str.strip, encodings):
        return "chunked"
    return "other" if any(encodings) else ""


@for_leads.function_name("health")
@for_leads.route(
    route="health",
    methods=[func.HttpMethod.GET],
    trigger_arg_name="request",
    auth_level=func.AuthLevel.ANONYMOUS,
)
def tell_health(request: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the host names its arguments
    try:
        problem = wiring().why_not_ready()
    except BaseException as error:  # whatever it is, a lead posted now may not be kept
        problem = f"leadpipe could not look: {reason_of(error)}"
    return _answer(503, error="not_ready", detail=problem) if problem else _answer(200, status="ready")


@for_leads.function_name("openapi")
@for_leads.route(
    route="openapi.json",
    methods=[func.HttpMethod.GET],
    trigger_arg_name="request",
    auth_level=func.AuthLevel.ANONYMOUS,
)
def describe(request: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the host names its arguments
    from leadpipe.model.openapi import document

    return func.HttpResponse(json.dumps(document()), mimetype="application/json")


@for_leads.function_name("deliver")
@for_leads.queue_trigger(arg_name="message", queue_name="leads", connection="AzureWebJobsStorage")
def deliver_lead(message: func.QueueMessage) -> None:
    _run(lambda: _deliver(message))


@for_leads.function_name("sweep")
@for_leads.timer_trigger(arg_name="timer", schedule="0 * * * * *", use_monitor=False)
def sweep_up(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host names its arguments
    _run(_sweep)


@for_operators.function_name("console")
@for_operators.route(
    route="console/{*path}",
    methods=[func.HttpMethod.GET, func.HttpMethod.HEAD, func.HttpMethod.POST],
    trigger_arg_name="request",
    auth_level=func.AuthLevel.ANONYMOUS,
)
def show_console(request: func.HttpRequest) -> func.HttpResponse:
    try:
        return _show(request)
    except BaseException as error:  # the host would log its text, which could quote a lead
        log.error(log_line("console_crashed", reason=reason_of(error)))
        return func.HttpResponse("The console failed; its log has the reason.", status_code=500)


def _show(request: func.HttpRequest) -> func.HttpResponse:
    from leadpipe.console.hosted import Asked, answer

    asked = Asked(method=request.method, url=request.url, headers=request.headers, body=request.get_body())
    with _building:
        console = _console()
    reply = answer(asked, console)
    return func.HttpResponse(reply.body, status_code=reply.status, headers=reply.headers)


_building = threading.Lock()


@cache
def _console() -> "Console":
    from leadpipe.console.hosted import console_of

    quiet_libraries()
    return console_of(dict(os.environ), now)


def _deliver(message: func.QueueMessage) -> None:
    from leadpipe import delivery

    delivery.deliver(
        message.get_body().decode(),
        dequeue_count=message.dequeue_count or 1,
        chance=random.random(),  # noqa: S311 - spreads retries
        now=now,
        ports=wiring().delivery(),
        settings=wiring().settings,
    )


def _sweep() -> None:
    from leadpipe import sweep
    from leadpipe.sweep.fallback import AT_ONCE

    ports, settings = wiring().delivery(), wiring().settings
    sweep.sweep(now=now, chance=random.random(), ports=ports, settings=settings, at_once=AT_ONCE)  # noqa: S311


def _run(flow: Callable[[], None]) -> None:
    """Runs a flow. Replaces its exception by one with the slug or kind alone: the host logs an exception's text, which
    could quote a lead. The new one is raised outside the handler, so that it has no other one as its context.
    """
    try:
        flow()
    except BaseException as error:
        crash = RuntimeError(reason_of(error))
    else:
        return
    raise crash


def _answer(status_code: int, /, **body: str) -> func.HttpResponse:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status_code == 503 else {}
    return func.HttpResponse(json.dumps(body), status_code=status_code, headers=headers, mimetype="application/json")


app.register_functions(for_operators if app_of(os.environ) is App.CONSOLE else for_leads)
