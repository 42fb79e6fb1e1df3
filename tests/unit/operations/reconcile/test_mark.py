"""The mark of the last reconcile, which stands among those of the sweep."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.ledger_writes import MOST_RACES
from leadpipe.model.errors import StorageFailed
from leadpipe.model.marks import damage
from leadpipe.model.ports import Marks
from leadpipe.operations.reconcile.mark import note_reconciled
from tests.fakes import NOW, World

DAY = timedelta(days=1)


def test_the_mark_is_written_and_the_others_stay() -> None:
    store = World().marks
    store.write(store.read(), Marks(taken_in_until=NOW - DAY, watermark=NOW.date()))
    note_reconciled(NOW, NOW, store)
    assert store.read() == Marks(taken_in_until=NOW - DAY, watermark=NOW.date(), reconciled_at=NOW)


def test_it_never_goes_back() -> None:
    store = World().marks
    note_reconciled(NOW, NOW, store)
    note_reconciled(NOW - DAY, NOW, store)
    assert store.read().reconciled_at == NOW
    note_reconciled(NOW + DAY, NOW + DAY, store)
    assert store.read().reconciled_at == NOW + DAY


def test_before_the_first_sweep_the_marks_are_sound_all_the_same() -> None:
    store = World().marks
    note_reconciled(NOW, NOW, store)
    assert store.read().taken_in_until == NOW
    assert damage(store.read(), NOW) == []


def test_a_damaged_mark_is_replaced_and_other_damaged_ones_are_left_to_the_sweep() -> None:
    store = World().marks
    store.write(store.read(), Marks(taken_in_until=NOW, damaged=frozenset({"reconciled_at", "watermark"})))
    note_reconciled(NOW, NOW, store)
    assert store.read() == Marks(taken_in_until=NOW, reconciled_at=NOW, damaged=frozenset({"watermark"}))


def test_a_lost_race_is_run_again_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    store, lost = World().marks, []
    write = store.write

    def loses(before: Marks, after: Marks) -> bool:
        lost.append(after)
        if len(lost) == 1:
            write(before, replace(before, watermark=NOW.date()))
            return False
        return write(before, after)

    monkeypatch.setattr(store, "write", loses)
    note_reconciled(NOW, NOW, store)
    assert (store.read().reconciled_at, store.read().watermark) == (NOW, NOW.date())
    monkeypatch.setattr(store, "write", lambda *_: False)
    with pytest.raises(StorageFailed, match=str(MOST_RACES)):
        note_reconciled(NOW + DAY, NOW, store)
