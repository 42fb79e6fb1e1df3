"""Azurite, functions in this process, and the host as a process."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from devkit.functions_host.dispatcher import Dispatcher
from tests.devkit.functions_host.helpers import WorkerHere, write_app
from tests.host_process import ROOT, HostProcess, clean_environment


@pytest.fixture(scope="session")
def azurite_account(session_storage_account: str) -> str:
    """A connection string. Tests that share the account use queues of their own names."""
    return session_storage_account


@pytest.fixture
def queue_name() -> str:
    return f"q{uuid.uuid4().hex[:12]}"


@pytest.fixture
def client(azurite_account: str) -> Iterator[Callable[[str], QueueClient]]:
    """Clients that neither encode nor decode, so that a test sees what is on the queue."""
    made: list[QueueClient] = []

    def make(name: str) -> QueueClient:
        made.append(QueueClient.from_connection_string(azurite_account, name))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    made = Dispatcher(start_worker=WorkerHere, function_timeout=None)
    made.start()
    yield made
    made.close()


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[Callable[..., HostProcess]]:
    """`start_host(source, *arguments, env=…, host_json=…)`; `wait=False` for one that is not to come up."""
    started: list[HostProcess] = []

    def start(
        source: str, *arguments: str, env: dict[str, str] | None = None, host_json: str = "{}", wait: bool = True
    ) -> HostProcess:
        write_app(tmp_path, source, host_json)
        command = [sys.executable, "-m", "devkit.functions_host", "--app", str(tmp_path), "--port", "0"]
        process = subprocess.Popen(
            [*command, "--data", str(tmp_path / "data"), *arguments],
            cwd=ROOT,
            env=clean_environment() | (env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        host = HostProcess(process, tmp_path)
        started.append(host)
        host.read_stderr()
        if wait:
            host.wait_until_listening()
        return host

    yield start
    for host in started:
        host.process.kill()
        host.ended()
        assert host.process.stdout is not None
        assert host.process.stderr is not None
        host.process.stdout.close()
        host.process.stderr.close()
