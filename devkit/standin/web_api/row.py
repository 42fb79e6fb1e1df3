"""Fills what the server itself puts into a row, and gives rows as clients read them back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.columns import link_column
from devkit.standin.web_api.validation import Changes, check_state

if TYPE_CHECKING:
    from devkit.standin.organisation.row_store import Row
    from devkit.standin.organisation.table import Table


def created_row(table: Table, row_id: str, changes: Changes, user_id: str) -> dict[str, Any]:
    now = _now()
    sent = {name: value for name, value in changes.columns.items() if value is not None}
    row = {
        table.key: row_id,
        **table.defaults,
        **sent,
        **_creation(sent, now),
        "modifiedon": now,
        **({link_column("ownerid"): user_id} if "ownerid" in table.links else {}),
        **_links(changes),
    }
    return row | _computed(table, row)


def _creation(sent: dict[str, Any], now: str) -> dict[str, str]:
    """Moves a date that was sent into createdon, and keeps the true one beside it."""
    if "overriddencreatedon" not in sent:
        return {"createdon": now}
    return {"createdon": sent["overriddencreatedon"], "overriddencreatedon": now}


def revised_row(table: Table, row: dict[str, Any], changes: Changes) -> dict[str, Any]:
    revised = row | changes.columns | _links(changes) | {"modifiedon": _now()}
    check_state(table, revised)
    return revised | _computed(table, revised)


def readable(table: Table, row: Row, columns: list[str] | None) -> dict[str, Any]:
    """Gives the row as read. The id always comes along; None asks for all columns."""
    wanted = table.readable if columns is None else (*columns, table.key)
    return {"@odata.etag": row.etag, **{name: row.columns.get(name) for name in wanted}}


def _links(changes: Changes) -> dict[str, str]:
    return {link_column(link): reference.row_id for link, reference in changes.links.items()}


def _computed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {name: compute(row) for name, compute in table.computed.items()}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
