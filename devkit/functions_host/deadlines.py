"""Enforces functionTimeout: one thread watches all runs and reports the first that takes too long."""

import threading
import time
from collections.abc import Callable


class Deadlines:
    """Thread-safe. All runs have the same time, so the oldest is always the first to expire."""

    def __init__(self, *, seconds: float | None, on_expiry: Callable[[str], None]) -> None:
        self._seconds = seconds
        self._on_expiry = on_expiry
        self._runs: dict[str, tuple[str, float]] = {}
        self._changed = threading.Condition()
        if seconds is not None:
            threading.Thread(target=self._watch, name="function-timeout", daemon=True).start()

    def begin(self, run_id: str, function: str) -> None:
        with self._changed:
            self._runs[run_id] = (function, time.monotonic() + (self._seconds or 0))
            if len(self._runs) == 1:
                self._changed.notify()

    def end(self, run_id: str) -> None:
        with self._changed:
            self._runs.pop(run_id, None)

    def running(self) -> list[str]:
        """Name the functions that run now, oldest first."""
        with self._changed:
            return [function for function, _ in self._runs.values()]

    def _watch(self) -> None:
        self._on_expiry(self._first_expired())

    def _first_expired(self) -> str:
        with self._changed:
            while True:
                if not self._runs:
                    self._changed.wait()
                    continue
                function, deadline = next(iter(self._runs.values()))
                left = deadline - time.monotonic()
                if left <= 0:
                    return function
                self._changed.wait(left)
