"""Reads tables and queues of an earlier app, whatever that app was. Of a queue it deletes what leadpipe has kept.

A message that is received is hidden for a while: long enough to keep a batch, short enough that an import which is
started again soon sees what a killed one had received.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256

from leadpipe.model.errors import LeadpipeError
from leadpipe.model.ports import Arrival, SeenMessage
from leadpipe.storage.connection import Storage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.fallback import arrival_of
from leadpipe.storage.queues import delete, exists, message_count, peeked, received
from leadpipe.storage.tables import exists as table_exists
from leadpipe.storage.tables import rows_of

HIDDEN_SECONDS = 60


class AzureForeignTable:
    """Thread-safe. `account` and the table's name are part of what identifies a row."""

    def __init__(self, storage: Storage, account: str, name: str) -> None:
        self._place = ["table", account.lower(), name.lower()]
        self._name = name
        self._table = storage.table(name)

    def arrivals(self, since: datetime) -> Iterator[Arrival]:
        """The rows last written at that time or later, unordered. Raises LeadpipeError if there is no such table."""
        with failures_of(f"table {self._name}"):
            if not table_exists(self._table):
                raise LeadpipeError("no_such_table", f"the account has no table {self._name}")
            for row in rows_of(self._table, "Timestamp ge @since", {"since": since}):
                key = hash_of(*self._place, row["PartitionKey"], row["RowKey"])
                yield arrival_of(row, row.metadata["timestamp"] or since, key)


class AzureForeignQueue:
    """Thread-safe. Reads messages in base64 and plain ones."""

    def __init__(self, storage: Storage, account: str, name: str) -> None:
        self._place = ["queue", account.lower(), name]
        self._name = name
        with failures_of("storage account"):
            self._client = storage.queues.get_queue_client(name)

    def depth(self) -> int:
        """About how many messages there are, hidden ones included. Raises LeadpipeError if there is no such queue."""
        with failures_of(f"queue {self._name}"):
            if not exists(self._client):
                raise LeadpipeError("no_such_queue", f"the account has no queue {self._name}")
            return message_count(self._client)

    def peek(self) -> list[SeenMessage]:
        """The first messages, at most 32. They stay where they are."""
        with failures_of(f"queue {self._name}"):
            return peeked(self._client)

    def receive(self) -> list[SeenMessage]:
        """Some of the messages, if there are any. They are hidden from others for a while."""
        with failures_of(f"queue {self._name}"):
            return received(self._client, hidden=HIDDEN_SECONDS)

    def delete(self, message: SeenMessage) -> None:
        """Deletes a received message, if it is still there."""
        with failures_of(f"queue {self._name}"):
            delete(self._client, message)

    def key_of(self, message: SeenMessage) -> str:
        return hash_of(*self._place, message.id)


def poison_queues(storage: Storage) -> list[str]:
    """The names of the account's poison queues, whichever app has them."""
    with failures_of("queues"):
        return sorted(queue.name for queue in storage.queues.list_queues() if queue.name.endswith("-poison"))


def hash_of(*parts: str) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()
