"""Tries the rights that the app needs and leaves nothing behind. Used by the doctor, not by the flow."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from azure.data.tables import TableClient, UpdateMode
from azure.storage.queue import QueueServiceClient

from leadpipe.storage import claims, fallback, ledger
from leadpipe.storage.answers import Ignoring, NotAnAnswerError, queue_missing, table_missing
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.poison_queue import POISON_QUEUE
from leadpipe.storage.queues import require_messages
from leadpipe.storage.tables import delete, update, version_in

# Sorts after all days and fingerprints, where nothing reads leads or claims.
_PARTITION = "~doctor"
# Hidden until a second before it expires, so nobody is likely to receive it if we die here.
_HIDDEN_SECONDS = 59
_LIVES_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A queue or table that was tried. `made`: it exists; otherwise the first lead makes it."""

    name: str
    made: bool


def try_queues(queues: QueueServiceClient) -> list[Store]:
    """Reads both queues and writes to `leads`. Raises StorageFailed."""
    return [
        _tried("queue", QUEUE, lambda: _try_to_put(queues)),
        _tried("queue", POISON_QUEUE, lambda: _try_to_peek(queues)),
    ]


def try_tables(storage: Storage) -> list[Store]:
    """Reads and writes each table. Raises StorageFailed."""
    return [
        _tried("table", ledger.TABLE, lambda: _try_to_insert(storage.table(ledger.TABLE))),
        _tried("table", claims.TABLE, lambda: _try_to_insert(storage.table(claims.TABLE))),
        # A new row could start a publisher's flow, so a change of a missing row is tried.
        _tried("table", fallback.TABLE, lambda: _try_to_change(storage.table(fallback.TABLE))),
    ]


def _tried(kind: str, name: str, attempt: Callable[[], None]) -> Store:
    with failures_of(f"{kind} {name}"), Ignoring(queue_missing, table_missing):
        attempt()
        return Store(name=name, made=True)
    return Store(name=name, made=False)


def _try_to_put(queues: QueueServiceClient) -> None:
    queue = queues.get_queue_client(QUEUE)
    queue.peek_messages(raw_response_hook=require_messages)
    sent = queue.send_message("leadpipe doctor", visibility_timeout=_HIDDEN_SECONDS, time_to_live=_LIVES_SECONDS)
    if not sent.id:
        raise NotAnAnswerError("no id of the message")
    queue.delete_message(sent.id, sent.pop_receipt)


def _try_to_peek(queues: QueueServiceClient) -> None:
    queues.get_queue_client(POISON_QUEUE).peek_messages(raw_response_hook=require_messages)


def _try_to_insert(table: TableClient) -> None:
    row = {"PartitionKey": _PARTITION, "RowKey": str(uuid.uuid4())}
    version_in(table.create_entity(row))
    delete(table, row["PartitionKey"], row["RowKey"])


def _try_to_change(table: TableClient) -> None:
    """Changes a missing row: a table that exists and allows it answers that the row does not exist."""
    update(table, {"PartitionKey": _PARTITION, "RowKey": str(uuid.uuid4())}, UpdateMode.MERGE, version='W/"none"')
