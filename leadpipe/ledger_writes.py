"""Writes records and marks in spite of lost races and refused rows; delivery, the sweep and operations share it."""

import logging
from collections.abc import Callable
from datetime import date, datetime

from leadpipe.model.change import Change, Poisoned, transition
from leadpipe.model.errors import Changed, RowRefused, StorageFailed
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Ledger, MarksStore
from leadpipe.model.record import ROW_REFUSED, Record

# After this many tries, which take more than an hour, an unknown answer of storage counts as a refusal of the row.
TRIES_AT_A_RECORD = 10
# Losing the race for a row this many times in a row is not a race any more.
MOST_RACES = 20

log = logging.getLogger(__name__)


def insert(record: Record, *, ledger: Ledger) -> Record | None:
    """Inserts the record. If storage refuses its row, inserts the smallest one, which is poisoned.

    Returns what was inserted, or None if the lead has a record already.
    """
    try:
        return ledger.insert(record)
    except StorageFailed as failure:
        unknown = failure.slug == "storage_error" and record.attempt >= TRIES_AT_A_RECORD
        if not isinstance(failure, RowRefused) and not unknown:
            raise
        log_refusal(record, failure, "ledger")
        return ledger.insert(record.smallest(failure.detail))


def write(
    record: Record, change: Change, now: Callable[[], datetime], *, ledger: Ledger, attempt: int | None = None
) -> Record:
    """Changes a record; nothing else does. Decides on the record as it was read, and reads again after a lost race.

    Returns the record as it now stands. Raises NotAllowed if a person asks for what its state rules out, and
    StorageFailed after MOST_RACES lost races, so that a broken store cannot hold a thread for ever.
    """
    for _ in range(MOST_RACES):
        decided = transition(record, change, at=now(), attempt=attempt)
        if decided is None:
            return record
        try:
            return ledger.write(record, decided.after, decided.event)
        except Changed:
            record = _read_current(record, ledger)
    raise StorageFailed("record_contended", f"another process changed the record before each of {MOST_RACES} writes")


def write_or_poison(
    record: Record, change: Change, now: Callable[[], datetime], *, ledger: Ledger, attempt: int
) -> Record:
    """Writes the change. If storage refuses the row, poisons the lead instead, which is a smaller change.

    This loses nothing: if Dynamics has the lead already, a replay finds it there under its id.
    """
    try:
        return write(record, change, now, attempt=attempt, ledger=ledger)
    except RowRefused as refusal:
        log_refusal(record, refusal, "ledger")
        poisoned = Poisoned(reason=ROW_REFUSED, detail=refusal.detail)
        return write(record, poisoned, now, attempt=attempt, ledger=ledger)


def lower_marks(day: date, store: MarksStore) -> None:
    """Makes the sweep look at that day again. Call it before the day gets its open lead.

    Raises StorageFailed after MOST_RACES lost races.
    """
    for _ in range(MOST_RACES):
        marks = store.read()
        lower = marks.back_to(day)
        if lower == marks or store.write(marks, lower):
            return
    raise StorageFailed("record_contended", f"another process changed the marks before each of {MOST_RACES} writes")


def log_refusal(record: Record, failure: StorageFailed, step: str) -> None:
    log.error(log_line("row_refused", lead_id=record.lead_id, step=step, reason=failure.slug, detail=failure.detail))


def _read_current(record: Record, ledger: Ledger) -> Record:
    found = ledger.read(record.lead_id)
    if found is None:
        raise StorageFailed("record_gone", "the record was deleted while it was being settled")
    return found
