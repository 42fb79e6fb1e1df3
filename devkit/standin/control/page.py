"""Shows the leads on a page, newest first. A lead may hold anything, so every value is escaped."""

from __future__ import annotations

import secrets
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from werkzeug.wrappers import Response

from devkit.standin.organisation.columns import link_column
from devkit.standin.origin import origin_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.wrappers import Request

    from devkit.standin.organisation.organisation import Organisation
    from devkit.standin.organisation.row_store import Row

_TEMPLATE = Path(__file__).with_name("page.html")
_SHOWN = 200
# Shown in the row itself, or uninteresting.
_NOT_IN_DETAILS = {"leadid", "fullname", "createdon", "modifiedon", "statecode", "statuscode"}


def page(organisation: Organisation, request: Request) -> Response:
    nonce = secrets.token_urlsafe(16)
    newest, total = organisation.leads.newest(_SHOWN), organisation.leads.count()
    notes = _by_lead(organisation.notes.newest())
    html = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        nonce=nonce,
        origin=Markup("{}").format(origin_of(request)),
        total=total,
        shown=_shown(len(newest), total),
        leads=_joined(_lead(lead, notes.get(lead.row_id, [])) for lead in newest) or _empty_row(4, "No lead yet."),
        faults=_joined(_fault(fault) for fault in organisation.faults.to_json()) or _empty_row(4, "None is on."),
        requests=_joined(_count(row) for row in organisation.counts.to_json()["counts"]) or _empty_row(4, "None yet."),
    )
    response = Response(html, mimetype="text/html")
    # Markup that was not escaped could neither run nor load anything.
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _lead(lead: Row, notes: list[Row]) -> Markup:
    columns = lead.columns
    return Markup(
        '<tr><td class="when"><time>{when}</time></td>'
        '<td><bdi class="who">{who}</bdi><br><bdi>{company}</bdi></td>'
        "<td><bdi>{subject}</bdi><br><bdi>{email}</bdi></td>"
        '<td><details id="{leadid}"><summary><code>{leadid}</code></summary><dl>{details}</dl></details></td></tr>'
    ).format(
        when=lead.created_at[:19].replace("T", " "),
        who=columns.get("fullname") or "(no name)",
        company=columns.get("companyname") or "",
        subject=columns.get("subject") or "",
        email=columns.get("emailaddress1") or "",
        leadid=lead.row_id,
        details=_joined(
            [
                *(_detail(name, value) for name, value in sorted(columns.items()) if _is_shown(name, value)),
                *(_detail(f"note: {note.columns.get('subject')}", note.columns.get("notetext")) for note in notes),
            ]
        ),
    )


def _by_lead(notes: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for note in notes:
        found.setdefault(note.columns.get(link_column("objectid_lead"), ""), []).append(note)
    return found


def _is_shown(name: str, value: Any) -> bool:
    return name not in _NOT_IN_DETAILS and not name.startswith("_") and value not in (None, False, "")


def _detail(name: str, value: Any) -> Markup:
    return Markup("<dt>{}</dt><dd><bdi>{}</bdi></dd>").format(name, value)


def _fault(fault: dict[str, Any]) -> Markup:
    left = "until cleared" if fault["count"] is None else fault["count"]
    return Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>").format(
        fault["kind"], left, fault["rate"], fault["fired"]
    )


def _count(row: dict[str, Any]) -> Markup:
    return Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>").format(
        row["method"], row["path"], row["status"] or "dropped", row["count"]
    )


def _empty_row(width: int, text: str) -> Markup:
    return Markup('<tr><td class="none" colspan="{}">{}</td></tr>').format(width, text)


def _shown(shown: int, total: int) -> str:
    return f", the newest {shown} shown" if total > shown else ""


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)
