"""Works out a bar chart; the template draws it as SVG, so that it needs no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from leadpipe.operations.overview import DayCount

WIDTH, HEIGHT, LEFT, TOP, BASE = 700, 142, 34, 14, 120
_STEPS = (1, 2, 5)
# So many dates fit below the bars.
_MOST_DATES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """`label` is empty where it would not fit."""

    day: date
    counts: DayCount
    middle: float
    label: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    y: float
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    bars: Sequence[Bar]
    lines: Sequence[Line]

    @property
    def summary(self) -> str:
        """What the picture shows, for people who cannot see it."""
        leads = sum(bar.counts.leads for bar in self.bars)
        waiting, poisoned = (sum(getattr(bar.counts, kind) for bar in self.bars) for kind in ("waiting", "poisoned"))
        return f"{leads} leads in {len(self.bars)} days; of them {waiting} wait and {poisoned} are poisoned"


def chart_of(days: Sequence[DayCount]) -> Chart:
    step = _step(max((day.leads for day in days), default=0))
    top = step * max(1, -(-max((day.leads for day in days), default=0) // step))
    scale, slot = (BASE - TOP) / top, (WIDTH - LEFT) / max(1, len(days))
    every = -(-len(days) // _MOST_DATES)
    return Chart(
        bars=[_bar(day, LEFT + slot * place, slot, scale, show=place % every == 0) for place, day in enumerate(days)],
        lines=[Line(y=round(BASE - value * scale, 1), value=value) for value in range(0, top + 1, step)],
    )


def _step(most: int) -> int:
    """A round number of which three or four make the longest bar."""
    power = 1
    while True:
        for step in _STEPS:
            if most <= 4 * step * power:
                return step * power
        power *= 10


def _bar(day: DayCount, left: float, slot: float, scale: float, *, show: bool) -> Bar:
    pieces, y = [], float(BASE)
    for kind, count in (("good", day.settled), ("wait", day.waiting), ("bad", day.poisoned)):
        if count:
            height = max(1.5, count * scale)
            y -= height
            pieces.append(
                Piece(kind=kind, x=round(left + slot * 0.125, 1), y=round(y, 1), width=round(slot * 0.75, 1),
                      height=round(height, 1))
            )  # fmt: skip
    return Bar(
        day=day.day, counts=day, middle=round(left + slot / 2, 1), label=str(day.day.day) if show else "", pieces=pieces
    )
