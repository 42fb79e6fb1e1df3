"""Says when two values of a fact agree: what can be counted is equal, what is measured lies in a range."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any, assert_never

_LONGEST_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Same:
    """Has to be equal. `value` is made of what JSON knows."""

    value: Any

    def __str__(self) -> str:
        return _short(_text(self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds that were measured, once or more at each position, such as the n-th wait of each series.

    `spread` covers the jitter that is part of a rule: Microsoft's is 20 % either way, so that two measurements of one
    rule can be as far apart as 1.2 and 0.8. `early` is how much earlier than that a value may be. `late` is how much
    later: a loaded machine delays everything and hastens nothing.
    """

    positions: tuple[tuple[float, ...], ...]
    spread: float = 1.5
    early: float = 0.1
    late: float = 1.5

    def __str__(self) -> str:
        return _short(", ".join(_range(position) for position in self.positions) + " s") if self.positions else "never"

    def has(self, ours: "Times") -> bool:
        """Say whether measurements of another host fit these, position by position."""
        return len(self.positions) == len(ours.positions) and all(
            self._low(position) <= value <= self._high(position)
            for position, values in zip(self.positions, ours.positions, strict=True)
            for value in values
        )

    def _low(self, position: tuple[float, ...]) -> float:
        return min(position) / self.spread - self.early

    def _high(self, position: tuple[float, ...]) -> float:
        return max(position) * self.spread + self.late


Value = Same | Times


def agree(theirs: Value, ours: Value) -> bool:
    match theirs:
        case Same():
            return theirs == ours
        case Times():
            return isinstance(ours, Times) and theirs.has(ours)
        case _:
            assert_never(theirs)


def counted(values: list[Any]) -> list[str]:
    """Write equal neighbours once, with their number."""
    groups = [[_text(value) for value in group] for _, group in groupby(values)]
    return [group[0] if len(group) == 1 else f"{len(group)} × {_bracketed(group[0])}" for group in groups]


def _bracketed(text: str) -> str:
    return f"({text})" if "," in text or "×" in text else text


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case []:
            return "–"
        case list():
            return ", ".join(_text(item) for item in value)
        case dict():
            return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
        case _:
            return str(value)


def _range(values: tuple[float, ...]) -> str:
    low, high = (f"{value:.1f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
