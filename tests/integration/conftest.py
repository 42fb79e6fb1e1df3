"""The function app under the host, on Azurite, against the stand-in over TLS."""

import gc
import json
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from leadpipe.model.ports import Ledger
from leadpipe.model.record import Record, State
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.connection import connect
from leadpipe.storage.ledger import AzureLedger
from tests.host_process import ROOT, Served, clean_environment, until
from tests.listening import listening, loopback_context
from tests.nursery import HOST, Child, Nursery
from tests.peers import Answering, MakePeer, Peer
from tests.standin_process import Standin, running

UNLIMITED = {"requests_per_window": None, "execution_seconds_per_window": None, "concurrent_requests": None}


@pytest.fixture(scope="session")
def one_standin(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    with running(tmp_path_factory.mktemp("standin") / "data", python=python) as standin:
        yield standin


@pytest.fixture
def standin(one_standin: Standin) -> Iterator[Standin]:
    """An empty organisation without faults or limits."""
    one_standin.configure(**UNLIMITED)
    yield one_standin
    for what in ("faults", "leads", "config", "requests"):
        one_standin.control("DELETE", what)


@pytest.fixture
def no_collection() -> Iterator[None]:
    """For JSON that is deeper than the stack: what the garbage collector ends while it is read has no stack left."""
    gc.disable()
    yield
    gc.enable()


@dataclass
class Host(Served):
    """The functions host, in a process of its own."""

    url: str
    child: Child
    folder: Path

    @property
    def log(self) -> str:
        return self.child.said

    def function_key(self) -> str:
        """The key that the host makes at the first request that carries one, which this sends."""
        self.get("/admin/host/status", headers={"x-functions-key": "none yet"})
        return str(json.loads((self.folder / "host" / "keys.json").read_text())["default"])

    def stop(self) -> int:
        os.kill(self.child.pid, signal.SIGINT)
        return self.child.wait()


class App:
    """The running function app and what can be seen of it from outside."""

    def __init__(self, host: Host, ledger: Ledger) -> None:
        self.host = host
        self.ledger = ledger

    def post(self, body: bytes | str | dict[str, Any], **options: Any) -> requests.Response:
        data = json.dumps(body) if isinstance(body, dict) else body
        return self.host.post("/api/leads", data=data.encode() if isinstance(data, str) else data, **options)

    def accepted(self, body: bytes | str | dict[str, Any]) -> str:
        answer = self.post(body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["lead_id"])

    def record(self, lead_id: str) -> Record:
        record = self.ledger.read(lead_id)
        assert record is not None
        return record

    def settled(self, lead_id: str) -> Record:
        return self.reaching(lead_id, frozenset(State) - {State.ACCEPTED, State.DEFERRED})

    def reaching(self, lead_id: str, states: frozenset[State]) -> Record:
        until(lambda: self.record(lead_id).state in states, f"{lead_id} in {sorted(states)}")
        return self.record(lead_id)


class Starter:
    """Starts the app, each time in a process of its own; all are stopped in the end."""

    def __init__(self, nursery: Nursery, standin: Standin, folder: Path, host: str = HOST) -> None:
        self._nursery = nursery
        self._host = host
        self._standin = standin
        self._folder = folder
        self._started: list[Child] = []

    def __call__(self, account: str, *arguments: str, ledger_account: str | None = None, **settings: str) -> App:
        """`settings` come on top of the stand-in's; an empty value unsets one."""
        environment = {
            **clean_environment(),
            **self._standin.settings,
            "AzureWebJobsStorage": account,
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
            **settings,
        }
        child = self._nursery.start(
            self._host,
            ["--app", str(ROOT), "--port", "0", "--data", str(self._folder / "host"), "--drain", "1", *arguments],
            environment={name: value for name, value in environment.items() if value},
            output=self._folder / f"host-{len(self._started)}.log",
        )
        self._started.append(child)
        host = Host(child.listening(), child, self._folder)
        storage = connect(StorageByKey(connection_string=ledger_account or account), retries=1)
        return App(host, AzureLedger(storage))

    def stop(self) -> None:
        for child in self._started:
            child.kill()


@pytest.fixture
def start_app(nursery: Nursery, tmp_path: Path, standin: Standin) -> Iterator[Starter]:
    starter = Starter(nursery, standin, tmp_path)
    yield starter
    starter.stop()


@pytest.fixture
def app(start_app: Starter, storage_account: str) -> App:
    return start_app(storage_account)


@pytest.fixture(scope="module")
def module_standin(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """For modules whose tests only look at what they posted themselves."""
    with running(tmp_path_factory.mktemp("standin") / "data", python=python) as standin:
        standin.configure(**UNLIMITED)
        yield standin


@pytest.fixture(scope="module")
def module_app(
    nursery: Nursery,
    tmp_path_factory: pytest.TempPathFactory,
    module_standin: Standin,
    module_storage_account: str,
) -> Iterator[App]:
    starter = Starter(nursery, module_standin, tmp_path_factory.mktemp("app"))
    yield starter(module_storage_account)
    starter.stop()


@pytest.fixture
def peer() -> Iterator[MakePeer]:
    """Makes peers that answer each request of a connection in the way that is given."""
    with ExitStack() as peers:

        def make(answering: Answering, context: ssl.SSLContext | None = None) -> Peer:
            received = bytearray()

            def taking(caller: socket.socket) -> None:
                while data := caller.recv(1 << 16):
                    received.extend(data)
                    answering(caller)

            return Peer(peers.enter_context(listening(taking, context)).netloc, received)

        yield make


@pytest.fixture
def tls_peer(peer: MakePeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePeer:
    bundle = tmp_path / "bundle.pem"
    context = loopback_context(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    return lambda answering: peer(answering, context)
