"""Takes in the rows that the marketplace wrote before the first sweep."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from leadpipe.model.errors import LeadpipeError, reason_of
from leadpipe.model.ports import Arrival, Ports
from leadpipe.operations.causes import failure_in_words
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.span import moment
from leadpipe.sweep.arrivals import take_in
from leadpipe.sweep.guard import Guard


def not_taken_in(since: datetime, ports: Ports) -> Iterator[Arrival]:
    """The marketplace's rows that have no lead yet, as far as can be seen: taking one in twice does no harm.

    Raises what storage raised when it is away.
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
    """What became of each row; ends when storage no longer answers."""
    guard = Guard("import")
    for key in keys:
        lead_id = ""
        with guard.item(row=key):
            lead_id = take_in(rows[key], ports)
        if lead_id:
            yield Result(lead_id=lead_id, outcome=Outcome.TAKEN_IN)
        elif guard.failure is not None:
            yield _failed(rows[key], guard.failure)
        if not guard.goes_on():
            return


def _failed(row: Arrival, failure: Exception) -> Result:
    """The result for a row that could not be taken in. Of an exception not leadpipe's own only the kind is shown."""
    reason = reason_of(failure)
    words = failure_in_words(failure) if isinstance(failure, LeadpipeError) else f"a fault in leadpipe: {reason}"
    detail = f"row {row.key}, last written {moment(row.at)}: {words}"
    return Result(lead_id="", outcome=Outcome.FAILED, reason=reason, detail=detail)
