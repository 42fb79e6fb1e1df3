"""Notes until when the leads are compared with Partner Center, so that the sweep can say when it is time again."""

from dataclasses import replace
from datetime import datetime

from leadpipe.ledger_writes import MOST_RACES
from leadpipe.model.errors import StorageFailed
from leadpipe.model.marks import is_first
from leadpipe.model.ports import MarksStore


def note_reconciled(until: datetime, now: datetime, store: MarksStore) -> None:
    """Never goes back to an earlier time. Raises StorageFailed after MOST_RACES lost races."""
    for _ in range(MOST_RACES):
        marks = store.read()
        if marks.reconciled_at is not None and marks.reconciled_at >= until:
            return
        # Marks without this one would look damaged to the first sweep, which writes it before any other.
        first = replace(marks, taken_in_until=now) if is_first(marks) else marks
        if store.write(marks, replace(first, reconciled_at=until, damaged=marks.damaged - {"reconciled_at"})):
            return
    raise StorageFailed("record_contended", f"another process changed the marks before each of {MOST_RACES} writes")
