"""How the sweep's marks behave, be it the fake or the row."""

import threading
from dataclasses import replace
from datetime import date, timedelta

from leadpipe.model.ports import Marks, MarksStore
from tests.factories import RECEIVED_AT

WHOLE = Marks(
    watermark=date(2026, 3, 13),
    looked_back_at=RECEIVED_AT,
    taken_in_until=RECEIVED_AT + timedelta(milliseconds=1),
    forgotten_before=date(2025, 12, 14),
    looking_from=date(2026, 3, 1),
    forgetting_from=date(2025, 12, 1),
    probes_fail_since=RECEIVED_AT - timedelta(hours=3),
    next_probe_at=RECEIVED_AT + timedelta(seconds=290),
    reconciled_at=RECEIVED_AT - timedelta(days=40),
)


def test_there_are_none_before_the_first_sweep(marks: MarksStore) -> None:
    assert marks.read() == Marks()


def test_marks_are_read_back_as_they_were_written(marks: MarksStore) -> None:
    assert marks.write(marks.read(), WHOLE)
    assert marks.read() == WHOLE


def test_marks_move_on_from_what_was_read(marks: MarksStore) -> None:
    marks.write(marks.read(), replace(WHOLE, taken_in_until=None))
    for day in (14, 15):
        assert marks.write(marks.read(), replace(WHOLE, watermark=date(2026, 3, day)))
    assert marks.read() == replace(WHOLE, watermark=date(2026, 3, 15))


def test_a_mark_that_is_taken_back_is_gone(marks: MarksStore) -> None:
    marks.write(marks.read(), WHOLE)
    marks.write(marks.read(), replace(WHOLE, forgotten_before=None))
    assert marks.read().forgotten_before is None


def test_marks_that_another_sweep_wrote_meanwhile_stay(marks: MarksStore) -> None:
    seen = [marks.read()]
    marks.write(seen[0], WHOLE)
    seen.append(marks.read())
    moved = replace(WHOLE, watermark=date(2026, 3, 20))
    marks.write(seen[1], moved)
    for before in seen:
        assert not marks.write(before, replace(WHOLE, watermark=date(2026, 3, 1)))
    assert marks.read() == moved


def test_of_many_sweeps_at_once_exactly_one_writes(marks: MarksStore) -> None:
    before = marks.read()
    won: list[bool] = []

    def write(day: int) -> None:
        won.append(marks.write(before, replace(WHOLE, watermark=date(2026, 3, day))))

    threads = [threading.Thread(target=write, args=(day,)) for day in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_a_mark_that_is_named_as_damaged_stays_damaged_until_it_is_written_anew(marks: MarksStore) -> None:
    marks.write(marks.read(), replace(WHOLE, watermark=None, damaged=frozenset({"watermark"})))
    read = marks.read()
    assert (read.damaged, read.watermark, read.looked_back_at) == ({"watermark"}, None, WHOLE.looked_back_at)
    assert marks.write(read, replace(read, watermark=WHOLE.watermark, damaged=frozenset()))
    assert marks.read() == WHOLE
