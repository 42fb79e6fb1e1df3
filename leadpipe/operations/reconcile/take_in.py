"""Takes in the rows that never came here, through the door that `leadpipe import` uses: each once, however often."""

from collections.abc import Iterable, Iterator, Mapping

from leadpipe.operations.decisions import Result
from leadpipe.operations.moving.found import FoundLead
from leadpipe.operations.reconcile.export import Row
from leadpipe.operations.take_in import Item, TakingIn


def rows_taken_in(keys: Iterable[str], rows: Mapping[str, Row], taking: TakingIn) -> Iterator[tuple[str, Result]]:
    """Each row's key with its result. A row without a date is received now. Ends where storage does not answer."""
    begun: list[str] = []

    def items() -> Iterator[Item]:
        for key in keys:
            begun.append(key)
            yield _item(rows[key])

    for number, result in enumerate(taking.results(items())):
        yield begun[number], result


def _item(row: Row) -> Item:
    payload = row.payload()
    return Item(name=row.place, key=row.key, text=payload, at=row.at, leads=[FoundLead(payload=payload)])
