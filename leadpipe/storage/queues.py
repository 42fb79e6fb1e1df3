"""What the queue `leads` and the host's poison queue have in common."""

import base64
import binascii

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient


def message_count(queue: QueueClient) -> int:
    """The service's own approximation, hidden messages included; 0 while nobody has made the queue."""
    try:
        return queue.get_queue_properties().approximate_message_count or 0
    except ResourceNotFoundError:
        return 0


def decoded(content: str) -> str:
    """The text of a message; of one that is no base64 in the first place, what it is."""
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return content
