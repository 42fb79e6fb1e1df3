"""Fills a ledger with many leads, day by day, in entity-group transactions of 100 rows, several at a time."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from azure.data.tables import TableServiceClient

from bench.leads import next_lead
from bench.stage import LEDGER, Account
from leadpipe.model.lead_id import ENTROPY_BYTES, new_lead_id
from leadpipe.model.record import Record
from leadpipe.storage.rows import row_of_record

# The most that one transaction takes.
# https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
_TRANSACTION = 100
_AT_ONCE = 4


def fill(account: Account, records: Iterable[Record]) -> None:
    """Inserts the records. They must come in the order of their days."""
    with TableServiceClient.from_connection_string(account.connection_string) as service:
        table = service.get_table_client(LEDGER)

        def put(rows: list[dict[str, Any]]) -> None:
            table.submit_transaction([("create", row) for row in rows])

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _ in threads.map(put, _transactions(records)):
                pass


def leads(
    count: int, *, newest: datetime, span: timedelta, settle: Callable[[int, Record], Record]
) -> Iterator[Record]:
    """Makes so many leads, evenly over the span that ends with `newest`. `settle` gives each its outcome."""
    chance = random.Random(7)  # noqa: S311 - the same ledger each time
    for number in range(count):
        lead_id = new_lead_id(newest - span * number / count, chance.randbytes(ENTROPY_BYTES))
        record = replace(Record.accepted(lead_id, next_lead().decode()), next_try_at=None)
        yield settle(number, record)


def _transactions(records: Iterable[Record]) -> Iterator[list[dict[str, Any]]]:
    rows = map(row_of_record, records)
    for _, day in itertools.groupby(rows, key=lambda row: row["PartitionKey"]):
        while some := list(itertools.islice(day, _TRANSACTION)):
            yield some
