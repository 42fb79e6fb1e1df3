"""Computes when a lead is tried again."""

from datetime import datetime, timedelta

DELAYS = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600, 900))
SPREAD = 0.2
# Leads that wait for the gate come back within this time after it opens, not all at once.
LONGEST_SPREAD_AT_THE_GATE = timedelta(seconds=5)
# After a roll-back, messages of a newer leadpipe wait until that version is back.
NEWER_ENVELOPE_DELAY = timedelta(minutes=15)
FIRST_REST = timedelta(minutes=5)
LONGEST_REST = timedelta(hours=1)


def delay(attempt: int, *, chance: float, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait after that attempt failed. The peer's Retry-After counts if it is longer.

    `chance`, from 0 up to 1, spreads leads that failed together over ±20 %.
    """
    planned = DELAYS[min(attempt, len(DELAYS)) - 1] * (1 + SPREAD * (2 * chance - 1))
    return max(planned, retry_after or timedelta(0))


def after_opening(opens_at: datetime, now: datetime, *, chance: float) -> datetime:
    """When a lead that found the gate shut comes back."""
    return opens_at + chance * min(SPREAD * (opens_at - now), LONGEST_SPREAD_AT_THE_GATE)


def rest(rested: timedelta) -> timedelta:
    """How long a lead in the fallback table waits, if it has waited `rested` since its last try."""
    return min(max(2 * rested, FIRST_REST), LONGEST_REST)
