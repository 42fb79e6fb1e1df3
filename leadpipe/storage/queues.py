"""Shares what both queues need, and decides which answers mean done and missing."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient

from leadpipe.storage.answers import NotAnAnswerError, queue_exists, queue_missing


def message_count(queue: QueueClient) -> int:
    """Gives the service's own approximation, hidden messages included; 0 if the queue does not exist."""
    return _count(queue) or 0


def exists(queue: QueueClient, *, hook: Callable[[Any], None] | None = None) -> bool:
    """Says whether the queue exists. `hook` is called with each answer, also a 404."""
    return _count(queue, hook) is not None


def create(queue: QueueClient) -> None:
    try:
        queue.create_queue()
    except HttpResponseError as error:
        if not queue_exists(error):  # another instance was faster
            raise


def require_messages(answer: Any) -> None:
    """Refuses answers that are not messages: the SDK reads any XML as an empty list. For `raw_response_hook`."""
    if answer.http_response.status_code == 200 and "<QueueMessagesList" not in answer.http_response.text():
        raise NotAnAnswerError("no list of messages")


def decoded(content: str) -> str:
    """Decodes a message's text; one that is not base64 is given as it is."""
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return content


def _count(queue: QueueClient, hook: Callable[[Any], None] | None = None) -> int | None:
    """Gives None if the queue does not exist."""
    try:
        count = queue.get_queue_properties(raw_response_hook=hook).approximate_message_count
    except HttpResponseError as error:
        if not queue_missing(error):
            raise
        return None
    if count is None:
        raise NotAnAnswerError("no number of messages")
    return count
