"""Enforces functionTimeout: one thread watches all runs and reports each that takes too long."""

import threading
import time
from collections.abc import Callable


class Deadlines:
    """Thread-safe. All runs have the same time, so the oldest is always the first to expire.

    `seconds` None: no run ever expires. `on_expiry` gets the run's id, on a thread of this class.
    """

    def __init__(self, *, seconds: float | None, on_expiry: Callable[[str], None]) -> None:
        self._seconds = seconds
        self._on_expiry = on_expiry
        self._ends: dict[str, float] = {}
        self._changed = threading.Condition()
        if seconds is not None:
            threading.Thread(target=self._watch, name="function-timeout", daemon=True).start()

    def begin(self, run_id: str) -> None:
        with self._changed:
            self._ends[run_id] = time.monotonic() + (self._seconds or 0)
            if len(self._ends) == 1:
                self._changed.notify()

    def end(self, run_id: str) -> None:
        with self._changed:
            self._ends.pop(run_id, None)

    def _watch(self) -> None:
        while True:
            self._on_expiry(self._next_expired())

    def _next_expired(self) -> str:
        with self._changed:
            while True:
                if not self._ends:
                    self._changed.wait()
                    continue
                run_id, end = next(iter(self._ends.items()))
                left = end - time.monotonic()
                if left <= 0:
                    del self._ends[run_id]
                    return run_id
                self._changed.wait(left)
