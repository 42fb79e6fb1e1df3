"""Prints what was measured beside its target, as a table or as JSON."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`value` is compared with the target; the texts say what it is made of."""

    name: str
    value: float
    unit: str
    ours: str
    bare: str = ""
    target: str
    reached: bool


_HEAD = ("", "ours", "bare", "result", "target", "")


def table(rows: Sequence[Row]) -> str:
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    return "\n".join(_line(line, widths) for line in cells)


def as_json(rows: Iterable[Row]) -> str:
    return json.dumps([asdict(row) for row in rows], indent=2)


def _cells(row: Row) -> tuple[str, ...]:
    mark = "reached" if row.reached else "MISSED"
    return row.name, row.ours, row.bare, f"{_number(row.value)} {row.unit}", row.target, mark


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
