"""Who did what, the newest first."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest

from leadpipe.model.lead_id import EARLIEST, MOST_AHEAD
from leadpipe.operations.activity import activity_until

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit


def show(visit: "Visit") -> "Response":
    found = activity_until(visit.ports.ledger, _until(visit))
    before = found.first - timedelta(days=1)
    return visit.page(
        "activity.html",
        page="activity",
        title="Activity",
        found=found,
        older=f"/activity?until={before.isoformat()}" if before >= EARLIEST.date() else "",
    )


def _until(visit: "Visit") -> date:
    given = visit.given("until")
    try:
        return date.fromisoformat(given) if given else (visit.at + MOST_AHEAD).date()
    except ValueError as error:
        raise BadRequest("`until` is a day like 2026-11-01") from error
