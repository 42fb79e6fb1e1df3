"""Finds damaged marks of the sweep, and replaces them.

A damaged mark must cost work, never a lead: without it the sweep repeats what it may have done already.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from leadpipe.model.lead_id import EARLIEST, EPOCH
from leadpipe.model.ports import Marks
from leadpipe.model.schedule import LONGEST_PROBE_PAUSE

TIMES = ("looked_back_at", "taken_in_until", "probes_fail_since", "next_probe_at", "reconciled_at")
DAYS = ("watermark", "looking_from", "forgotten_before", "forgetting_from", "expiry_told_on")
# How far the clock of the machine that swept last may be ahead of this one's.
CLOCKS_APART = timedelta(minutes=5)
# Marks that name a time to come, and how far ahead it may be.
AHEAD = {"next_probe_at": LONGEST_PROBE_PAUSE}
# How far back the marketplace's rows are read again if the mark of what was taken in is damaged.
TAKEN_IN_AGAIN = timedelta(days=7)


def damage(marks: Marks, now: datetime) -> list[str]:
    """The names of the marks that cannot be read, are missing, or hold a time that no sweep can have written."""
    latest = now + CLOCKS_APART
    wrong = {*marks.damaged}
    for name in TIMES:
        if not _is_within(getattr(marks, name), EARLIEST, latest + AHEAD.get(name, timedelta(0))):
            wrong.add(name)
    wrong |= {name for name in DAYS if not _is_within(getattr(marks, name), EPOCH.date(), latest.date())}
    if marks.taken_in_until is None and not is_first(marks):
        wrong.add("taken_in_until")  # the first sweep writes it before any other
    return sorted(wrong)


def set_aside(marks: Marks, now: datetime) -> Marks:
    """The marks without the damaged ones; for an app that never swept, the marks to begin with."""
    if is_first(marks):
        return replace(marks, taken_in_until=now)
    wrong = damage(marks, now)
    cleared: dict[str, Any] = dict.fromkeys(wrong)
    sound = replace(marks, **cleared, damaged=frozenset())
    if sound.taken_in_until is not None:
        return sound
    # The lost mark may have been older than the look-back's, held back by a row that could not be taken in.
    enough = now - TAKEN_IN_AGAIN
    return replace(sound, taken_in_until=min(sound.looked_back_at or enough, enough))


def is_first(marks: Marks) -> bool:
    """Whether no sweep has written any mark yet."""
    return marks.version is None and marks == Marks()


def _is_within(mark: Any, first: date, last: date) -> bool:
    return mark is None or first <= mark <= last
