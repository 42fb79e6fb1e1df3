"""Takes in the rows that the marketplace wrote before the first sweep."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from leadpipe.model.ports import Arrival, Ports
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.span import moment
from leadpipe.sweep.arrivals import take_in
from leadpipe.sweep.guard import Guard


def not_taken_in(since: datetime, ports: Ports) -> Iterator[Arrival]:
    """The marketplace's rows that seem to have no lead yet: it does no harm to take one in twice.

    Raises what storage raised where it is away.
    """
    guard = Guard("import")
    for arrival in ports.fallback.arrivals(since):
        known = False
        with guard.item(row=arrival.key):
            claim = ports.claims.read(arrival.key)
            known = claim is not None and ports.ledger.read(claim.lead_id) is not None
        if not guard.goes_on() and guard.failure is not None:
            raise guard.failure
        if not known:
            yield arrival


def taken_in(keys: Iterable[str], rows: Mapping[str, Arrival], ports: Ports) -> Iterator[Result]:
    """The result for each row. Ends where storage does not answer."""
    guard = Guard("import")
    for key in keys:
        lead_id = ""
        with guard.item(row=key):
            lead_id = take_in(rows[key], ports)
        if lead_id:
            yield Result(lead_id=lead_id, outcome=Outcome.TAKEN_IN)
        elif guard.failure is not None:
            failed = Result.of_error("", guard.failure)
            detail = f"row {key}, last written {moment(rows[key].at)}: {failed.detail}"
            yield replace(failed, outcome=Outcome.FAILED, detail=detail)
        if not guard.goes_on():
            return
