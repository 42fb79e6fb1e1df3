"""How long a plan will take, and how that is known."""

from datetime import timedelta

import pytest

from leadpipe.console.pace import OF_DYNAMICS, estimate
from leadpipe.console.plans import Verb


@pytest.mark.parametrize("verb", Verb)
def test_the_last_run_counts_before_anything_else(verb: Verb) -> None:
    found = estimate(verb, 100, last_run=5.0, looked=1000)
    assert (found.span, found.pace, found.why) == (timedelta(seconds=20), 5.0, "the pace of the last run")


@pytest.mark.parametrize("verb", [Verb.REPLAY, Verb.DISCARD, Verb.DRAIN])
def test_nothing_is_faster_than_dynamics_allows_where_it_is_asked(verb: Verb) -> None:
    found = estimate(verb, 6000, last_run=500.0, looked=10_000)
    assert (found.span, found.pace, found.why) == (timedelta(minutes=5), OF_DYNAMICS, "as Dynamics allows")


@pytest.mark.parametrize("verb", [Verb.ERASE, Verb.COMPLETE])
def test_what_is_done_in_storage_alone_has_no_limit_of_dynamics(verb: Verb) -> None:
    assert estimate(verb, 10, last_run=500.0, looked=1).pace == 500


@pytest.mark.parametrize("verb", Verb)
def test_without_a_run_storage_shows_the_pace(verb: Verb) -> None:
    found = estimate(verb, 10, last_run=None, looked=8)
    assert found.pace < 8
    assert found.why == "judged by how fast storage answers"
