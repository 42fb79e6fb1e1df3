from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.schedule import (
    FIRST_PROBE_PAUSE,
    FIRST_REST,
    LONGEST_PROBE_PAUSE,
    LONGEST_REST,
    LONGEST_SPREAD_AT_THE_GATE,
    after_opening,
    delay,
    probe_pause,
    rest,
)
from tests.factories import RECEIVED_AT as NOW

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


# At the gate


@given(st.integers(0, 86_400), st.floats(0, 1, exclude_max=True))
def test_who_waited_at_the_gate_comes_back_soon_after_it_opens_and_never_before(seconds: int, chance: float) -> None:
    opens_at = NOW + timedelta(seconds=seconds)
    back = after_opening(opens_at, NOW, chance=chance)
    assert opens_at <= back <= opens_at + LONGEST_SPREAD_AT_THE_GATE
    assert back - opens_at <= 0.2 * (opens_at - NOW)


def test_those_who_waited_at_the_gate_do_not_come_back_all_at_once() -> None:
    opens_at = NOW + timedelta(minutes=5)
    assert len({after_opening(opens_at, NOW, chance=number / 100) for number in range(100)}) == 100


# In the fallback table


def test_a_lead_with_its_own_trouble_rests_longer_each_time_to_an_hour() -> None:
    rests = [rest(timedelta(0))]
    while rests[-1] < LONGEST_REST:
        rests.append(rest(rests[-1]))
    assert rests == [timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 60)]
    assert rests[0] == FIRST_REST
    assert rest(timedelta(days=9)) == LONGEST_REST


def test_pauses_between_probes_double_from_a_minute_to_five_however_long_the_outage() -> None:
    began, pauses = timedelta(0), []
    for _ in range(6):
        pauses.append(probe_pause(began))
        began += pauses[-1]
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 1, 2, 4, 5, 5)]
    assert (pauses[0], probe_pause(timedelta(days=3))) == (FIRST_PROBE_PAUSE, LONGEST_PROBE_PAUSE)
