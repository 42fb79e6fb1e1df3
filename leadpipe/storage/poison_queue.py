"""Reads the host's poison queue `leads-poison`: messages whose delivery crashed as often as host.json allows.

They expire after seven days, so the sweep moves them on.
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
"""

from collections.abc import Callable, Iterable
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueMessage, QueueServiceClient

from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import PoisonMessage
from leadpipe.storage.answers import NotAnAnswerError, message_gone, queue_missing
from leadpipe.storage.failures import failures_of
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.storage.queues import decoded, message_count, require_messages

BATCH = 32
# Long enough to move a batch on, short enough that the next sweep soon repeats one that died here.
HIDDEN_SECONDS = 60
POISON_QUEUE = f"{QUEUE}-poison"


class AzurePoisonQueue:
    """Thread-safe."""

    def __init__(self, queues: QueueServiceClient) -> None:
        with failures_of("storage account"):
            self._client = queues.get_queue_client(POISON_QUEUE)

    def receive(self) -> list[PoisonMessage]:
        with failures_of("poison queue"):
            return _messages(
                lambda: self._client.receive_messages(
                    messages_per_page=BATCH,
                    max_messages=BATCH,
                    visibility_timeout=HIDDEN_SECONDS,
                    raw_response_hook=require_messages,
                )
            )

    def peek(self) -> list[PoisonMessage]:
        with failures_of("poison queue"):
            return _messages(lambda: self._client.peek_messages(max_messages=BATCH, raw_response_hook=require_messages))

    def delete(self, message: PoisonMessage) -> None:
        with failures_of("poison queue"):
            try:
                self._client.delete_message(message.id, message.receipt)
            except HttpResponseError as error:
                if not message_gone(error):
                    raise

    def depth(self) -> int:
        """Counts the messages approximately."""
        with failures_of("poison queue"):
            return message_count(self._client)


def _messages(ask: Callable[[], Iterable[QueueMessage]]) -> list[PoisonMessage]:
    """Gives none if the queue does not exist: nothing was ever poisoned."""
    try:
        return [_message(message) for message in ask()]
    except HttpResponseError as error:
        if not queue_missing(error):
            raise
        return []


def _message(message: QueueMessage) -> PoisonMessage:
    received: Any = message  # a received message has all of these, unlike the SDK's types say
    if not received.id:
        raise NotAnAnswerError("a message without its id")
    return PoisonMessage(
        id=received.id,
        inserted_at=received.inserted_on or EPOCH,
        text=decoded(received.content or ""),
        receipt=received.pop_receipt or "",
    )
