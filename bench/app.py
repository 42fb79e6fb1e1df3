"""Runs one of the two apps under the functions host in its own process, and posts to it."""

import http.client
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.leads import next_lead
from bench.stage import Stage
from devkit.launcher.part import kill_group, release

ROOT = Path(__file__).parents[1]
DEADLINE = 60.0
LAST_LINES = 40
NO_DELIVERY = {"AzureWebJobs.deliver.Disabled": "1"}
NO_SWEEP = {"AzureWebJobs.sweep.Disabled": "1"}
# Settings that a developer made for another app are left out.
_NOT_PASSED_ON = ("AzureWebJobs", "AzureFunctions", "AZURE_", "FUNCTIONS_", "PYTHON_", "DATAVERSE_", "LEADPIPE_")
_LEASH = (sys.executable, "-m", "devkit.launcher.leash", "5")
_numbers = itertools.count(1)


class App(Enum):
    """The app; the value is its folder."""

    OURS = ROOT
    BARE = ROOT / "bench" / "bare"


class BenchError(Exception):
    """A measurement failed; the text says why."""


class Client:
    """One kept-alive connection to the app. Not thread-safe."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE)

    def post_lead(self) -> str:
        """Posts a lead and gives the lead id of the 202."""
        self._connection.request("POST", "/api/leads", next_lead(), {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 202:
            raise BenchError(f"a post was answered {answer.status}: {body[:200]!r}")
        return str(json.loads(body)["lead_id"])


@contextmanager
def running(
    app: App,
    stage: Stage,
    storage: str,
    *,
    leashed: bool = True,
    settings: dict[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[str]:
    """Starts the app and gives its address once it listens; the process ends with the block.

    On a leash it also ends when this process is killed, but starts some 50 ms later. `log` gets what it writes.
    """
    log = log or stage.folder / f"{app.name.lower()}-{next(_numbers)}.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [*(_LEASH if leashed else ()), *_command(app, stage.folder)],
            cwd=ROOT,
            env=_environment({**stage.dynamics.settings, "AzureWebJobsStorage": storage, **(settings or {})}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    try:
        yield _address(process)
    except (BenchError, OSError, http.client.HTTPException) as error:
        raise BenchError(f"{error}; the app {_state(process)}, its last lines:\n{_last_lines(log)}") from error
    finally:
        _end(process, leashed=leashed)


def until(condition: Callable[[], Any], what: str, *, pause: float = 0.05, seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)


def _command(app: App, folder: Path) -> list[str]:
    settings = folder / "no.settings.json"  # instead of a developer's local.settings.json
    settings.write_text("{}")
    options = ["--port", "0", "--drain", "1", "--data", str(folder / "host"), "--settings", str(settings)]
    return [sys.executable, "-m", "devkit.functions_host", "--app", str(app.value), *options]


def _environment(settings: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    return {**inherited, "PYTHON_THREADPOOL_THREAD_COUNT": "32", **settings}


def _address(process: subprocess.Popen[str]) -> str:
    first = process.stdout.readline() if process.stdout else ""
    if not first.startswith("listening "):
        raise BenchError("the app did not start")
    return first.split()[1]


def _state(process: subprocess.Popen[str]) -> str:
    code = process.poll()
    return "runs" if code is None else f"ended with {code}"


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])


def _end(process: subprocess.Popen[str], *, leashed: bool) -> None:
    if leashed:
        release(process)
    else:
        process.terminate()
    try:
        process.wait(DEADLINE)
    finally:
        kill_group(process)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
