"""The command line on a real storage account, as a process of its own and inside the test's."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer import testing
from typer.testing import CliRunner

from leadpipe.cli.app import app
from leadpipe.model.pulse import Pulse
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.attention import AzureAttention
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.ledger import AzureLedger
from tests.command_line import get_command
from tests.listening import Listener, listening, loopback_context
from tests.standin_process import Standin

ROOT = Path(__file__).parents[3]

testing._get_command = get_command  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.out)
        return found

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def storage(storage_account: str) -> Storage:
    return connect(StorageByKey(connection_string=storage_account), retries=1)


@pytest.fixture
def ledger(storage: Storage) -> AzureLedger:
    return AzureLedger(storage)


class Runner:
    """Runs commands in this process, their settings in the environment."""

    def __init__(self, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._settings = settings
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, answer: str = "", **settings: str) -> Ran:
        """`answer` is what is typed; `settings` come on top."""
        # A command changes its process's own environment.
        given = {**bare_environment(), **self._settings, **settings}
        self._monkeypatch.setattr(os, "environ", {name: value for name, value in given.items() if value})
        result = CliRunner().invoke(app, arguments, input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def swept(storage: Storage) -> None:
    """The sweep runs: it wrote its pulse a moment ago."""
    assert AzureAttention(storage).keep_pulse(Pulse(), Pulse(at=datetime.now(UTC)))


@pytest.fixture
def run(storage_account: str, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Commands with a storage account and no organisation."""
    return Runner({"AzureWebJobsStorage": storage_account}, monkeypatch)


@pytest.fixture
def run_with_dynamics(storage_account: str, standin: Standin, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Commands with a storage account and the stand-in's organisation."""
    return Runner({**standin.settings, "AzureWebJobsStorage": storage_account}, monkeypatch)


@pytest.fixture
def run_process(tmp_path: Path, python: str) -> Callable[..., Ran]:
    """Runs `python -m leadpipe` in an empty folder, with nothing set but what is given."""

    def command(*arguments: str, **environment: str) -> Ran:
        done = subprocess.run(
            [python, "-m", "leadpipe", *arguments],
            cwd=tmp_path,
            env={**bare_environment(), **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return command


def bare_environment() -> dict[str, str]:
    """This process's environment without a setting of leadpipe's, and with the repository to import from."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AzureWebJobsStorage", "DATAVERSE_", "LEADPIPE_", "PYTHONUNBUFFERED"))
    }
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": path, "PYTHONUTF8": "1"}


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@dataclass(frozen=True)
class TlsServer:
    """Shakes hands with those that trust its certificate, and then hangs up."""

    listener: Listener
    bundle: Path


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[TlsServer]:
    bundle = tmp_path / "bundle.pem"
    with listening(context=loopback_context(bundle)) as listener:
        yield TlsServer(listener, bundle)
