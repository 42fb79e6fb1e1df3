"""Why leads wait: one group for each state and reason, with the cause and its fix."""

from typing import TYPE_CHECKING

from leadpipe.model.record import State
from leadpipe.operations.overview import unsettled_groups

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit

REFRESH_SECONDS = 10


def show(visit: "Visit") -> "Response":
    groups, is_cut = unsettled_groups(visit.ports, visit.at)
    counts = {state: sum(group.leads for group in groups if group.state is state) for state in State}
    visit.console.count(causes=counts[State.POISONED], fallback=counts[State.FALLBACK])
    groups.sort(key=lambda group: (group.state is not State.POISONED, -group.leads))
    return visit.page(
        "causes.html", page="causes", title="Causes", groups=groups, is_cut=is_cut, refresh=REFRESH_SECONDS
    )
