"""Counts requests by method, kind of path and status, to measure what one lead costs."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = "data"
SIGN_IN = "sign_in"
# The status of a connection that was closed without a reply.
DROPPED = 0


class Counts:
    """Thread-safe. A request counts on arrival, and under its status once it is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived: Counter[str] = Counter()
        self._ended: Counter[tuple[str, str, int]] = Counter()
        self._under_way = 0

    @contextmanager
    def counted(self, area: str, method: str, kind: str) -> Iterator[list[int]]:
        """Counts a request. The caller puts the status into the yielded list; empty counts as dropped."""
        status: list[int] = []
        with self._lock:
            self._arrived[area] += 1
            self._under_way += 1
        try:
            yield status
        finally:
            with self._lock:
                self._under_way -= 1
                self._ended[method, kind, status[0] if status else DROPPED] += 1

    def clear(self) -> None:
        with self._lock:
            self._arrived.clear()
            self._ended.clear()

    def to_json(self) -> dict[str, Any]:
        with self._lock:
            return {
                "total": self._arrived.total(),
                DATA: self._arrived[DATA],
                SIGN_IN: self._arrived[SIGN_IN],
                "under_way": self._under_way,
                "counts": [
                    {"method": method, "path": kind, "status": status, "count": count}
                    for (method, kind, status), count in sorted(self._ended.items())
                ],
            }
