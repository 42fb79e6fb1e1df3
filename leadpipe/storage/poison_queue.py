"""Reads the host's poison queue `leads-poison`: messages whose delivery crashed as often as host.json allows.

They expire after seven days, so the sweep moves them on.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
"""

from azure.storage.queue import QueueServiceClient

from leadpipe.model.ports import SeenMessage
from leadpipe.storage.failures import failures_of
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.queues import delete, message_count, peeked, received

# Long enough to move a batch on, short enough that the next sweep soon repeats one that died here.
HIDDEN_SECONDS = 60
POISON_QUEUE = f"{QUEUE}-poison"


class AzurePoisonQueue:
    """Thread-safe."""

    def __init__(self, queues: QueueServiceClient) -> None:
        with failures_of("storage account"):
            self._client = queues.get_queue_client(POISON_QUEUE)

    def receive(self) -> list[SeenMessage]:
        with failures_of("poison queue"):
            return received(self._client, hidden=HIDDEN_SECONDS)

    def peek(self) -> list[SeenMessage]:
        with failures_of("poison queue"):
            return peeked(self._client)

    def delete(self, message: SeenMessage) -> None:
        with failures_of("poison queue"):
            delete(self._client, message)

    def depth(self) -> int:
        """Counts the messages approximately."""
        with failures_of("poison queue"):
            return message_count(self._client)
