"""Polls one queue and passes its messages on, at most as many at once as host.json allows (QueueListener.cs)."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from azure.storage.queue import QueueMessage

from devkit.functions_host.backoff import Backoff
from devkit.functions_host.host_json import QueueOptions
from devkit.functions_host.retries import StoppedError
from devkit.functions_host.storage import QueueAwayError, StorageQueue

_log = logging.getLogger("Host.Queues")


class QueueListener:
    """Calls `process` for each message in a thread of its own; an exception ends the host."""

    def __init__(
        self,
        *,
        queue: StorageQueue,
        process: Callable[[QueueMessage], None],
        options: QueueOptions,
        lease: float,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._queue = queue
        self._process = process
        self._options = options
        self._lease = lease
        self._on_error = on_error
        self._exists = False
        self._away = ""
        self._in_flight = 0
        self._fewer_in_flight = threading.Condition()
        self._wake = threading.Event()
        self._stopping = False
        self._messages = ThreadPoolExecutor(max_workers=options.concurrency, thread_name_prefix=f"queue-{queue.name}")
        self._thread = threading.Thread(target=self._poll, name=f"poll-{queue.name}", daemon=True)

    @property
    def queue_name(self) -> str:
        return self._queue.name

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Poll now, since this process has just sent a message (SharedQueueWatcher.cs)."""
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._queue.stop_asking()
        with self._fewer_in_flight:
            self._fewer_in_flight.notify_all()

    def join(self, deadline: float) -> bool:
        """Say whether polling and every message in flight ended before `deadline` (time.monotonic)."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        with self._fewer_in_flight:
            done = self._fewer_in_flight.wait_for(
                lambda: self._in_flight == 0, timeout=max(0.0, deadline - time.monotonic())
            )
        self._messages.shutdown(wait=False)
        return done and not self._thread.is_alive()

    def _poll(self) -> None:
        try:
            self._poll_until_stopped()
        except StoppedError:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the real host would shut down on it
            self._on_error(error)

    def _poll_until_stopped(self) -> None:
        backoff = Backoff(longest=self._options.max_polling_interval)
        found = False
        while not self._stopping:
            if messages := self._receive():
                found = True
                self._begin(messages)
                self._wait_for_room()
            else:
                self._wake.wait(backoff.next(found=found))
                self._wake.clear()
                found = False

    def _receive(self) -> list[QueueMessage]:
        try:
            if not self._exists:
                self._queue.require()
                self._exists = True
            messages = self._queue.receive(self._options.batch_size, lease=self._lease)
        except QueueAwayError as error:
            self._exists = False
            if str(error) != self._away:
                self._away = str(error)
                _log.log(
                    self._away_level(),
                    "Queue '%s' cannot be read (%s). Asking again with growing pauses.",
                    self._queue.name,
                    error,
                )
            return []
        if self._away:
            _log.log(self._away_level(), "Queue '%s' can be read again.", self._queue.name)
            self._away = ""
        return messages

    def _away_level(self) -> int:
        """Choose the log level: a queue that does not exist yet is normal."""
        return logging.INFO if "QueueNotFound" in self._away else logging.WARNING

    def _begin(self, messages: list[QueueMessage]) -> None:
        with self._fewer_in_flight:
            self._in_flight += len(messages)
        for message in messages:
            self._messages.submit(self._process_one, message)

    def _process_one(self, message: QueueMessage) -> None:
        try:
            self._process(message)
        except Exception as error:  # noqa: BLE001 - QueueListener.ProcessMessageAsync reports any to the host at once
            self._on_error(error)
        finally:
            with self._fewer_in_flight:
                self._in_flight -= 1
                self._fewer_in_flight.notify_all()

    def _wait_for_room(self) -> None:
        with self._fewer_in_flight:
            self._fewer_in_flight.wait_for(
                lambda: self._stopping or self._in_flight <= self._options.new_batch_threshold
            )
