"""Enforces the service protection limits: three throttles for each user on each web server.

https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
"""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict, deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devkit.standin.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devkit.standin.organisation.config import Config


@dataclass(slots=True)
class _Window:
    arrivals: deque[float] = field(default_factory=deque)
    executions: deque[tuple[float, float]] = field(default_factory=deque)
    seconds_spent: float = 0.0
    under_way: int = 0

    def slide(self, since: float) -> None:
        while self.arrivals and self.arrivals[0] <= since:
            self.arrivals.popleft()
        while self.executions and self.executions[0][0] <= since:
            self.seconds_spent -= self.executions.popleft()[1]


class Throttle:
    """Thread-safe. In memory: a restart forgets."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = defaultdict(_Window)

    @contextmanager
    def admitted(self, server: str, config: Config) -> Iterator[dict[str, str]]:
        """Yields the headers with what is left, or raises a 429."""
        with self._lock:
            arrived = self._clock()
            window = self._windows[server]
            window.slide(arrived - config.window_seconds)
            # A refused request counts too, so requests during a penalty prolong it.
            window.arrivals.append(arrived)
            _refuse_if_over(window, arrived, config)
            window.under_way += 1
            headers = _headers(window, config)
        try:
            yield headers
        finally:
            with self._lock:
                spent = self._clock() - arrived
                window.executions.append((self._clock(), spent))
                window.seconds_spent += spent
                window.under_way -= 1

    def forget(self) -> None:
        """Forgets all counts. Running requests keep their old window, so that counts never go below zero."""
        with self._lock:
            self._windows = defaultdict(_Window)


def _refuse_if_over(window: _Window, now: float, config: Config) -> None:
    if config.concurrent_requests is not None and window.under_way >= config.concurrent_requests:
        raise Refusal(
            429,
            "0x80072326",
            f"Number of concurrent requests exceeded the limit of {config.concurrent_requests}.",
            retry_after=1,
        )
    if config.requests_per_window is not None and len(window.arrivals) > config.requests_per_window:
        raise Refusal(
            429,
            "0x80072322",
            f"Number of requests exceeded the limit of {config.requests_per_window} over time window of "
            f"{config.window_seconds:g} seconds.",
            retry_after=_seconds_until_a_place(window, now, config.requests_per_window, config.window_seconds),
        )
    limit = config.execution_seconds_per_window
    if limit is not None and window.seconds_spent >= limit:
        raise Refusal(
            429,
            "0x80072321",
            f"Combined execution time of incoming requests exceeded limit of {limit * 1000:,.0f} milliseconds over "
            f"time window of {config.window_seconds:g} seconds. Decrease number of concurrent requests or reduce the "
            "duration of requests and try again later.",
            retry_after=_seconds_until_time(window, now, limit, config.window_seconds),
        )


def _seconds_until_a_place(window: _Window, now: float, limit: int, length: float) -> int:
    leaver = window.arrivals[len(window.arrivals) - limit]
    return max(1, math.ceil(leaver + length - now))


def _seconds_until_time(window: _Window, now: float, limit: float, length: float) -> int:
    spent = window.seconds_spent
    for ended, seconds in window.executions:
        spent -= seconds
        if spent < limit:
            return max(1, math.ceil(ended + length - now))
    return max(1, math.ceil(length))


def _headers(window: _Window, config: Config) -> dict[str, str]:
    headers = {"x-ms-dop-hint": str(config.dop_hint)}
    if config.requests_per_window is not None:
        left = config.requests_per_window - len(window.arrivals)
        headers["x-ms-ratelimit-burst-remaining-xrm-requests"] = str(left)
    if config.execution_seconds_per_window is not None:
        seconds = config.execution_seconds_per_window - window.seconds_spent
        # Thousands separator and two decimals, as live organisations send it.
        headers["x-ms-ratelimit-time-remaining-xrm-requests"] = f"{seconds:,.2f}"
    return headers
