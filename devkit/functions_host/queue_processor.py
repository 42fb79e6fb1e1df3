"""Processes one queue message, from its receipt to delete, release or poison (QueueProcessor.cs)."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from azure.functions import meta
from azure.storage.queue import QueueMessage

from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.functions import Function
from devkit.functions_host.host_json import QueueOptions
from devkit.functions_host.message import UndecodableError, body_of, metadata_of
from devkit.functions_host.storage import LeaseLostError, StorageQueue

_log = logging.getLogger("Host.Queues")


class QueueProcessor:
    """Thread-safe. Errors of storage other than a lost lease leave `process` and end the host.

    `poison` is None for a queue that is a poison queue itself. With `skip_spent` a message of such a queue is no longer
    run past maxDequeueCount, as in the extension before 5.3.8; without it, it is run again and again.
    """

    def __init__(
        self,
        *,
        function: Function,
        queue: StorageQueue,
        poison: StorageQueue | None,
        options: QueueOptions,
        lease: float,
        dispatcher: Dispatcher,
        skip_spent: bool = False,
        on_poisoned: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._function = function
        self._queue = queue
        self._poison = poison
        self._options = options
        self._lease = lease
        self._dispatcher = dispatcher
        self._skip_spent = skip_spent
        self._on_poisoned = on_poisoned

    def process(self, message: QueueMessage) -> None:
        try:
            body = body_of(message.content or "", base64_encoded=self._options.base64)
        except UndecodableError:
            self._bury(message, str(message.pop_receipt), "is not base64")
            return
        dequeued = message.dequeue_count or 0
        # All tries are used up: earlier runs crashed or lost their lease before they could move it to the poison queue.
        if dequeued > self._options.max_dequeue_count and (self._poison or self._skip_spent):
            self._bury(message, str(message.pop_receipt), self._spent())
            return
        succeeded, receipt = self._run(message, body)
        if succeeded:
            self._swallow_lost_lease(lambda: self._queue.delete(message.id, receipt))
        elif dequeued >= self._options.max_dequeue_count:
            self._bury(message, receipt, self._spent())
        elif self._poison:
            self._swallow_lost_lease(
                lambda: self._queue.set_visibility(message.id, receipt, seconds=self._options.visibility_timeout)
            )

    def _run(self, message: QueueMessage, body: bytes) -> tuple[bool, str]:
        """Run the function; give its success and the receipt that is then valid."""
        try:
            text = body.decode()
        except UnicodeDecodeError:
            _log.error("Function %s: message %s is not UTF-8; the function was not called.",
                       self._function.name, message.id)  # fmt: skip
            return False, str(message.pop_receipt)
        run = self._dispatcher.invoke(
            self._function,
            meta.Datum(text, "string"),
            metadata_of(message, text),
            reason=f"New queue message detected on '{self._queue.name}'.",
        )
        return self._hold_lease(message, run)

    def _hold_lease(self, message: QueueMessage, run: Future[Any]) -> tuple[bool, str]:
        """Wait for the run, renewing at each half of the lease (UpdateQueueMessageVisibilityCommand.cs)."""
        receipt, until_renewal = str(message.pop_receipt), self._lease / 2
        held = True
        while True:
            try:
                return run.exception(until_renewal if held else None) is None, receipt
            except TimeoutError:
                pass
            try:
                receipt = self._queue.set_visibility(message.id, receipt, seconds=self._lease)
            except LeaseLostError:
                held = False

    def _bury(self, message: QueueMessage, receipt: str, why: str) -> None:
        """Copy the text to the poison queue, then delete. A message of a poison queue stays there."""
        if self._poison is None:
            return
        _log.warning("Message %s %s. Moving it to queue '%s'.", message.id, why, self._poison.name)
        self._poison.send(message.content or "")
        self._on_poisoned(self._poison.name)
        self._swallow_lost_lease(lambda: self._queue.delete(message.id, receipt))

    def _spent(self) -> str:
        return f"has reached MaxDequeueCount of {self._options.max_dequeue_count}"

    def _swallow_lost_lease(self, request: Callable[[], object]) -> None:
        try:
            request()
        except LeaseLostError as lost:
            _log.info("A message of '%s' was not this host's any more (%s).", self._queue.name, lost)


def poison_name(queue: str) -> str | None:
    """Name the poison queue; None for a poison queue, or if the name is too long (QueueListenerFactory.cs)."""
    name = f"{queue}-poison"
    return None if queue.endswith("-poison") or len(name) > 63 else name
