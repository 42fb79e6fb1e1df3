"""Repeats a storage request as the host's storage SDK does: six tries, with pauses of about 0.8, 1.6, 3.2, 6.4, 12.8 s.

Azure.Core's RetryOptions and DelayStrategy, with the number of tries that Azure.Storage sets.
"""

import random
import threading
from collections.abc import Callable
from typing import Any

from azure.core.pipeline.policies import RetryPolicy

_RETRIES = 5
_FIRST_PAUSE = 0.8


class StoppedError(Exception):
    """The host stops, so the request is not tried again."""


class SixTries(RetryPolicy[Any, Any]):
    """Thread-safe. A request with the option `stop`, an Event, gives up its pause with StoppedError once that is set.

    The library's own rule counts 408, 429, 500, 502, 503, 504 and no answer at all, as the host's SDK does.
    """

    def __init__(
        self,
        *,
        hurry: float = 1,
        jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2),  # noqa: S311
    ) -> None:
        super().__init__(retry_total=_RETRIES, retry_connect=_RETRIES, retry_read=_RETRIES, retry_status=_RETRIES)
        self._hurry = hurry
        self._jitter = jitter
        self._never = threading.Event()

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        for name in ("hosts", "location_mode"):  # left for the storage library's own policy to take away
            options.pop(name, None)
        stop = options.pop("stop", self._never)
        return super().configure_retries(options) | {"stop": stop}

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        pause: float = _FIRST_PAUSE * 2 ** (len(settings["history"]) - 1) * self._jitter()
        return pause / self._hurry

    def sleep(self, settings: dict[str, Any], transport: Any, response: Any = None) -> None:  # noqa: ARG002
        if settings["stop"].wait(self.get_backoff_time(settings)):
            raise StoppedError

    def _is_method_retryable(self, settings: Any, request: Any, response: Any = None) -> bool:  # noqa: ARG002
        """Allow POST too: the library leaves it out, and the host sends its poison copies by it."""
        return True
