"""Reads the host's poison queue `leads-poison`: messages whose delivery crashed as often as host.json allows.

They expire after seven days, so the sweep moves them on.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
"""

from azure.storage.queue import QueueServiceClient

from leadpipe.model.ports import SeenMessage
from leadpipe.storage.answers import Ignoring, message_gone
from leadpipe.storage.failures import failures_of
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.queues import message_count, messages, require_messages

BATCH = 32
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
            return messages(
                lambda: self._client.receive_messages(
                    messages_per_page=BATCH,
                    max_messages=BATCH,
                    visibility_timeout=HIDDEN_SECONDS,
                    raw_response_hook=require_messages,
                )
            )

    def peek(self) -> list[SeenMessage]:
        with failures_of("poison queue"):
            return messages(lambda: self._client.peek_messages(max_messages=BATCH, raw_response_hook=require_messages))

    def delete(self, message: SeenMessage) -> None:
        with failures_of("poison queue"), Ignoring(message_gone):
            self._client.delete_message(message.id, message.receipt)

    def depth(self) -> int:
        """Counts the messages approximately."""
        with failures_of("poison queue"):
            return message_count(self._client)
