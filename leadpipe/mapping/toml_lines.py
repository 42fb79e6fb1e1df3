"""Finds the line of each key in a TOML text, which tomllib does not report.

A TOML statement ends at a line's end outside of brackets and quotes, and is valid TOML by itself.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]


def lines_of(text: str) -> dict[Path, int]:
    """Maps each key, such as `("rules", 0, "when", "offer")`, to the line of its statement. The text must be TOML."""
    text = text.replace("\r\n", "\n")
    lines: dict[Path, int] = {}
    header: Path = ()
    tables: dict[Path, int] = {}  # array of tables -> how many it has so far
    for line, statement, parsed in _statements(text):
        if statement.lstrip().startswith("["):
            header = _header(parsed, tables)
            lines.setdefault(header, line)
        else:
            for path in _paths(parsed, header):
                lines.setdefault(path, line)
    return lines


def line_of(path: Path, lines: dict[Path, int]) -> int:
    """Gives the key's line, or that of the nearest table around it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    lines = text.split("\n")
    first = after = open_brackets = 0
    for line in unquoted(text).split("\n"):
        after += 1 + line.count(QUOTED_LINE_END)
        open_brackets += sum(map(line.count, "[{")) - sum(map(line.count, "]}"))
        if not open_brackets:
            statement = "\n".join(lines[first:after])
            yield first + 1, statement, tomllib.loads(statement)
            first = after


def _header(parsed: dict[str, Any], tables: dict[Path, int]) -> Path:
    """Reads `[a.b]` or `[[a.b]]`; where `a` is an array of tables, its last one is meant."""
    path: Path = ()
    node: Any = parsed
    while isinstance(node, dict) and node:
        key, node = next(iter(node.items()))
        path = (*path, key)
        if isinstance(node, list):
            tables[path] = tables.get(path, 0) + 1
        if path in tables:
            path = (*path, tables[path] - 1)
    return path


def _paths(node: Any, base: Path) -> Iterator[Path]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*base, key)
        yield from _paths(value, (*base, key))


# Replaces a line end within quotes. TOML has no other use for it once Windows' line ends are gone.
QUOTED_LINE_END = "\r"
# An unclosed quote matches to the end of the text: it is not TOML, and must not be searched again and again.
_QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"{3,5}|\\?\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\[^\n]|[^"\\\n])*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*",
    re.DOTALL,
)
_BETWEEN_KEYS = re.compile(r"[^=,\[\]{}\n]+")


def unquoted(text: str) -> str:
    return _QUOTED.sub(lambda quoted: QUOTED_LINE_END * quoted[0].count("\n"), text)


def line_of_long_key(text: str, most_parts: int) -> int | None:
    """Finds the first key `a.b.c` with more parts; tomllib's time grows with the square of their number."""
    left = unquoted(text)
    for between in _BETWEEN_KEYS.finditer(left):
        if between[0].count(".") >= most_parts:
            before = left[: between.start()]
            return before.count("\n") + before.count(QUOTED_LINE_END) + 1
    return None
