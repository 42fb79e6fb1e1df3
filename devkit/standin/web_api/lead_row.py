"""What the server itself puts into a lead's row, and how a row is read back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.lead_columns import DEFAULTS, link_column
from devkit.standin.web_api.lead_validation import Changes, check_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devkit.standin.organisation.lead_store import Lead


def created_row(leadid: str, changes: Changes, user_id: str) -> dict[str, Any]:
    now = _now()
    sent = {name: value for name, value in changes.columns.items() if value is not None}
    row = {
        "leadid": leadid,
        **DEFAULTS,
        **sent,
        "createdon": now,
        "modifiedon": now,
        link_column("ownerid"): user_id,
        **_links(changes),
    }
    return row | {"fullname": _full_name(row)}


def revised_row(row: dict[str, Any], changes: Changes) -> dict[str, Any]:
    revised = row | changes.columns | _links(changes) | {"modifiedon": _now()}
    check_state(revised)
    return revised | {"fullname": _full_name(revised)}


def readable(lead: Lead, columns: list[str] | None, known: Iterable[str]) -> dict[str, Any]:
    """The id comes along whether asked for or not; None asks for all that are known."""
    wanted = known if columns is None else (*columns, "leadid")
    return {"@odata.etag": f'W/"{lead.version}"', **{name: lead.columns.get(name) for name in wanted}}


def _links(changes: Changes) -> dict[str, str]:
    return {link_column(link): reference.row_id for link, reference in changes.links.items()}


def _full_name(row: dict[str, Any]) -> str:
    return " ".join(part for part in (row.get("firstname"), row.get("lastname")) if part)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
