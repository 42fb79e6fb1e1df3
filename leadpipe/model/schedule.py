"""When a deferred lead is tried again."""

from datetime import timedelta

DELAYS = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600, 900))
SPREAD = 0.2


def delay(attempt: int, *, chance: float, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait after that attempt failed; the peer's own wish counts where it is longer.

    `chance`, from 0 up to 1, spreads the leads that failed together over ±20 %.
    """
    planned = DELAYS[min(attempt, len(DELAYS)) - 1] * (1 + SPREAD * (2 * chance - 1))
    return max(planned, retry_after or timedelta(0))
