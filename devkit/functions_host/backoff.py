"""Decides how long a queue listener waits between polls (RandomizedExponentialBackoffStrategy.cs)."""

import random
from collections.abc import Callable

_SHORTEST = 0.1


class Backoff:
    """Gives 0.1 s, then 0.1 s plus a pause that doubles, with jitter, up to `longest`. Not thread-safe."""

    def __init__(self, *, longest: float, jitter: Callable[[], float] = lambda: random.uniform(0.8, 1.2)) -> None:  # noqa: S311
        self._longest = longest
        self._jitter = jitter
        self._exponent = 0
        self._delay = min(_SHORTEST, longest)

    def next(self, *, found: bool) -> float:
        """Give the next wait. `found`: there were messages since the last one."""
        if found:
            self._delay, self._exponent = _SHORTEST, 1
        elif self._delay < self._longest:
            added = self._jitter() * 2 ** (self._exponent - 1) * _SHORTEST if self._exponent else 0.0
            self._delay = min(_SHORTEST + added, self._longest)
            self._exponent += 1
        return self._delay
