"""Shares what the queues need, and decides which answers mean done and missing."""

import base64
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from azure.storage.queue import QueueClient, QueueMessage

from leadpipe.model.lead_id import EPOCH
from leadpipe.storage.answers import Ignoring, NotAnAnswerError, message_gone, queue_exists, queue_missing

if TYPE_CHECKING:  # a cold start does not need it
    from leadpipe.model.ports import SeenMessage

# As many as the service gives at once.
BATCH = 32


def message_count(queue: QueueClient) -> int:
    """Gives the service's own approximation, hidden messages included; 0 if the queue does not exist."""
    return _count(queue) or 0


def exists(queue: QueueClient, *, hook: Callable[[Any], None] | None = None) -> bool:
    """Says whether the queue exists. `hook` is called with each answer, also a 404."""
    return _count(queue, hook) is not None


def create(queue: QueueClient) -> None:
    with Ignoring(queue_exists):  # another instance was faster
        queue.create_queue()


def received(queue: QueueClient, *, hidden: int) -> "list[SeenMessage]":
    """Gives some of the messages, if there are any, and hides them from others for so many seconds."""
    return messages(
        lambda: queue.receive_messages(
            messages_per_page=BATCH, max_messages=BATCH, visibility_timeout=hidden, raw_response_hook=require_messages
        )
    )


def peeked(queue: QueueClient) -> "list[SeenMessage]":
    """Gives the first messages of those that are not hidden. They stay where they are."""
    return messages(lambda: queue.peek_messages(max_messages=BATCH, raw_response_hook=require_messages))


def delete(queue: QueueClient, message: "SeenMessage") -> None:
    """Deletes a received message, if it is still there."""
    with Ignoring(message_gone):
        queue.delete_message(message.id, message.receipt)


def messages(ask: Callable[[], Iterable[QueueMessage]]) -> "list[SeenMessage]":
    """Gives the messages that were asked for; none if the queue does not exist. Needs the hook `require_messages`."""
    with Ignoring(queue_missing):
        return [_message(each) for each in ask()]
    return []


def require_messages(answer: Any) -> None:
    """Refuses answers that are not messages: the SDK reads any XML as an empty list. For `raw_response_hook`."""
    if answer.http_response.status_code == 200 and "<QueueMessagesList" not in answer.http_response.text():
        raise NotAnAnswerError("no list of messages")


def _message(found: Any) -> "SeenMessage":  # Any: a received message has all of these, unlike the SDK's types say
    from leadpipe.model.ports import SeenMessage  # noqa: PLC0415 - a cold start reads no message

    if not found.id:
        raise NotAnAnswerError("a message without its id")
    return SeenMessage(
        id=found.id,
        inserted_at=found.inserted_on or EPOCH,
        text=decoded(found.content or ""),
        receipt=found.pop_receipt or "",
    )


def decoded(content: str) -> str:
    """Decodes a message's text; one that is not base64 is given as it is."""
    try:
        return base64.b64decode(content, validate=True).decode()
    except ValueError:
        return content


def _count(queue: QueueClient, hook: Callable[[Any], None] | None = None) -> int | None:
    """Gives None if the queue does not exist."""
    with Ignoring(queue_missing):
        count = queue.get_queue_properties(raw_response_hook=hook).approximate_message_count
        if count is None:
            raise NotAnAnswerError("no number of messages")
        return count
    return None
