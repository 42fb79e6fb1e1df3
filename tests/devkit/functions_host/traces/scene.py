"""Runs one host in one scenario: the driver's side of it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from tests.devkit.functions_host.traces.proxy import Fault, Proxy, digest
from tests.devkit.functions_host.traces.trace import Seen, Trace, queue_of
from tests.host_process import ROOT, clean_environment

APP = Path(__file__).parent / "app"
_QUEUES = "AzureFunctionsJobHost__extensions__queues__"
_SETTINGS = {
    f"{_QUEUES}batchSize": "8",
    f"{_QUEUES}newBatchThreshold": "4",
    f"{_QUEUES}maxDequeueCount": "5",
    f"{_QUEUES}visibilityTimeout": "00:00:02",
    f"{_QUEUES}maxPollingInterval": "00:00:02",
    f"{_QUEUES}messageEncoding": "base64",
    "AZURE_FUNCTIONS_ENVIRONMENT": "Production",
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "PYTHON_THREADPOOL_THREAD_COUNT": "32",
}
_LONGEST_START = 60.0
_LINES_KEPT = 60


class Scene:
    """One scenario's queues, proxy and host. `starting` bounds how many hosts start at the same time.

    In `command` `{app}` is the folder of the function app, and `{data}` one for the host's own files.
    """

    def __init__(
        self, scenario: str, *, command: Sequence[str], account: str, starting: contextlib.AbstractContextManager[Any]
    ) -> None:
        self.scenario = scenario
        self.queue = queue_of(scenario)
        self.poison = f"{self.queue}-poison"
        self._command = command
        self._account = account
        self._starting = starting
        self._data = tempfile.TemporaryDirectory(prefix="traces-")
        self._output = Path(self._data.name) / "output"
        self._changed = threading.Condition()
        self._reports: list[Seen] = []
        self._starts: list[float] = []
        self._exits: list[Seen] = []
        self._process: subprocess.Popen[bytes] | None = None
        self.proxy = Proxy(_port_of(account), self._on_change)
        self._listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listening.bind(("127.0.0.1", 0))
        threading.Thread(target=self._listen, daemon=True).start()
        for name in (self.queue, self.poison):
            with contextlib.suppress(ResourceNotFoundError), self._client(name) as client:
                client.delete_queue()

    def close(self) -> None:
        if self._process and not self.ended():
            self.stop(signal.SIGKILL)
        self.proxy.close()
        self._listening.sendto(b"", self._listening.getsockname())
        self._data.cleanup()

    # The queue

    def create(self, queue: str) -> None:
        with self._client(queue) as client:
            client.create_queue()

    def put(self, n: int = 1, **order: Any) -> None:
        """Put a message for the app, one that lives for ever. `order` says what its run does."""
        self.put_text(json.dumps({"n": n, **order}))

    def put_text(self, text: str) -> None:
        self.put_raw(b64encode(text.encode()).decode())

    def put_raw(self, text: str) -> None:
        with self._client(self.queue) as client:
            client.send_message(text, time_to_live=-1)

    def receive(self, *, hidden_for: int) -> bool:
        with self._client(self.queue) as client:
            return bool(list(client.receive_messages(visibility_timeout=hidden_for)))

    def show(self, message: Seen) -> None:
        """Make a message that is being run visible to others."""
        with self._client(self.queue) as client:
            client.update_message(message["id"], message["receipt"], visibility_timeout=0)

    # The host

    def start(self, **settings: str) -> None:
        """Start the host, and go on when it first asks the queue service. `settings` are of host.json."""
        with self._starting:
            before = len(self.proxy.seen())
            self._starts.append(time.time())
            with self._output.open("ab") as output:
                self._process = subprocess.Popen(
                    [part.replace("{app}", str(APP)).replace("{data}", self._data.name) for part in self._command],
                    cwd=ROOT,
                    env=self._environment(settings),
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            threading.Thread(target=self._await_exit, args=(self._process,), daemon=True).start()
            self.wait(lambda: len(self.proxy.seen()) > before or self.ended(), _LONGEST_START, "the start")

    def send_signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the signal, and kill all that is left of the host after half a minute."""
        assert self._process is not None
        if not self.ended() and number != signal.SIGKILL:
            self.send_signal(number)
            self._wait_for(self.ended, 30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # a worker of its own too
        self._wait_for(self.ended, 30)

    def ended(self) -> bool:
        return len(self._exits) == len(self._starts)

    # What was seen

    def requests(self, operation: str, **fields: Any) -> list[Seen]:
        return [
            seen
            for seen in self.proxy.seen()
            if seen["op"] == operation and all(seen.get(name) == value for name, value in fields.items())
        ]

    def reported(self, what: str) -> list[Seen]:
        return [seen for seen in list(self._reports) if seen["what"] == what]

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Wait for the condition; a wait in vain is written down and is a fact of the host."""
        if not self._wait_for(condition, seconds):
            self._add_report({"t": time.time(), "what": "driver_gave_up", "on": what})

    def fault(self, operation: str, **rule: Any) -> None:
        self.proxy.add(Fault(operation=operation, **rule))

    def trace(self) -> Trace:
        return Trace(
            scenario=self.scenario,
            wire=self._since_start(self.proxy.seen()),
            events=self._since_start(self._reports),
            exits=self._since_start(self._exits),
            left=self._count_left(),
            poison=self._peek_poison(),
            output=tuple(self._output.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_KEPT:]),
        )

    def _since_start(self, seen: Sequence[Seen]) -> tuple[Seen, ...]:
        in_order = sorted(seen, key=lambda each: each["t"])
        return tuple({**each, "t": round(each["t"] - self._starts[0], 3)} for each in in_order)

    def _count_left(self) -> int | None:
        with self._client(self.queue) as client:
            try:
                return client.get_queue_properties().approximate_message_count
            except ResourceNotFoundError:
                return None

    def _peek_poison(self) -> tuple[Seen, ...] | None:
        with self._client(self.poison) as client:
            try:
                messages = client.peek_messages(max_messages=32)
            except ResourceNotFoundError:
                return None
        return tuple(
            {
                "dequeue": message.dequeue_count or 0,
                "lives_for": round((message.expires_on - message.inserted_on).total_seconds()),
                "text_sha": digest(message.content or ""),
            }
            for message in messages
            if message.expires_on and message.inserted_on
        )

    def _wait_for(self, condition: Callable[[], object], seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: bool(condition()), seconds)

    def _on_change(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _add_report(self, seen: Seen) -> None:
        self._reports.append(seen)
        self._on_change()

    def _listen(self) -> None:
        while datagram := self._listening.recv(65_536):
            self._add_report(json.loads(datagram))
        self._listening.close()

    def _await_exit(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        self._exits.append({"t": time.time(), "code": code})
        self._on_change()

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        root = {name: value for name, value in settings.items() if name == "functionTimeout"}
        queues = {f"{_QUEUES}{name}": value for name, value in settings.items() if name not in root}
        own = f":{self.proxy.port}/"
        return {
            **clean_environment(),
            **_SETTINGS,
            **queues,
            **{f"AzureFunctionsJobHost__{name}": value for name, value in root.items()},
            "AzureWebJobsStorage": self._account.replace(f":{_port_of(self._account)}/", own),
            "AzureWebJobsScriptRoot": str(APP),
            "TRACE_QUEUE": self.queue,
            "TRACE_EVENTS_PORT": str(self._listening.getsockname()[1]),
        }

    def _client(self, queue: str) -> QueueClient:
        """Connect anew each time: a connection that Azurite closed meanwhile costs the library's retry of 15 s."""
        return QueueClient.from_connection_string(self._account, queue)


def _port_of(account: str) -> int:
    fields = dict(field.split("=", 1) for field in account.strip(";").split(";"))
    port = urlsplit(fields["QueueEndpoint"]).port
    assert port, account
    return port
