"""The host's poison queue `leads-poison`: messages whose delivery crashed as often as host.json allows.

Its messages live for seven days, so nothing may rest here; the sweep moves them on.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
"""

from azure.storage.queue import QueueServiceClient

from leadpipe.storage.connection import failures_of
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.queues import message_count

POISON_QUEUE = f"{QUEUE}-poison"


class AzurePoisonQueue:
    """Thread-safe."""

    def __init__(self, queues: QueueServiceClient) -> None:
        self._client = queues.get_queue_client(POISON_QUEUE)

    def depth(self) -> int:
        """About how many messages there are."""
        with failures_of("poison queue"):
            return message_count(self._client)
