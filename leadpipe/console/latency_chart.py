"""Works out the picture of how long the leads of each day took; the template draws it as SVG.

Its scale is logarithmic: a lead that waited for a person takes days, the others a second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log10

from leadpipe.console.chart import TOP, Line, slots
from leadpipe.console.words import counted
from leadpipe.model.duration import in_words
from leadpipe.operations.days import DayCount

HEIGHT, BASE = 104, 96
# Times that people know, in seconds.
_TIMES = (
    (0.1, "0.1 s"),
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3600, "1 h"),
    (86_400, "1 day"),
    (864_000, "10 d"),
    (8_640_000, "100 d"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    x: float
    middle: float
    most: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """How long the leads of each day took. A stretch has days one after the other on which leads were written."""

    stretches: Sequence[Sequence[Dot]]
    lines: Sequence[Line]

    @property
    def summary(self) -> str:
        dots = [dot for stretch in self.stretches for dot in stretch]
        return f"on {counted(len(dots), 'day')} with written leads; the last: {dots[-1].words}" if dots else "no lead"


def times_of(days: Sequence[DayCount]) -> Times | None:
    """None where no lead was written."""
    seconds = [each.total_seconds() for day in days if day.latency for each in (day.latency.p50, day.latency.p95)]
    if not seconds:
        return None
    shown = _shown_times(min(seconds), max(seconds))
    place = _places(shown[0][0], shown[-1][0])
    dots = [(bool(day.latency), _dot(day, left + slot / 2, place)) for day, left, slot, _ in slots(days)]
    return Times(
        stretches=[
            [dot for _, dot in stretch if dot] for there, stretch in groupby(dots, key=lambda each: each[0]) if there
        ],
        lines=[Line(y=place(time), value=words) for time, words in shown],
    )


def _shown_times(least: float, most: float) -> Sequence[tuple[float, str]]:
    first = max((place for place, (time, _) in enumerate(_TIMES) if time <= least), default=0)
    last = min((place for place, (time, _) in enumerate(_TIMES) if time >= most), default=len(_TIMES) - 1)
    first = min(first, len(_TIMES) - 2)
    return _TIMES[first : max(last, first + 1) + 1]


def _places(least: float, most: float) -> Callable[[float], float]:
    """The height of a time in the picture."""
    height = (BASE - TOP) / (log10(most) - log10(least))
    return lambda seconds: round(BASE - (log10(min(max(seconds, least), most)) - log10(least)) * height, 1)


def _dot(day: DayCount, x: float, place: Callable[[float], float]) -> Dot | None:
    if day.latency is None:
        return None
    p50, p95 = day.latency.p50, day.latency.p95
    return Dot(
        x=round(x, 1),
        middle=place(p50.total_seconds()),
        most=place(p95.total_seconds()),
        words=f"{day.day.day} {day.day:%b}: {in_words(p50)} in the middle, {in_words(p95)} for 95 of 100",
    )
