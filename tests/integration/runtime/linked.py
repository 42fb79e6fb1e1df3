"""`python -m tests.integration.runtime.linked DIR`: our host's worker process, with Microsoft's runtime in it.

It stands between the two as Microsoft's host does: what ours sends becomes a message to the runtime, the answer ours.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn

from azure.functions import meta

from devkit.functions_host import host_json, logs
from devkit.functions_host.app_settings import is_disabled
from devkit.functions_host.functions import Function
from devkit.functions_host.link import Ended, Indexed, Invocation, Link, LinkLostError
from devkit.functions_host.worker import __main__ as our_worker
from devkit.functions_host.worker.app import _trigger
from tests.integration.runtime import protos
from tests.integration.runtime.worker import asked, typed


def main(arguments: Sequence[str]) -> NoReturn:
    (folder,) = arguments
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    link = our_worker._take_link()
    try:
        asyncio.run(serve(link, Path(folder)))
    except LinkLostError:
        our_worker._end()
    raise AssertionError("it serves until the host is gone")


async def serve(link: Link, folder: Path) -> None:
    import azure_functions_runtime as runtime

    names: dict[str | None, str] = {}
    logs.configure(host_json.read(folder / "host.json").log_levels)
    logging.root.handlers[0].filters.insert(0, Naming(names, runtime.invocation_id_cv))
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    runtime.start_threadpool_executor()
    init = protos.WorkerInitRequest(function_app_directory=str(folder))
    started = await runtime.worker_init_request(asked("worker_init_request", worker_init_request=init))
    assert started.result == protos.StatusResult(status=protos.StatusResult.Success)
    indexed = await runtime.functions_metadata_request(asked("functions_metadata_request"))
    found = {each.name: each for each in indexed.function_metadata_results}
    link.send(Indexed(functions=[function_of(each) for each in found.values()]))
    runs = set()
    while True:
        invocation = await asyncio.to_thread(link.receive)
        names[invocation.run_id] = invocation.function
        run = asyncio.create_task(answer(link, runtime, found[invocation.function], invocation))
        runs.add(run)
        run.add_done_callback(runs.discard)


class Naming(logging.Filter):
    """Names the function that logs a line, as the host does by the id of the run that the worker sends with it."""

    def __init__(self, names: Mapping[str | None, str], run_id: ContextVar[str | None]) -> None:
        super().__init__()
        self._names = names
        self._run_id = run_id

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - what it changes is the context
        logs.current_function.set(self._names.get(self._run_id.get(), ""))
        return True


def trigger_of(metadata: protos.RpcFunctionMetadata) -> dict[str, Any]:
    bindings = map(json.loads, metadata.raw_bindings)
    return next(binding for binding in bindings if binding["type"].endswith("Trigger"))


def function_of(metadata: protos.RpcFunctionMetadata) -> Function:
    trigger = _trigger(metadata.name, trigger_of(metadata))
    return Function(name=metadata.name, trigger=trigger, disabled=is_disabled(metadata.name))


async def answer(link: Link, runtime: Any, function: protos.RpcFunctionMetadata, invocation: Invocation) -> None:
    request = protos.InvocationRequest(
        invocation_id=invocation.run_id,
        function_id=function.function_id,
        input_data=[protos.ParameterBinding(name=trigger_of(function)["name"], data=typed(invocation.data))],
        trigger_metadata={name: typed(value) for name, value in invocation.metadata.items()},
    )
    said = await runtime.invocation_request(asked("invocation_request", invocation_request=request))
    error = said.result.exception
    link.send(
        Ended(
            run_id=said.invocation_id,
            value=said.return_value and datum_of(said.return_value),
            error=f"{error.message}\n{error.stack_trace}" if error else "",
        )
    )


def datum_of(data: protos.TypedData) -> meta.Datum:
    """The message that says a value as that value."""
    if data.kind != "http":
        return meta.Datum(getattr(data, str(data.kind)), data.kind)
    http: protos.RpcHttp = data.http
    assert not http.cookies, "none of the functions gives one"
    headers: Mapping[str, meta.Datum] = {name: meta.Datum(value, "string") for name, value in http.headers.items()}
    status = meta.Datum(http.status_code, "string")
    return meta.Datum({"status_code": status, "headers": headers, "cookies": None, "body": datum_of(http.body)}, "http")


if __name__ == "__main__":
    main(sys.argv[1:])
