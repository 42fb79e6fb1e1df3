"""Keeps posts that came with a wrong key, at most a hundred a UTC day.

A key that was changed before Partner Center knew the new one then costs a replay, not the leads. The bound keeps
strangers from filling the ledger.
"""

import threading
from datetime import UTC, date, datetime
from itertools import islice
from typing import NoReturn

from leadpipe.intake import reject
from leadpipe.model.errors import InvalidLead, NotKept
from leadpipe.model.keys import WRONG_KEY, Presented
from leadpipe.model.lead import Lead, posted_text
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Ledger
from leadpipe.model.record import State

MOST_A_DAY = 100
# How many are kept before the ledger is asked again how many there are.
AT_A_TIME = 10
# The other posts need their threads: no longer than this is waited while another post asks the ledger.
PATIENCE_SECONDS = 2.0


class WrongKeys:
    """Counts what was kept today; one for each process. Thread-safe.

    Asks the ledger for the day's number before each ten that it keeps, and no more once there are a hundred. So one
    process keeps a hundred exactly, and each further one that keeps posts at the same time at most ten more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._day: date | None = None
        self._left = self._being_kept = 0
        self._full = False

    def reserve(self, day: date, ledger: Ledger) -> bool:
        """Whether one more may be kept that day; `release` has to follow then.

        Raises StorageFailed, or NotKept if another post asks the ledger for too long.
        """
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            raise NotKept("storage_unavailable", "the ledger did not say in time how many wrong keys there were today")
        try:
            if day != self._day:
                self._start_day(day)
            if not self._left and not self._full:
                self._ask(day, ledger)
            if not self._left:
                return False
            self._left -= 1
            self._being_kept += 1
            return True
        finally:
            self._lock.release()

    def release(self, day: date) -> None:
        """One that was reserved is in the ledger now, or will never be."""
        with self._lock:
            self._being_kept = max(0, self._being_kept - (day == self._day))

    def _start_day(self, day: date) -> None:
        self._day, self._left, self._being_kept, self._full = day, 0, 0, False

    def _ask(self, day: date, ledger: Ledger) -> None:
        """Asks how many more may be kept. Those that are being kept just now count as if the ledger lacked them."""
        found = _kept_on(day, ledger)
        self._full = found == MOST_A_DAY
        self._left = max(0, min(AT_A_TIME, MOST_A_DAY - found - self._being_kept))


def refuse(
    body: bytes, presented: Presented, *, at: datetime, entropy: bytes, ledger: Ledger, kept: WrongKeys
) -> NoReturn:
    """Raises InvalidLead, after the start of the post was kept if the day's limit allows that.

    Raises NotKept or StorageFailed if it should have been kept and could not be.
    """
    why = InvalidLead(WRONG_KEY, _detail(presented))
    day = at.astimezone(UTC).date()
    if body and not _is_canary(body) and kept.reserve(day, ledger):
        try:
            reject(new_lead_id(at, entropy), why, body, ledger=ledger)
        finally:
            kept.release(day)
    raise why


def _is_canary(body: bytes) -> bool:
    """Whether leadpipe posted it to itself. Nothing is lost with it, and the canary's own mark says that it failed."""
    try:
        return Lead.from_payload(posted_text(body)).is_canary
    except InvalidLead:
        return False


def _kept_on(day: date, ledger: Ledger) -> int:
    """How many the ledger has, counted no further than the limit."""
    kept = ledger.between(day, day, states=frozenset({State.REJECTED}), reason=WRONG_KEY, damage=[])
    return sum(1 for _ in islice(kept, MOST_A_DAY))


def _detail(presented: Presented) -> str:
    if any(presented.texts):
        return "the key of the post is not one of LEADPIPE_KEYS"
    return "the post has no key, neither x-functions-key in its headers nor code in its address"
