"""Runs work that takes longer than a page may: in a thread of its own, followed and stopped from pages."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Generic, TypeVar

from leadpipe.model.errors import LeadpipeError, reason_of
from leadpipe.operations.causes import failure_in_words

T = TypeVar("T")


class Job(Generic[T]):
    """Thread-safe. Collects the items that the work yields, until it ends or is stopped.

    `failure`: in words, where the work raised; the items until then stay.
    """

    def __init__(self, work: Callable[["Job[T]"], Iterable[T]], *, at: datetime) -> None:
        self.started_at = at
        self.failure = ""
        self._began, self._ended = time.monotonic(), 0.0
        self._stop = threading.Event()
        self._items: list[T] = []
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, args=(work,), name="console job", daemon=True)
        self._thread.start()

    @property
    def items(self) -> list[T]:
        with self._lock:
            return [*self._items]

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """How long it has run, or did run."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Lets what is being worked on finish, and begins nothing more."""
        self._stop.set()

    def wait(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _run(self, work: Callable[["Job[T]"], Iterable[T]]) -> None:
        try:
            for item in work(self):
                with self._lock:
                    self._items.append(item)
        except LeadpipeError as error:
            self.failure = failure_in_words(error)
        except Exception as error:  # noqa: BLE001 - shown by its kind alone: its text could quote a lead
            self.failure = f"a fault in leadpipe: {reason_of(error)}"
        finally:
            self._ended = time.monotonic()
