"""Takes in the rows that never came here, through the door that `leadpipe import` uses: each once, however often."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from leadpipe.model.ports import Arrival, Ports
from leadpipe.operations.decisions import Result
from leadpipe.operations.reconcile.export import Row
from leadpipe.operations.take_in import taken_in


def first_day_of(rows: Iterable[Row], now: datetime) -> date:
    """The first UTC day that gets a lead: the sweep has to look there again."""
    return min((row.at or now for row in rows), default=now).date()


def rows_taken_in(
    keys: Iterable[str], rows: Mapping[str, Row], ports: Ports, now: datetime
) -> Iterator[tuple[str, Result]]:
    """Each row's key with its result. A row without a date is received now. Ends where storage does not answer."""
    arrivals = {key: Arrival(key=key, at=row.at or now, payload=row.payload()) for key, row in rows.items()}
    begun: list[str] = []

    def each() -> Iterator[str]:
        for key in keys:
            begun.append(key)
            yield key

    for number, result in enumerate(taken_in(each(), arrivals, ports)):
        yield begun[number], result
