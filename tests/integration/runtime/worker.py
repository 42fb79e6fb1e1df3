"""Microsoft's worker runtime in a process of its own, driven as the host drives it: by the messages of its protocol."""

import asyncio
import json
import logging
import multiprocessing
import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from azure.functions import meta

from tests.host_process import ROOT
from tests.integration.runtime import protos

# Longer than any request takes, shorter than a test may.
PATIENCE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A message as Microsoft's proxy worker hands it to the runtime."""

    name: str
    request: protos.StreamingMessage
    properties: Mapping[str, Any]


def asked(name: str, **message: Any) -> Asked:
    return Asked(
        name=name, request=protos.StreamingMessage(**message), properties={"protos": protos, "host": "127.0.0.1"}
    )


def typed(datum: meta.Datum) -> protos.TypedData:
    """A value of our host's as the message that says it."""
    if datum.type != "http":
        return protos.TypedData(**{str(datum.type): datum.value})
    parts = datum.value
    texts = {name: {key: item.value for key, item in parts[name].items()} for name in ("headers", "query", "params")}
    body = protos.TypedData(bytes=parts["body"].value) if parts["body"].value else protos.TypedData()
    return protos.TypedData(
        http=protos.RpcHttp(method=parts["method"].value, url=parts["url"].value, body=body, **texts)
    )


def serve(connection: Connection, environment: Mapping[str, str], log: Path) -> None:
    """What the process runs: answers one message after the other, until the connection is closed."""
    os.environ.clear()
    os.environ.update(environment)
    logging.basicConfig(filename=log, level=logging.INFO)
    sys.path.insert(0, str(ROOT))
    import azure_functions_runtime as runtime

    runtime.start_threadpool_executor()
    with asyncio.Runner() as runner:
        while True:
            try:
                name, message = connection.recv()
            except EOFError:
                return
            connection.send(runner.run(getattr(runtime, name)(asked(name, **message))))


class Worker:
    """The other end of that connection: what the host does with its worker."""

    def __init__(self, connection: Connection, log: Path) -> None:
        self._connection = connection
        self._log = log
        self._ids: dict[str, str] = {}
        self._parameters: dict[str, str] = {}

    @property
    def log(self) -> str:
        return self._log.read_text()

    def ask(self, name: str, **message: Any) -> Any:
        self._connection.send((name, message))
        assert self._connection.poll(PATIENCE), f"no answer to {name}"
        return self._connection.recv()

    def start(self) -> protos.WorkerInitResponse:
        request = protos.WorkerInitRequest(function_app_directory=str(ROOT))
        answer: protos.WorkerInitResponse = self.ask("worker_init_request", worker_init_request=request)
        return answer

    def index(self) -> list[protos.RpcFunctionMetadata]:
        """The functions, which are then loaded."""
        found: list[protos.RpcFunctionMetadata] = self.ask(
            "functions_metadata_request", functions_metadata_request=True
        ).function_metadata_results
        for each in found:
            self._ids[each.name] = each.function_id
            trigger = next(binding for binding in map(json.loads, each.raw_bindings) if "Trigger" in binding["type"])
            self._parameters[each.name] = trigger["name"]
            load = protos.FunctionLoadRequest(function_id=each.function_id)
            loaded = self.ask("function_load_request", function_load_request=load)
            assert (loaded.function_id, loaded.result.status) == (each.function_id, protos.StatusResult.Success)
        return found

    def invoke(
        self, function: str, data: protos.TypedData, metadata: Mapping[str, protos.TypedData] | None = None
    ) -> protos.InvocationResponse:
        request = protos.InvocationRequest(
            invocation_id=str(uuid.uuid4()),
            function_id=self._ids[function],
            input_data=[protos.ParameterBinding(name=self._parameters[function], data=data)],
            trigger_metadata=dict(metadata or {}),
        )
        answer: protos.InvocationResponse = self.ask("invocation_request", invocation_request=request)
        assert answer.invocation_id == request.invocation_id
        return answer


@contextmanager
def running(environment: Mapping[str, str], log: Path) -> Iterator[Worker]:
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=serve, args=(theirs, dict(environment), log))
    process.start()
    theirs.close()
    try:
        yield Worker(ours, log)
    finally:
        ours.close()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            process.join()
        process.close()
