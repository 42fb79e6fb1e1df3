"""Draws counts as bars on a terminal: a line each, with a part for each kind of thing counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

LONGEST, SHORTEST = 40, 10
_GAP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How a kind is drawn. `mark` tells it from the others where there are no colours, `ascii_mark` everywhere."""

    kind: str
    mark: str
    ascii_mark: str
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """`counts`: how many of each kind. `note`: what stands behind the bar."""

    title: str
    counts: Mapping[str, int]
    note: str = ""

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def draw_bars(screen: Console, bars: Sequence[Bar], parts: Sequence[Part]) -> None:
    """Prints the bars to one scale, and below them which mark is which. A kind without a part is not drawn."""
    shown = [part for part in parts if any(bar.counts.get(part.kind) for bar in bars)]
    longest = _longest(screen.width, bars) - len(shown)
    scale = longest / max(bar.total for bar in bars)
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for bar in bars:
        grid.add_row(Text(bar.title), str(bar.total), _drawn(bar, shown, scale, screen), Text(bar.note, "dim"))
    screen.print(grid)
    legend = (Text.assemble((_mark(part, screen), part.style), f" {part.kind}") for part in shown)
    screen.print(Text("  ").join(legend))


def _longest(width: int, bars: Sequence[Bar]) -> int:
    """How long the longest bar is, so that the notes fit beside it where there is room."""
    taken = max(len(bar.title) for bar in bars) + max(len(str(bar.total)) for bar in bars)
    left = width - taken - max(len(bar.note) for bar in bars) - 4 * _GAP
    return max(SHORTEST, min(LONGEST, left))


def _drawn(bar: Bar, parts: Sequence[Part], scale: float, screen: Console) -> Text:
    """The bar; a kind that occurs has at least one mark, however few they are."""
    counted = ((part, bar.counts.get(part.kind, 0)) for part in parts)
    return Text.assemble(
        *((_mark(part, screen) * max(1, round(count * scale)), part.style) for part, count in counted if count)
    )


def _mark(part: Part, screen: Console) -> str:
    return part.mark if screen.encoding.lower().startswith("utf") else part.ascii_mark
