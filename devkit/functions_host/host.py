"""Puts the parts of the host together, starts them in order and stops them in order."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from azure.core.exceptions import AzureError

from devkit.functions_host.blobs import Blobs
from devkit.functions_host.dispatcher import Dispatcher, TooManyDeathsError
from devkit.functions_host.errors import EXIT_OK
from devkit.functions_host.functions import Function, HttpTrigger, QueueTrigger, TimerTrigger
from devkit.functions_host.host_json import HostOptions
from devkit.functions_host.http_functions import HttpFunctions
from devkit.functions_host.http_server import HttpServer
from devkit.functions_host.keys import KeyCheck, KeyFile, NoKeys
from devkit.functions_host.queue_listener import QueueListener
from devkit.functions_host.queue_processor import QueueProcessor, poison_name
from devkit.functions_host.routes import Routes
from devkit.functions_host.schedule import Schedule
from devkit.functions_host.storage import StorageQueue, connection_string, reason
from devkit.functions_host.timer_listener import TimerListener
from devkit.functions_host.timer_lock import LOCK_SECONDS, TimerLock
from devkit.functions_host.timer_status import StatusFile

_log = logging.getLogger("Host")
SHUTTING_DOWN = "An unhandled exception has occurred. Host is shutting down."
_QUEUE_NAME_LENGTHS = range(3, 64)
Part = HttpServer | QueueListener | TimerListener


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The options of the command line; times in seconds. `hurry` divides the waits that are fixed in the host."""

    data: Path
    enable_auth: bool = False
    lease: float = 600
    hurry: float = 1
    drain: float = 10
    skip_spent_poison: bool = False
    blobs: Blobs = Blobs.HERE

    @property
    def keys_file(self) -> Path:
        return self.data / "keys.json"


