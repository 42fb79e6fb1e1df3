"""`make run`'s command as a process of its own. Imports nothing from leadpipe."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 90


class MakeRun:
    """`make run`'s command in a data folder of its own, its screen read line by line."""

    def __init__(self, data: Path, port: int, *options: str, **settings: str) -> None:
        self.port = port
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AzureWebJobs", "DATAVERSE_"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "devkit", "run", "--port", str(port), "--data", str(data), *options],
            cwd=ROOT,
            env={**environment, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.screen: list[str] = []
        self._reader = threading.Thread(target=lambda: self.screen.extend(self.process.stdout or ()), daemon=True)

    def reads(self, wanted: str) -> str:
        """The first line from here on that says so; fails when the command ends or too much time passes before."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        for line in self.process.stdout:
            self.screen.append(line)
            if wanted in line:
                return line
            assert time.monotonic() < deadline, "".join(self.screen)
        raise AssertionError("".join(self.screen))

    def drain(self) -> None:
        """Goes on reading the screen, so that the command never waits for somebody who reads it."""
        self._reader.start()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        if self._reader.is_alive():
            self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        assert self.process.stdout is not None
        self.screen += self.process.stdout.readlines()
        return self.process.wait(timeout=30)
