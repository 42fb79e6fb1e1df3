"""Functions made in a test, and the host as a process of its own."""

import textwrap
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import azure.functions as func

from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.functions import Function
from devkit.functions_host.host_json import QueueOptions, parse
from devkit.functions_host.link import Indexed, Invocation
from devkit.functions_host.worker import app as worker_app
from devkit.functions_host.worker.app import Loaded
from devkit.functions_host.worker.runs import Runs

# The code of the functions that `read` has given.
_loaded: dict[str, Loaded] = {}


def read(app: func.FunctionApp) -> list[Function]:
    loaded = [worker_app.read(function) for function in app.get_functions()]
    _loaded.update({each.function.name: each for each in loaded})
    return [each.function for each in loaded]


class WorkerHere:
    """In place of the worker process: runs in this process what `read` has given last under a name, or `loaded`.

    It says that it is ready after `when`. Killed, it says nothing more of what it runs.
    """

    pid = 0

    def __init__(
        self,
        *,
        on_message: Callable[[Any, object], None],
        on_end: Callable[[Any], None],
        when: threading.Event | None = None,
        loaded: dict[str, Loaded] | None = None,
    ) -> None:
        self._on_message = on_message
        self._on_end = on_end
        self._runs = Runs([], on_end=self._say)
        self._runs._loaded = _loaded if loaded is None else loaded
        self._dead = False
        threading.Thread(target=self._load, args=[when], daemon=True).start()

    def send(self, invocation: Invocation) -> None:
        if not self._dead:
            self._runs.begin(invocation)

    def kill(self) -> None:
        self._dead = True
        self.close()
        threading.Thread(target=self._on_end, args=[self]).start()

    def close(self) -> None:
        self._runs.close()

    def _load(self, when: threading.Event | None) -> None:
        if when:
            when.wait()
        self._say(Indexed(functions=[]))

    def _say(self, message: object) -> None:
        if not self._dead:
            self._on_message(self, message)


def running_here() -> Dispatcher:
    """Give a dispatcher of its own for what `read` has given so far, without a time-out."""
    dispatcher = Dispatcher(start_worker=partial(WorkerHere, loaded=dict(_loaded)), function_timeout=None)
    dispatcher.start()
    return dispatcher


def queue_function(code: Callable[[func.QueueMessage], Any], queue: str = "q") -> Function:
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
