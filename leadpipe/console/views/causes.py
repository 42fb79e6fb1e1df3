"""Why leads wait: one group for each state and reason, with the cause and its fix."""

from typing import TYPE_CHECKING

from leadpipe.model.record import State
from leadpipe.operations.overview import waiting_of

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit

REFRESH_SECONDS = 10


def show(visit: "Visit") -> "Response":
    found = waiting_of(visit.ports, visit.at, visit.console.comebacks)
    groups = found.groups
    counts = {state: sum(group.leads for group in groups if group.state is state) for state in State}
    visit.console.count(causes=counts[State.POISONED], fallback=counts[State.FALLBACK])
    groups.sort(key=lambda group: (group.state is not State.POISONED, -group.leads))
    return visit.page("causes.html", page="causes", title="Causes", found=found, refresh=REFRESH_SECONDS)
