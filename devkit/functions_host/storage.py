"""Sends six kinds of request to one queue, and says what refusals mean for a listener.

Messages are not decoded here, so that a poison copy is the same text.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import QueueClient, QueueMessage

from devkit.functions_host.errors import CannotStart
from devkit.functions_host.retries import SixTries

Answer = TypeVar("Answer")

_QUEUE_GONE = {"QueueNotFound", "QueueBeingDeleted", "QueueDisabled"}
_LEASE_LOST = {"PopReceiptMismatch", "MessageNotFound"} | _QUEUE_GONE
_NETWORK_TIMEOUT = 100  # seconds for each try (Azure.Core's RetryOptions)
# The app's own storage requests are logged by its rules, the host's not at all.
_SILENT = logging.getLogger("Host.Storage")
_SILENT.setLevel(logging.WARNING)


class QueueAwayError(Exception):
    """The queue is missing or being deleted, or its service answers 5xx: try again later."""


class LeaseLostError(Exception):
    """The message or its queue is gone, or another has received the message since."""


class StorageQueue:
    """Thread-safe: its connections are shared, up to `connections` at once.

    Each request is tried six times; the pauses between the tries are divided by `hurry`.
    """

    def __init__(self, *, connection: str, name: str, connections: int, hurry: float = 1) -> None:
        self.name = name
        self._stop = threading.Event()
        session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_connections=2, pool_maxsize=connections)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        self._client = QueueClient.from_connection_string(
            connection,
            name,
            transport=RequestsTransport(
                session=session, session_owner=False, connection_timeout=_NETWORK_TIMEOUT, read_timeout=_NETWORK_TIMEOUT
            ),
            retry_policy=SixTries(hurry=hurry),
            logger=_SILENT,
        )

    def require(self) -> None:
        """Raise QueueAwayError if there is no such queue now."""
        self._ask(lambda: self._client.get_queue_properties(stop=self._stop))

    def receive(self, count: int, *, lease: float) -> list[QueueMessage]:
        pages = self._client.receive_messages(
            messages_per_page=count, visibility_timeout=round(lease), stop=self._stop
        ).by_page()
        return self._ask(lambda: list(next(pages, [])))

    def stop_asking(self) -> None:
        """End `require` and `receive` with StoppedError before their next try; the other requests go on."""
        self._stop.set()

    def delete(self, message_id: str, receipt: str) -> None:
        self._settle(self._client.delete_message, message_id, receipt)

    def set_visibility(self, message_id: str, receipt: str, *, seconds: float) -> str:
        """Set the visibility and give the new receipt; the old one is invalid."""
        updated = self._settle(self._client.update_message, message_id, receipt, visibility_timeout=round(seconds))
        return str(updated.pop_receipt)

    def send(self, text: str) -> None:
        """Send a message and make a missing queue (StorageQueueExtensions.cs).

        Without a time-to-live, so the message expires after the service's default of seven days.
        """
        try:
            self._client.send_message(text)
        except HttpResponseError as error:
            if _code(error) != "QueueNotFound":
                raise
            self._create()
            self._client.send_message(text)

    def _create(self) -> None:
        try:
            self._client.create_queue()
        except HttpResponseError as error:
            if _code(error) != "QueueAlreadyExists":  # another message was poisoned at the same time
                raise

    @staticmethod
    def _ask(request: Callable[[], Answer]) -> Answer:
        try:
            return request()
        except HttpResponseError as error:
            if _can_wait(error):
                raise QueueAwayError(reason(error)) from error
            raise

    @staticmethod
    def _settle(request: Any, *arguments: object, **options: object) -> Any:
        try:
            return request(*arguments, **options)
        except HttpResponseError as error:
            if _code(error) in _LEASE_LOST:
                raise LeaseLostError(_code(error)) from error
            raise


def connection_string(connection: str, *, where: str, environ: Mapping[str, str] = os.environ) -> str:
    """Look up `AzureWebJobs<name>` before `<name>` (IConfigurationExtensions.cs); no name is the host's own."""
    name = connection or "AzureWebJobsStorage"
    names = [name] if name.startswith("AzureWebJobs") else [f"AzureWebJobs{name}", name]
    for candidate in names:
        if value := environ.get(candidate):
            return value
    if identity := next(
        (key for key in environ if key.startswith(tuple(f"{candidate}__" for candidate in names))), None
    ):
        raise CannotStart(f"{where}: {identity} asks for storage by identity; this host takes connection strings only")
    raise CannotStart(f"{where}: setting {name} is missing; it must hold a storage connection string")


def _can_wait(error: HttpResponseError) -> bool:
    """Say whether the listener backs off (QueueListener.cs). Any other error, and no answer, ends the host."""
    return (error.status_code or 0) >= 500 or _code(error) in _QUEUE_GONE


def _status(error: AzureError) -> int | None:
    """Give the status; None if there was no answer."""
    return error.status_code if isinstance(error, HttpResponseError) else None


def _code(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def reason(error: AzureError) -> str:
    """Describe an error in a word or two: its own text has addresses and receipts, and is long."""
    return _code(error) or (
        f"HTTP {_status(error)}" if _status(error) else type(error.inner_exception or error).__name__
    )
