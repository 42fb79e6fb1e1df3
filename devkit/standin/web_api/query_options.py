"""The query options of OData that the stand-in understands; others are refused rather than overlooked.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/overview
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.lead_store import Search
from devkit.standin.refusal import Refusal, not_supported

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_KNOWN = {"$select", "$filter", "$top", "$orderby", "$count"}
_TERM = re.compile(
    r"""\(*\s*(?P<column>\w+)\s+(?P<operator>eq|ne|gt|ge|lt|le)\s+
    (?P<value>'(?:[^']|'')*'|null|true|false|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\d{4}-\d\d-\d\d(?:T[\d:.]+Z)?|-?\d+(?:\.\d+)?)
    \s*\)*\s*(?:(?P<and>and)\s+|$)""",
    re.VERBOSE,
)
_OPERATORS = {"eq": "IS", "ne": "IS NOT", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def selected(options: Mapping[str, str], known: Collection[str]) -> list[str] | None:
    if "$select" not in options:
        return None
    return [_known_column(name.strip(), known) for name in options["$select"].split(",") if name.strip()]


def search_of(options: Mapping[str, str], known: Collection[str]) -> Search:
    """`known` are the columns that there are; no other name gets into the SQL."""
    for option in options:
        if option.startswith("$") and option not in _KNOWN:
            raise not_supported(f"The query option {option}")
    conditions, values = _conditions(options.get("$filter", ""), known)
    return Search(
        conditions=conditions,
        values=values,
        order=_order(options.get("$orderby"), known),
        limit=_limit(options.get("$top")),
    )


def _conditions(text: str, known: Collection[str]) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    values: list[Any] = []
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            raise not_supported("A $filter of other than comparisons joined by 'and'")
        conditions.append(f"{_stored(term['column'], known)} {_OPERATORS[term['operator']]} ? COLLATE NOCASE")
        values.append(_literal(term["value"]))
        position = term.end()
    return conditions, values


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    words: dict[str, Any] = {"null": None, "true": 1, "false": 0}
    if text in words:
        return words[text]
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    return text


def _order(text: str | None, known: Collection[str]) -> str:
    if text is None:
        return "rowid DESC"
    found = re.fullmatch(r"(\w+)(?:\s+(asc|desc))?", text.strip())
    if found is None:
        raise not_supported("An $orderby of more than one column")
    return f"{_stored(found[1], known)} {found[2] or 'asc'}"


def _limit(text: str | None) -> int:
    # 5,000 rows are the most that Dataverse puts in one page.
    if text is None:
        return 5000
    if not text.isdecimal():
        raise Refusal(400, "0x0", "Invalid value for $top query option found.")
    return min(int(text), 5000)


def _stored(column: str, known: Collection[str]) -> str:
    return f"json_extract(columns, '$.{_known_column(column, known)}')"


def _known_column(name: str, known: Collection[str]) -> str:
    if name not in known:
        raise Refusal(400, "0x0", f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.lead'.")
    return name
