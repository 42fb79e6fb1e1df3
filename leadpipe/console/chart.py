"""Works out the bars of the days, by what became of the leads; the template draws them as SVG.

They need no script and no colour: each kind has a pattern and a word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from leadpipe.console.words import counted
from leadpipe.model.record import State
from leadpipe.operations.days import DayCount
from leadpipe.operations.report import OPEN_LEAD

WIDTH, HEIGHT, LEFT, TOP, BASE = 700, 142, 44, 14, 120
_STEPS = (1, 2, 5)
# So many dates fit below the bars.
_MOST_DATES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Outcomes that share a pattern. `style`: the colour's name, which the style sheet has."""

    name: str
    style: str
    words: str
    outcomes: frozenset[str]

    def leads(self, day: DayCount) -> int:
        return sum(day.outcomes.get(outcome, 0) for outcome in self.outcomes)


# From the bottom of a bar to its top.
KINDS = (
    Kind(name="written", style="good", words="written", outcomes=frozenset({State.WRITTEN, State.MERGED})),
    Kind(name="repeated", style="still", words="duplicate or kept", outcomes=frozenset({State.DUPLICATE, State.KEPT})),
    Kind(
        name="aside",
        style="aside",
        words="rejected, discarded or erased",
        outcomes=frozenset({State.REJECTED, State.DISCARDED, State.ERASED}),
    ),
    Kind(name="open", style="wait", words="on the way", outcomes=frozenset({OPEN_LEAD})),
    Kind(name="poisoned", style="bad", words="poisoned", outcomes=frozenset({State.POISONED})),
)


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

    words: str
    middle: float
    label: str
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    y: float
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the key."""

    kind: Kind
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`uncounted`: days that were not read yet. `key`: the kinds that the picture has."""

    bars: Sequence[Bar]
    lines: Sequence[Line]
    key: Sequence[Entry]
    summary: str
    uncounted: int


def chart_of(days: Sequence[DayCount]) -> Chart:
    most = max((day.posts for day in days), default=0)
    step = _step(most)
    top = step * max(1, -(-most // step))
    scale = (BASE - TOP) / top
    key = [Entry(kind=kind, leads=sum(kind.leads(day) for day in days)) for kind in KINDS]
    return Chart(
        bars=[_bar(day, left, slot, scale, label=label) for day, left, slot, label in slots(days)],
        lines=[Line(y=round(BASE - value * scale, 1), value=f"{value:,}") for value in range(0, top + 1, step)],
        key=[entry for entry in key if entry.leads],
        summary=_summary(days, key),
        uncounted=sum(not day.is_counted for day in days),
    )


def words_of(day: DayCount) -> str:
    """What a day had: `12 Nov: 31 leads, 29 written, 2 poisoned`."""
    name = f"{day.day.day} {day.day:%b}"
    if not day.is_counted:
        return f"{name}: {counted(day.expected, 'lead')}, not looked at yet"
    parts = [f"{day.outcomes[outcome]:,} {outcome}" for outcome in sorted(day.outcomes) if day.outcomes[outcome]]
    more = "more than " if day.is_cut else ""
    return ", ".join([f"{name}: {more}{counted(day.leads, 'lead')}", *parts])


def _summary(days: Sequence[DayCount], key: Sequence[Entry]) -> str:
    """What the picture shows, for people who cannot see it."""
    parts = [f"{entry.leads:,} {entry.kind.words}" for entry in key if entry.leads]
    return ", ".join([f"{counted(sum(day.leads for day in days), 'lead')} in {len(days)} days", *parts])


def slots(days: Sequence[DayCount]) -> Iterator[tuple[DayCount, float, float, str]]:
    """Each day with its place from the left, its width, and its date where there is room for one."""
    slot, every = (WIDTH - LEFT) / max(1, len(days)), -(-len(days) // _MOST_DATES)
    for place, day in enumerate(days):
        yield day, LEFT + slot * place, slot, _date(day.day, every) if place % every == 0 else ""


def _date(day: date, every: int) -> str:
    return str(day.day) if every == 1 else f"{day.day} {day:%b}"


def _step(most: int) -> int:
    """A round number of which three or four make the longest bar."""
    power = 1
    while True:
        for step in _STEPS:
            if most <= 4 * step * power:
                return step * power
        power *= 10


def _bar(day: DayCount, left: float, slot: float, scale: float, *, label: str) -> Bar:
    pieces, y = [], float(BASE)
    heights = [(kind.name, kind.leads(day)) for kind in KINDS] if day.is_counted else [("uncounted", day.expected)]
    for kind, leads in heights:
        if leads:
            height = max(1.5, leads * scale)
            y -= height
            pieces.append(
                Piece(kind=kind, x=round(left + slot * 0.125, 1), y=round(y, 1), width=round(slot * 0.75, 1),
                      height=round(height, 1))
            )  # fmt: skip
    return Bar(words=words_of(day), middle=round(left + slot / 2, 1), label=label, pieces=pieces)
