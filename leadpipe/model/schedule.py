"""Computes when a lead is tried again."""

from datetime import datetime, timedelta

DELAYS = tuple(timedelta(seconds=seconds) for seconds in (10, 30, 60, 120, 300, 600, 900))
SPREAD = 0.2
# Leads that wait for the gate come back within this time after it opens, not all at once.
LONGEST_SPREAD_AT_THE_GATE = timedelta(seconds=5)
# After a roll-back, messages of a newer leadpipe wait until that version is back.
NEWER_ENVELOPE_DELAY = timedelta(minutes=15)
# A resting lead whose failure concerns it alone.
FIRST_REST = timedelta(minutes=5)
LONGEST_REST = timedelta(hours=1)
# Between two probes of the sweep, from start to start.
FIRST_PROBE_PAUSE = timedelta(minutes=1)
LONGEST_PROBE_PAUSE = timedelta(minutes=5)


def delay(attempt: int, *, chance: float, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait after that attempt failed. The peer's Retry-After counts if it is longer.

    `chance`, from 0 up to 1, spreads leads that failed together over ±20 %.
    """
    planned = DELAYS[min(attempt, len(DELAYS)) - 1] * (1 + SPREAD * (2 * chance - 1))
    return max(planned, retry_after or timedelta(0))


def after_opening(opens_at: datetime, now: datetime, *, chance: float) -> datetime:
    """When a lead that found the gate shut comes back."""
    return opens_at + chance * min(SPREAD * (opens_at - now), LONGEST_SPREAD_AT_THE_GATE)


def rest(last: timedelta) -> timedelta:
    """How long a resting lead waits after a failure that concerns it alone, if it was to wait `last` before its try."""
    return min(max(2 * last, FIRST_REST), LONGEST_REST)


def probe_pause(failing_for: timedelta) -> timedelta:
    """How long the sweep waits with its next probe, counted from the start of the last one.

    As long as Dynamics has been away: so the pauses double, up to five minutes, however long the outage lasts.
    """
    return min(max(failing_for, FIRST_PROBE_PAUSE), LONGEST_PROBE_PAUSE)
