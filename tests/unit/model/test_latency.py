"""What the latency of some leads is."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.latency import Latency, latency_of, percentile

SPANS = st.lists(st.timedeltas(timedelta(0), timedelta(days=3000)), min_size=1, max_size=300)


def seconds(*values: float) -> list[timedelta]:
    return [timedelta(seconds=value) for value in values]


def test_no_leads_have_no_latency() -> None:
    assert latency_of([]) is None


def test_one_lead_is_its_own_median_percentile_and_slowest() -> None:
    (only,) = seconds(3)
    assert latency_of([only]) == Latency(leads=1, p50=only, p95=only, slowest=only)


@pytest.mark.parametrize(
    ("leads", "p50", "p95"), [(2, 1, 2), (3, 2, 3), (19, 10, 19), (20, 10, 19), (21, 11, 20), (100, 50, 95)]
)
def test_the_figures_are_of_the_nearest_rank_in_any_order(leads: int, p50: int, p95: int) -> None:
    found = latency_of(reversed(seconds(*range(1, leads + 1))))
    assert found is not None
    assert [found.p50, found.p95, found.slowest] == seconds(p50, p95, leads)


@given(SPANS, st.integers(1, 100))
def test_a_percentile_is_the_shortest_span_that_so_many_do_not_exceed(spans: list[timedelta], percent: int) -> None:
    found = percentile(sorted(spans), percent)
    shorter = [span for span in spans if span < found]
    assert found in spans
    assert 100 * sum(span <= found for span in spans) >= percent * len(spans)
    assert 100 * len(shorter) < percent * len(spans)
