"""Remembers for a short time what was worked out, so that a page that reads itself again reads less."""

import threading
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
MOST_KEPT = 50


class Recent(Generic[T]):
    """Thread-safe."""

    def __init__(self, lasts: timedelta) -> None:
        self._lasts = lasts
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[datetime, T]] = {}

    def get(self, key: Hashable, work_out: Callable[[], T], *, at: datetime) -> T:
        with self._lock:
            made, value = self._kept.get(key, (None, None))
        if made is None or value is None or at - made > self._lasts:
            value = work_out()
            self._keep(key, value, at)
        return value

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()

    def _keep(self, key: Hashable, value: T, at: datetime) -> None:
        with self._lock:
            self._kept.pop(key, None)
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = at, value
