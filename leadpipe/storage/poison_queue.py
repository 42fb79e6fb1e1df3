"""The host's poison queue `leads-poison`: messages whose delivery crashed as often as host.json allows.

Its messages live for seven days, so nothing may rest here; the sweep moves them on.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
"""

import base64
import binascii
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueMessage, QueueServiceClient

from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import PoisonMessage
from leadpipe.storage.connection import failures_of
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.queues import message_count

BATCH = 32
# Long enough to move a batch on, short enough that a sweep which died here is soon made good.
HIDDEN_SECONDS = 60
POISON_QUEUE = f"{QUEUE}-poison"


class AzurePoisonQueue:
    """Thread-safe."""

    def __init__(self, queues: QueueServiceClient) -> None:
        self._client = queues.get_queue_client(POISON_QUEUE)

    def receive(self) -> list[PoisonMessage]:
        with failures_of("poison queue"):
            try:
                found = self._client.receive_messages(
                    messages_per_page=BATCH, max_messages=BATCH, visibility_timeout=HIDDEN_SECONDS
                )
                return [_message(message) for message in found]
            except ResourceNotFoundError:
                return []  # nothing has ever been poisoned

    def peek(self) -> list[PoisonMessage]:
        with failures_of("poison queue"):
            try:
                return [_message(message) for message in self._client.peek_messages(max_messages=BATCH)]
            except ResourceNotFoundError:
                return []

    def delete(self, message: PoisonMessage) -> None:
        with failures_of("poison queue"):
            try:
                self._client.delete_message(message.id, message.receipt)
            except ResourceNotFoundError:
                return

    def depth(self) -> int:
        """About how many messages there are."""
        with failures_of("poison queue"):
            return message_count(self._client)


def _message(message: QueueMessage) -> PoisonMessage:
    received: Any = message  # what was received has all of these, whatever the SDK's types say
    return PoisonMessage(
        id=received.id,
        inserted_at=received.inserted_on or EPOCH,
        text=_decoded(received.content),
        receipt=received.pop_receipt or "",
    )


def _decoded(content: str) -> str:
    """The host moves a message here as it was; one that was no base64 in the first place is still what it was."""
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return content
