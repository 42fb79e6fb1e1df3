"""Who did what, the newest first."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from werkzeug.exceptions import BadRequest

from leadpipe.model.lead_id import MOST_AHEAD
from leadpipe.operations.activity import activity_until
from leadpipe.operations.span import day_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit


def show(visit: "Visit") -> "Response":
    found = activity_until(visit.ports.ledger, _until(visit))
    before, oldest = found.first - timedelta(days=1), visit.ports.ledger.first_day()
    return visit.page(
        "activity.html",
        page="activity",
        title="Activity",
        found=found,
        older=f"/activity?until={before.isoformat()}" if oldest and oldest <= before else "",
    )


def _until(visit: "Visit") -> date:
    given = visit.given("until")
    try:
        return (day_of(given) if given else visit.at + MOST_AHEAD).date()
    except ValueError as error:
        raise BadRequest(str(error)) from error
