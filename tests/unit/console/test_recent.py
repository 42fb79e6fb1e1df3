"""What is remembered for a short time."""

from datetime import timedelta

from leadpipe.console.recent import MOST_KEPT, Recent
from tests.fakes import NOW


def test_a_value_is_worked_out_again_when_its_time_is_over() -> None:
    recent, made = Recent[int](timedelta(seconds=30)), iter(range(9))
    ats = [0, 30, 31, 40]
    assert [recent.get("k", lambda: next(made), at=NOW + timedelta(seconds=at)) for at in ats] == [0, 0, 1, 1]


def test_keys_are_apart_and_the_oldest_is_dropped() -> None:
    recent = Recent[int](timedelta(seconds=30))
    for number in range(MOST_KEPT + 1):
        assert recent.get(number, lambda number=number: number, at=NOW) == number
    assert [recent.get(number, lambda: -1, at=NOW) for number in (0, MOST_KEPT)] == [-1, MOST_KEPT]


def test_what_is_forgotten_is_worked_out_again() -> None:
    recent = Recent[int](timedelta(seconds=30))
    assert recent.get("k", lambda: 1, at=NOW) == 1
    recent.forget()
    assert recent.get("k", lambda: 2, at=NOW) == 2