class Host:
    def __init__(
        self,
        *,
        functions: Sequence[Function],
        options: HostOptions,
        choices: Choices,
        server: HttpServer,
        dispatcher: Dispatcher,
    ) -> None:
        self._options = options
        self._choices = choices
        self._server = server
        self._dispatcher = dispatcher
        dispatcher.on_error = self.fail
        # Not an Event: a signal's handler runs between two lines of the thread that waits, and an Event has a lock.
        self._exit_codes: SimpleQueue[int] = SimpleQueue()
        self.routes = Routes(functions, options.route_prefix)
        self._http = HttpFunctions(routes=self.routes, keys=_key_check(choices), dispatcher=dispatcher)
        enabled = [function for function in functions if not function.disabled]
        self._queues = [
            self._queue_listener(item, item.trigger)
            for item in enabled
            if isinstance(item.trigger, QueueTrigger) and _has_queue_name(item.name, item.trigger)
        ]
        self._timers = [
            self._timer_listener(item, item.trigger) for item in enabled if isinstance(item.trigger, TimerTrigger)
        ]

    def start(self) -> None:
        for listener in self._queues:
            listener.start()
        for timer in self._timers:
            timer.start()
        self._server.start(self._http.answer)

    def ask_to_stop(self) -> None:
        """Makes `wait` go on; a signal's handler may call it at any moment."""
        self._exit_codes.put(EXIT_OK)

    def fail(self, error: Exception) -> None:
        """Shut down, as the real host does on an unhandled error (WebScriptHostExceptionHandler.cs)."""
        if isinstance(error, AzureError):
            _log.critical("%s Storage did not do what the host needs (%s).", SHUTTING_DOWN, reason(error))
        elif isinstance(error, TooManyDeathsError):
            _log.critical("%s %s", SHUTTING_DOWN, error)
        else:
            _log.critical(SHUTTING_DOWN, exc_info=error)
        self._exit_codes.put(EXIT_OK)

    def wait(self) -> int:
        """Serve until the first reason to stop, let runs finish, and return its exit code."""
        exit_code = self._first_exit_code()
        _log.info("Stopping: no more is taken in, what runs is awaited.")
        parts: tuple[Part, ...] = (self._server, *self._queues, *self._timers)
        for part in parts:
            part.stop()
        deadline = time.monotonic() + self._choices.drain
        ended = [part.join(deadline) for part in (*parts, self._dispatcher)]
        if not all(ended):
            unfinished = ", ".join(self._dispatcher.running()) or "storage requests"
            _log.warning("Ended unfinished after %gs: %s", self._choices.drain, unfinished)
        self._dispatcher.close()
        _log.info("Host stopped.")
        return exit_code

    def _first_exit_code(self) -> int:
        """A signal that comes just before a wait begins does not interrupt it, so the wait is a short one, repeated."""
        while True:
            with suppress(Empty):
                return self._exit_codes.get(timeout=0.5)

    def _queue_listener(self, function: Function, trigger: QueueTrigger) -> QueueListener:
        connection = connection_string(trigger.connection, where=f"function {function.name!r}")
        options, lease = self._options.queues, self._choices.lease
        spare = 2  # a poll and a renewal at the same time

        def queue(name: str) -> StorageQueue:
            return StorageQueue(
                connection=connection,
                name=name,
                connections=options.concurrency + spare,
                hurry=self._choices.hurry,
            )

        source, poison = queue(trigger.queue), poison_name(trigger.queue)
        processor = QueueProcessor(
            function=function,
            queue=source,
            poison=queue(poison) if poison else None,
            options=options,
            lease=lease,
            dispatcher=self._dispatcher,
            skip_spent=self._choices.skip_spent_poison,
            on_poisoned=self._wake,
        )
        return QueueListener(queue=source, process=processor.process, options=options, lease=lease, on_error=self.fail)

    def _wake(self, queue_name: str) -> None:
        for listener in self._queues:
            if listener.queue_name == queue_name:
                listener.wake()

    def _timer_listener(self, function: Function, trigger: TimerTrigger) -> TimerListener:
        now = datetime.now(UTC)
        schedule = Schedule(trigger.schedule, where=f"function {function.name!r}", now=now)
        timers = self._choices.data / "timers"
        monitored = trigger.use_monitor and schedule.is_monitored(now)
        return TimerListener(
            function=function,
            trigger=trigger,
            schedule=schedule,
            status_file=StatusFile(timers / f"{function.name}.json") if monitored else None,
            lock=TimerLock(timers / "locks.sqlite", function.name, seconds=LOCK_SECONDS / self._choices.hurry),
            dispatcher=self._dispatcher,
            on_error=self.fail,
        )


def _key_check(choices: Choices) -> KeyCheck | None:
    if not choices.enable_auth:
        return None
    return NoKeys() if choices.blobs is Blobs.MISSING else KeyFile(choices.keys_file)


def _has_queue_name(function: str, trigger: QueueTrigger) -> bool:
    """Say whether the name's length is allowed. If not, the real host runs all but this function."""
    allowed = len(trigger.queue) in _QUEUE_NAME_LENGTHS
    if not allowed:
        _log.error("The '%s' function is in error and does not run: the queue's name '%s' has not 3 to 63 characters.",
                   function, trigger.queue)  # fmt: skip
    return allowed


def describe(functions: Sequence[Function], routes: Routes, base_url: str) -> list[str]:
    """Describe each function in a line, for the terminal."""
    templates = {route.function.name: route.template for route in routes.in_order}
    width = max((len(function.name) for function in functions), default=0)
    return [
        f"  {item.name:<{width}}  {item.binding:<12}  {_where(item, templates, base_url)}{'  disabled' * item.disabled}"
        for item in functions
    ]


def _where(function: Function, templates: dict[str, str], base_url: str) -> str:
    match function.trigger:
        case HttpTrigger(methods=methods):
            return f"[{','.join(sorted(methods or {'any'}))}] {base_url}/{templates[function.name]}"
        case QueueTrigger(queue=queue):
            return queue
        case TimerTrigger(schedule=schedule):
            return schedule
