"""Functions made in a test, and the host as a process of its own."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import azure.functions as func

from devkit.functions_host import functions
from devkit.functions_host.host_json import QueueOptions, parse


def read(app: func.FunctionApp) -> list[functions.Function]:
    return [functions._read(function) for function in app.get_functions()]


def queue_function(code: Callable[[func.QueueMessage], Any], queue: str = "q") -> functions.Function:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="msg", queue_name=queue, connection="AzureWebJobsStorage")
    def deliver(msg: func.QueueMessage) -> None:
        return code(msg)

    return read(app)[0]


def queue_options(**overrides: Any) -> QueueOptions:
    queues = {"batchSize": 4, "newBatchThreshold": 2, "maxDequeueCount": 3, "maxPollingInterval": "00:00:00.2"}
    return parse({"version": "2.0", "extensions": {"queues": queues | overrides}}, {}).queues


def write_app(folder: Path, source: str, host_json: str) -> None:
    inner = host_json.strip()[1:-1].strip()
    (folder / "host.json").write_text('{"version": "2.0"' + (f", {inner}" if inner else "") + "}")
    (folder / "function_app.py").write_text(
        "import logging, os, time\nimport azure.functions as func\napp = func.FunctionApp()\n" + textwrap.dedent(source)
    )
