from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.schedule import delay

MIDDLE = 0.5


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 10), (2, 30), (3, 60), (4, 120), (5, 300), (6, 600), (7, 900), (8, 900), (1000, 900)],
)
def test_the_waits_grow_to_a_quarter_of_an_hour(attempt: int, seconds: int) -> None:
    assert delay(attempt, chance=MIDDLE) == timedelta(seconds=seconds)


def test_the_least_chance_takes_a_fifth_off() -> None:
    assert delay(3, chance=0.0) == timedelta(seconds=48)


@given(st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_chance_moves_a_wait_by_a_fifth_at_most(attempt: int, chance: float) -> None:
    planned = delay(attempt, chance=MIDDLE)

    assert planned * 0.8 <= delay(attempt, chance=chance) <= planned * 1.2


def test_the_peers_wish_counts_where_it_is_longer() -> None:
    assert delay(1, chance=MIDDLE, retry_after=timedelta(minutes=5)) == timedelta(minutes=5)


def test_the_peers_wish_does_not_count_where_it_is_shorter() -> None:
    assert delay(1, chance=MIDDLE, retry_after=timedelta(seconds=1)) == timedelta(seconds=10)
