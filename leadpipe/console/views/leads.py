"""Lists of leads: all of them with filters, those in the fallback table, and the rejected posts."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from leadpipe.console.masking import Mask, masked
from leadpipe.model.lead_id import is_lead_id
from leadpipe.model.record import TO_LIST, Record, State
from leadpipe.operations.find import Search
from leadpipe.operations.listing import PAGE_SIZE, Page, page_of
from leadpipe.operations.span import since_of
from leadpipe.operations.state_counts import StateCounts, counts_of

if TYPE_CHECKING:
    from leadpipe.console.site import Visit

REFRESH_SECONDS = 10
EXPORTED = 5000
# A table program takes a cell that begins with one of these for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_OPEN = "open"
_GROUPS = {_OPEN: frozenset({State.ACCEPTED, State.DEFERRED, State.FALLBACK})}
_FILTERS = ("q", "state", "cause", "offer", "since")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    record: Record
    email: str
    detail: str


def show(visit: "Visit") -> Response:
    wanted = visit.given("q").strip("{}").lower()
    if is_lead_id(wanted):
        return visit.go(f"/leads/{wanted}")
    return _list(
        visit,
        "leads",
        _search(visit),
        filters={name: visit.given(name) for name in _FILTERS},
        csv=_address(visit, "/leads.csv"),
        counts=_counts(visit),
        sides=[*_sides(visit)],
        states=[_OPEN, *map(str, State)],
        refresh=None if visit.given("after") else REFRESH_SECONDS,
    )


def _counts(visit: "Visit") -> StateCounts:
    """How many leads are in each state, of those that the other filters choose."""
    key = tuple(visit.given(name) for name in (*_FILTERS, "canary") if name != "state")
    ledger, search = visit.ports.ledger, _search(visit)
    return visit.console.counts.get(key, lambda: counts_of(ledger, search, at=visit.at), at=visit.at)


def _sides(visit: "Visit") -> Iterator[tuple[str, str]]:
    """Each state with the address that chooses it beside the other filters; the first one chooses all."""
    for name in ("", _OPEN, *map(str, State)):
        yield name, _address(visit, "/leads", state=name)


def show_fallback(visit: "Visit") -> Response:
    """The leads that rest until Dynamics is back, or until an organisation is set."""
    return _list(
        visit,
        "fallback",
        Search(states=frozenset({State.FALLBACK})),
        has_dynamics=visit.target.settings.dataverse is not None,
        refresh=REFRESH_SECONDS,
    )


def show_rejected(visit: "Visit") -> Response:
    """Posts that were not leads, or that came with a wrong key."""
    return _list(visit, "rejected", Search(states=frozenset({State.REJECTED})))


def export(visit: "Visit") -> Response:
    """The list as CSV, without a person's name or address."""
    page = _page(visit, _search(visit), size=EXPORTED)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("lead_id", "received_at", "state", "reason", "offer", "source", "company", "attempt", "written_at"))
    for record in page.records:
        cells = (record.lead_id, _iso(record.received_at), record.state, record.reason, record.offer, record.source)
        more = (record.company, record.attempt, _iso(record.written_at) if record.written_at else "")
        rows.writerow([defused(str(cell)) for cell in (*cells, *more)])
    headers = {"Content-Disposition": 'attachment; filename="leads.csv"'}
    return Response(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def defused(cell: str) -> str:
    """The cell as text for a table program, whatever it begins with."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) or cell.startswith(_FORMULA) else cell


def _search(visit: "Visit") -> Search:
    """Raises BadRequest for a state or a span that there is not."""
    named = visit.given("state")
    if named not in {"", *_GROUPS, *State}:
        raise BadRequest(f"there is no state {named!r}; there are {', '.join([_OPEN, *State])}")
    states = _GROUPS.get(named) or (frozenset({State(named)}) if named else None)
    try:
        since = since_of(visit.given("since"), visit.at) if visit.given("since") else None
    except ValueError as error:
        raise BadRequest(str(error)) from error
    return Search(
        states=states,
        reasons=frozenset(filter(None, (visit.given("cause"),))),
        since=since,
        offer=visit.given("offer"),
        text=visit.given("q"),
        canaries=visit.given("canary") == "1",
    )


def _list(visit: "Visit", name: str, search: Search, **more: Any) -> Response:
    """The page of that name, with the leads that the search finds."""
    page = _page(visit, search, fields=TO_LIST)
    older = _address(visit, f"/{name}", after=page.older) if page.older else ""
    rows = [*_rows(page)]
    return visit.page(f"{name}.html", page=name, title=name.title(), rows=rows, found=page, older=older, **more)


def _page(visit: "Visit", search: Search, *, size: int = PAGE_SIZE, fields: frozenset[str] | None = None) -> Page:
    after = visit.given("after")
    if after and not is_lead_id(after):
        raise BadRequest("`after` is not a lead id")
    return page_of(visit.ports.ledger, search, today=visit.at.date(), after=after, size=size, fields=fields)


def _rows(page: Page) -> Iterator[Row]:
    for record in page.records:
        mask = Mask(record, None, revealed=False)
        yield Row(record=record, email=masked(record.email), detail=mask(record.detail))


def _address(visit: "Visit", path: str, **more: str) -> str:
    """The page with the filters that are set, to be linked to."""
    given = {name: visit.given(name) for name in (*_FILTERS, "canary")} | more
    query = {name: value for name, value in given.items() if value}
    return f"{path}?{urlencode(query)}" if query else path


def _iso(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
