"""Sends to the queue `leads`, in base64 as the host reads it, without expiry."""

import math
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from leadpipe.storage.answers import Ignoring, NotAnAnswerError, queue_missing
from leadpipe.storage.failures import failures_of, row_refusals
from leadpipe.storage.queues import create, exists, message_count, peeked

if TYPE_CHECKING:  # a cold start does not need it
    from leadpipe.model.ports import SeenMessage

QUEUE = "leads"
NEVER_EXPIRES = -1
# https://learn.microsoft.com/rest/api/storageservices/put-message
LONGEST_DELAY = timedelta(days=7)


class AzureLeadQueue:
    """Thread-safe."""

    def __init__(self, queues: QueueServiceClient) -> None:
        self._queues = queues
        with failures_of("storage account"):
            self._client = queues.get_queue_client(
                QUEUE,
                message_encode_policy=TextBase64EncodePolicy(),
                message_decode_policy=TextBase64DecodePolicy(),
            )

    def put(self, text: str, *, delay: timedelta = timedelta(0)) -> None:
        seconds = math.ceil(max(timedelta(0), min(delay, LONGEST_DELAY)).total_seconds())
        with failures_of("queue"):
            if not self._sent(text, seconds):
                create(self._client)
                self._send(text, seconds)

    def ping(self) -> None:
        """Raises StorageFailed if the queue cannot be read, and so probably not be written to."""
        with failures_of("queue"):
            if not exists(self._client):
                create(self._client)

    def peek(self) -> "list[SeenMessage]":
        raw = self._queues.get_queue_client(QUEUE)  # decodes nothing: not all messages are base64
        with failures_of("queue"):
            return peeked(raw)

    def depth(self) -> int:
        """Counts the messages approximately, delayed ones included."""
        with failures_of("queue"):
            return message_count(self._client)

    def time_there(self) -> datetime | None:
        """Gives the storage service's time, to the second."""
        dates: list[str] = []
        with failures_of("queue"):
            exists(self._client, hook=lambda answer: dates.append(answer.http_response.headers.get("Date", "")))
        return _parsed(dates[-1]) if dates else None

    def _sent(self, text: str, seconds: int) -> bool:
        """Returns False if the queue does not exist."""
        with Ignoring(queue_missing):
            self._send(text, seconds)
            return True
        return False

    def _send(self, text: str, seconds: int) -> None:
        with row_refusals(f"the queue {QUEUE}"):
            sent = self._client.send_message(text, visibility_timeout=seconds, time_to_live=NEVER_EXPIRES)
        if not sent.id:
            raise NotAnAnswerError("no id of the message")


def _parsed(date: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
