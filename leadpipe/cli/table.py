"""Prints records as a table: drawn on a terminal, in plain aligned columns anywhere else.

Only a column with `at_most` is cut, so that a list stays readable; `leadpipe show ID` shows all of a value. On a
terminal that is too narrow each record takes several lines: its key columns, then the others. Rows are laid out page by
page, so that a list of any length needs the memory of one page.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from leadpipe.cli.json_output import Fields, print_json
from leadpipe.cli.terminal_text import one_line
from leadpipe.model.duration import in_words
from leadpipe.model.record import State
from leadpipe.operations.span import moment

PAGE = 200
GAP = 2
INDENT = 4
NARROWEST = 20  # for a value beside its title
_STYLES = {
    State.WRITTEN: "green",
    State.MERGED: "green",
    State.POISONED: "bold red",
    State.REJECTED: "red",
    State.DEFERRED: "yellow",
    State.FALLBACK: "yellow",
}
_RIGHT = (int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A field of the records, under a title. `key`: on a narrow terminal too it is on the record's first line.

    `at_most`: the width on the screen to which its text is cut.
    """

    title: str
    field: str
    key: bool = False
    at_most: int | None = None


def columns(
    keys: Sequence[str],
    rest: Sequence[str] = (),
    *,
    titles: Mapping[str, str] = MappingProxyType({}),
    at_most: Mapping[str, int] = MappingProxyType({}),
) -> tuple[TableColumn, ...]:
    """A column for each field. `titles`: where the title is not the field's name in capitals, without `_at`."""
    named = {field: field.removesuffix("_at").replace("_", " ").upper() for field in (*keys, *rest)} | {**titles}
    return tuple(
        TableColumn(title=title, field=field, key=field in keys, at_most=at_most.get(field))
        for field, title in named.items()
    )


# How many leads are in each state.
STATE_COLUMNS = columns(("state", "leads"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    text: str
    style: str = ""
    right: bool = False


def print_table(records: Iterable[Fields], columns: Sequence[TableColumn]) -> int:
    """Prints the records and returns their number. The header comes with the first, so none means no output."""
    count = 0
    widths = [cell_len(column.title) for column in columns]
    left = iter(records)
    while page := list(islice(left, PAGE)):
        rows = [[_cell(record.get(column.field), column.at_most) for column in columns] for record in page]
        widths = [max([width, *(cell_len(row[n].text) for row in rows)]) for n, width in enumerate(widths)]
        _print_page(rows, columns, widths, header=count == 0)
        count += len(rows)
    return count


def print_records(records: Iterable[Fields], columns: Sequence[TableColumn], *, as_json: bool) -> int:
    """Prints the records as a JSON array or as a table, and returns their number."""
    return print_json(records) if as_json else print_table(records, columns)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Prints one record's fields, a line each; empty ones are left out."""
    cells = [(title, _cell(value)) for title, value in facts]
    cells = [(title, cell) for title, cell in cells if cell.text]
    width = max((cell_len(title) for title, _ in cells), default=0)
    if not sys.stdout.isatty():
        for title, cell in cells:
            sys.stdout.write(f"{_padded(title, width)}{' ' * GAP}{cell.text}\n")
        return
    screen = console()
    if screen.width < width + GAP + NARROWEST:
        for title, cell in cells:
            screen.print(Text(title, "dim"))
            screen.print(Padding(Text(cell.text, cell.style), (0, 0, 0, INDENT)), overflow="fold")
        return
    grid = Table.grid(padding=(0, GAP, 0, 0))
    grid.add_column(style="dim", no_wrap=True, min_width=width)
    grid.add_column(overflow="fold")
    for title, cell in cells:
        grid.add_row(title, Text(cell.text, cell.style))
    screen.print(grid)


def console() -> Console:
    """A console that prints every text as it is: no markup, no emoji codes, no colours for what looks like a number."""
    colors: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"  # Rich would leave bold and dim
    return Console(highlight=False, markup=False, emoji=False, color_system=colors)


def text_of(value: object) -> str:
    """A field's value for people, on one line and harmless to the terminal."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else ""
        case datetime():
            return moment(value)
        case timedelta():
            return in_words(value)
        case _:
            return one_line(str(value))


def _cell(value: object, at_most: int | None = None) -> _Cell:
    style = _STYLES.get(value, "") if isinstance(value, State) else ""
    text = Text(text_of(value))
    if at_most is not None:
        text.truncate(at_most, overflow="ellipsis")
    return _Cell(text=text.plain, style=style, right=isinstance(value, _RIGHT) and not isinstance(value, bool))


def _print_page(rows: list[list[_Cell]], columns: Sequence[TableColumn], widths: list[int], *, header: bool) -> None:
    if not sys.stdout.isatty():
        _print_plain(rows, columns, widths, header=header)
        return
    screen = console()
    if sum(widths) + GAP * len(widths) <= screen.width:
        screen.print(_drawn(rows, columns, widths, header=header))
    else:
        _print_blocks(screen, rows, columns, widths, header=header)


def _print_plain(rows: list[list[_Cell]], columns: Sequence[TableColumn], widths: list[int], *, header: bool) -> None:
    titles = [[_Cell(text=column.title, right=rows[0][n].right) for n, column in enumerate(columns)]] if header else []
    for row in titles + rows:
        # An empty cell is shown, so that a program that splits at white space counts the columns right.
        cells = (_padded(cell.text or "-", widths[n], right=cell.right) for n, cell in enumerate(row))
        sys.stdout.write((" " * GAP).join(cells).rstrip() + "\n")


def _drawn(rows: list[list[_Cell]], columns: Sequence[TableColumn], widths: list[int], *, header: bool) -> Table:
    # The box itself puts one blank between two columns.
    table = Table(box=box.SIMPLE_HEAD, show_header=header, padding=(0, GAP - 1, 0, 0), show_edge=False)
    for n, column in enumerate(columns):
        table.add_column(column.title, width=widths[n], justify="right" if rows[0][n].right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell.text, cell.style) for cell in row))
    return table


def _print_blocks(
    screen: Console, rows: list[list[_Cell]], columns: Sequence[TableColumn], widths: list[int], *, header: bool
) -> None:
    """Each record in lines: the key columns one below the other, the rest indented under them with its titles."""
    keys = [n for n, column in enumerate(columns) if column.key]
    if header:
        titles = (_padded(columns[n].title, widths[n], right=rows[0][n].right) for n in keys)
        screen.print(Text((" " * GAP).join(titles), "bold"))
    for row in rows:
        cells = (Text(_padded(row[n].text, widths[n], right=row[n].right), row[n].style) for n in keys)
        screen.print(Text(" " * GAP).join(cells), overflow="fold")
        rest = [f"{columns[n].title.lower()} {cell.text}" for n, cell in enumerate(row) if n not in keys and cell.text]
        for line in _filled(rest, screen.width - INDENT):
            screen.print(Padding(Text(line, "dim"), (0, 0, 0, INDENT)), overflow="fold")


def _filled(texts: Iterable[str], width: int) -> Iterator[str]:
    """The texts on as few lines as they fit on; one that is too wide by itself gets a line of its own."""
    line = ""
    for text in texts:
        if line and cell_len(f"{line} · {text}") > width:
            yield line
            line = ""
        line = f"{line} · {text}" if line else text
    if line:
        yield line


def _padded(text: str, width: int, *, right: bool = False) -> str:
    filling = " " * (width - cell_len(text))
    return filling + text if right else text + filling
