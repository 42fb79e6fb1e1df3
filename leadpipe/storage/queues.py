"""What the queue `leads` and the host's poison queue have in common, and which answers count for done and missing."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient

from leadpipe.storage.answers import NotAnAnswerError, queue_exists, queue_missing


def message_count(queue: QueueClient) -> int:
    """The service's own approximation, hidden messages included; 0 while nobody has made the queue."""
    return _count(queue) or 0


def exists(queue: QueueClient, *, hook: Callable[[Any], None] | None = None) -> bool:
    """`hook` is called with each answer, also with the one that there is no such queue."""
    return _count(queue, hook) is not None


def create(queue: QueueClient) -> None:
    try:
        queue.create_queue()
    except HttpResponseError as error:
        if not queue_exists(error):  # it does when another instance was faster
            raise


def require_messages(answer: Any) -> None:
    """For the SDK's `raw_response_hook`: to the SDK, XML of any other kind is a list of no messages."""
    if answer.http_response.status_code == 200 and "<QueueMessagesList" not in answer.http_response.text():
        raise NotAnAnswerError("no list of messages")


def decoded(content: str) -> str:
    """The text of a message; of one that is no base64 in the first place, what it is."""
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return content


def _count(queue: QueueClient, hook: Callable[[Any], None] | None = None) -> int | None:
    """None where the service says that there is no such queue."""
    try:
        count = queue.get_queue_properties(raw_response_hook=hook).approximate_message_count
    except HttpResponseError as error:
        if not queue_missing(error):
            raise
        return None
    if count is None:
        raise NotAnAnswerError("no number of messages")
    return count
