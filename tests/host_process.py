"""The functions host as a process of its own, as a developer runs it."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[1]
# Several times what anything takes on a machine that does other work as well.
DEADLINE = 60.0


def until(condition: Callable[[], Any], what: str = "the condition") -> Any:
    """Asks ever more rarely, since most conditions are requests to the storage: after a tenth of what it has waited."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < DEADLINE:
        if found := condition():
            return found
        time.sleep(max(0.02, waited / 10))
    raise AssertionError(f"{what} did not come true within {DEADLINE:.0f} s")


class Served:
    """What a host serves."""

    url: str

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, timeout=DEADLINE, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=DEADLINE, **options)


@dataclass
class HostProcess(Served):
    """The command as a developer runs it."""

    process: subprocess.Popen[str]
    folder: Path
    url: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def wait_until_listening(self) -> None:
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first.startswith("listening http://127.0.0.1:"), self.log
        self.url = first.split()[1]

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(timeout=DEADLINE)
        until(lambda: not self._reader.is_alive(), "the end of stderr")
        return code

    def read_stderr(self) -> None:
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr or ()), daemon=True)
        self._reader.start()


def clean_environment() -> dict[str, str]:
    ours = ("AzureWebJobs", "AzureFunctions", "AZURE_FUNCTIONS", "FUNCTIONS_", "PYTHON_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
