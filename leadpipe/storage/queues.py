"""What the queue `leads` and the host's poison queue have in common."""

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient


def message_count(queue: QueueClient) -> int:
    """The service's own approximation, hidden messages included; 0 while nobody has made the queue."""
    try:
        return queue.get_queue_properties().approximate_message_count or 0
    except ResourceNotFoundError:
        return 0
