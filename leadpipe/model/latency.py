"""Sums up how long leads took: the median, the 95th percentile and the slowest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long `leads` leads took. Half of them took at most `p50`, 95 % at most `p95`."""

    leads: int
    p50: timedelta
    p95: timedelta
    slowest: timedelta


def latency_of(spans: Iterable[timedelta]) -> Latency | None:
    """The latency of these spans; None if there is none. The spans may come in any order."""
    ordered = sorted(spans)
    if not ordered:
        return None
    return Latency(leads=len(ordered), p50=percentile(ordered, 50), p95=percentile(ordered, 95), slowest=ordered[-1])


def percentile(ordered: Sequence[timedelta], percent: int) -> timedelta:
    """The percentile by nearest rank: the shortest of the spans that at least `percent` % of them do not exceed.

    So it is always one of the spans, never a value between two. `ordered` must be sorted and not empty; `percent` is
    from 1 to 100.
    """
    rank = -(-percent * len(ordered) // 100)
    return ordered[rank - 1]
