"""Reads a CSV file as Partner Center, Excel or an editor left it: its encoding, its separator, and each damaged row.

A row that cannot be read never hides those behind it: reading begins again at the next line.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from leadpipe.operations.reconcile.columns import Taken, UnusableExport, listed, taken_columns

LARGEST_FILE = 64 * 1024 * 1024
SEPARATORS = (",", ";", "\t", "|")
# A quoted text may go over several lines. One that goes on for longer was never closed.
MOST_LINES_OF_A_ROW = 200
_ENCODINGS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
WINDOWS = "cp1252"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """A row of the file. `line`: where it begins, counted from 1. `damage`: why it cannot be read; then no cells.

    `is_short`: the file has fewer cells in it than in the header; empty ones were added.
    """

    line: int
    cells: Sequence[str] = ()
    is_short: bool = False
    damage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`encoding`: as which the file was read. `rows`: all of them, without the blank ones."""

    encoding: str
    taken: Taken
    rows: Sequence[Cells]


def table_of(content: bytes, named: Mapping[str, str]) -> Table:
    """Raises UnusableExport, whose text does not name the file."""
    text, encoding = _decoded(content)
    lines = [*io.StringIO(text, newline="")]
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise UnusableExport("the file is empty: export it again")
    named_separator = lines[first].strip("\r\n ")
    if named_separator.lower().startswith("sep="):  # for Excel
        first += 1
    separators = [each for each in SEPARATORS if each == named_separator[4:]] or SEPARATORS
    header, after, separator = _header(lines, first, separators)
    taken = taken_columns(header, named)
    if not taken.names_somebody:
        raise UnusableExport(
            f"no column has an e-mail address or a name. There are: {listed(header)}. Name the columns in a file for"
            ' --columns, with lines such as email = "E-Mail-Adresse"'
        )
    return Table(encoding=encoding, taken=taken, rows=[*_rows(lines, after, len(header), separator)])


def _decoded(content: bytes) -> tuple[str, str]:
    if len(content) > LARGEST_FILE:
        raise UnusableExport(f"larger than {LARGEST_FILE // 1024 // 1024} MiB: export fewer leads at once")
    encoding = next((name for mark, name in _ENCODINGS.items() if content.startswith(mark)), "")
    if not encoding and content[:2].count(0) == 1:  # Latin letters in UTF-16, without a mark
        encoding = "utf-16-le" if content[1] == 0 else "utf-16-be"
    try:
        return content.decode(encoding or "utf-8"), encoding or "utf-8"
    except UnicodeDecodeError as error:
        if encoding:
            raise UnusableExport(f"the file is damaged: byte {error.start} is not {encoding.upper()}") from error
    return content.decode(WINDOWS, "replace"), WINDOWS


def _header(lines: Sequence[str], first: int, separators: Sequence[str]) -> tuple[list[str], int, str]:
    """The header's names, the number of the line after it, and the separator with which it has the most fields."""
    found: list[tuple[int, int, int, list[str], int, str]] = []
    for separator in separators:
        row, after = _row(lines, first, separator)
        if row:
            found.append((len(taken_columns(row, {}).places), len(row), -len(found), row, after, separator))
    if not found:
        raise UnusableExport("the header cannot be read: export it again")
    *_, header, after, separator = max(found)
    return header, after, separator


def _rows(lines: Sequence[str], first: int, width: int, separator: str) -> Iterator[Cells]:
    while first < len(lines):
        row, after = _row(lines, first, separator)
        if row is not None and any(cell.strip() for cell in row):
            if damage := _damage(row, width):
                row, after = None, first + 1
            else:
                cells = [*row, *[""] * (width - len(row))]
                yield Cells(line=first + 1, cells=cells, is_short=len(row) < width)
        else:
            damage = "its quotes do not close, or a cell is too long" if row is None else ""
        if damage:
            yield Cells(line=first + 1, damage=damage)
        first = after


def _row(lines: Sequence[str], first: int, separator: str) -> tuple[list[str] | None, int]:
    """The row that begins on that line, and the number of the line after it; None where its quotes do not close."""
    reader = csv.reader(islice(lines, first, first + MOST_LINES_OF_A_ROW), delimiter=separator, strict=True)
    try:
        return next(reader, []), first + max(1, reader.line_num)
    except csv.Error:
        return _loosely_quoted(lines[first], separator), first + 1


def _loosely_quoted(line: str, separator: str) -> list[str] | None:
    """The row of one line that quotes in its own way, such as `"Jane" Doe`; None if it is not a row by itself."""
    if line.count('"') % 2:
        return None
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return None


def _damage(row: Sequence[str], width: int) -> str:
    """Excel leaves empty cells at a row's end out; it never adds one with a text."""
    filled = max(number for number, cell in enumerate(row, start=1) if cell.strip())
    if filled > width:
        return f"it has {filled} cells, the header has {width}"
    if filled == 1 < width and len(row) == 1:
        return f"it has 1 cell, the header has {width}"
    return ""
