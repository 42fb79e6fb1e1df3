"""Reads the query options of OData that the stand-in supports. It refuses the others instead of ignoring them.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/overview
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from devkit.standin.refusal import Refusal, not_supported
from devkit.standin.web_api.odata_filter import matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from devkit.standin.organisation.table import Table

    Rows = list[dict[str, Any]]

_KNOWN = {"$select", "$filter", "$top", "$orderby", "$count"}
# Dataverse puts at most 5,000 rows in one page.
_MOST_ROWS = 5000


def check_options(options: Iterable[str], *more: str) -> None:
    for option in options:
        if option.startswith("$") and option not in {*_KNOWN, *more}:
            raise not_supported(f"The query option {option}")


def selected(options: Mapping[str, str], table: Table) -> list[str] | None:
    if "$select" not in options:
        return None
    check = column_check(table)
    names = [name.strip() for name in options["$select"].split(",") if name.strip()]
    for name in names:
        check(name)
    return names


def column_check(table: Table) -> Callable[[str], None]:
    known = frozenset(table.readable)

    def check(name: str) -> None:
        if name not in known:
            entity = f"Microsoft.Dynamics.CRM.{table.entity}"
            raise Refusal(400, "0x0", f"Could not find a property named '{name}' on type '{entity}'.")

    return check


def chooser(options: Mapping[str, str], check: Callable[[str], None] | None = None) -> Callable[[Rows], Rows]:
    """Gives a function that selects rows by $filter and sorts them by $orderby. `check` refuses unknown columns."""
    matches = matcher(options.get("$filter", ""), check=check)
    column, descending = _order(options.get("$orderby"))
    if column and check:
        check(column)

    def chosen(rows: Rows) -> Rows:
        found = [row for row in rows if matches(row)]
        return sorted(found, key=lambda row: _rank(row.get(column)), reverse=descending) if column else found

    return chosen


def most_rows(options: Mapping[str, str]) -> int:
    top = options.get("$top", str(_MOST_ROWS))
    if not top.isdecimal():
        raise Refusal(400, "0x0", "Invalid value for $top query option found.")
    return min(int(top), _MOST_ROWS)


def _order(text: str | None) -> tuple[str | None, bool]:
    if text is None:
        return None, False
    found = re.fullmatch(r"(\w+)(?:\s+(asc|desc))?", text.strip())
    if found is None:
        raise not_supported("An $orderby of more than one column")
    return found[1], found[2] == "desc"


def _rank(value: Any) -> tuple[bool, Any]:
    """Sorts empty values first."""
    return value is not None, value if isinstance(value, (int, float, str)) else str(value)
