"""Hands runs to the worker process, starts another one after its death, and ends what runs too long.

The three ways in which a run can end without its function's doing were recorded on Microsoft's host 4.1037:

- The worker dies: its runs have failed at that moment. Another worker is started, and what comes meanwhile waits for
  it. The third death within half an hour ends the host.
- A run takes longer than functionTimeout: two seconds later its worker is ended and replaced, and ten seconds after
  that the run has failed. The other runs of that worker never come to an end: they wait for their own time-out.
- The host itself dies, and its worker with it.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from azure.functions import meta

from devkit.functions_host.deadlines import Deadlines
from devkit.functions_host.errors import CannotStart
from devkit.functions_host.functions import Function
from devkit.functions_host.link import Ended, Indexed, Invocation, NotLoaded

_log = logging.getLogger("Host.Worker")
UNTIL_ENDED = 2.0
UNTIL_FAILED = 10.0
MOST_DEATHS = 3
DEATHS_WITHIN = 30 * 60.0


class RunFailedError(Exception):
    """The function raised, or its run was ended. What it raised is in the log."""


class TooManyDeathsError(Exception):
    """The worker died again and again."""


class Worker(Protocol):
    pid: int

    def send(self, invocation: Invocation) -> None: ...
    def kill(self) -> None: ...


@dataclass(slots=True, kw_only=True, eq=False)
class Run:
    """`worker` is None while it waits for one, and when it has answered after its time."""

    invocation: Invocation
    worker: Worker | None = None
    over_time: bool = False
    future: Future[Any] = field(default_factory=Future)
    started: float = field(default_factory=time.monotonic)


class Dispatcher:
    """Thread-safe.

    `start_worker` gets `on_message` and `on_end`, as WorkerProcess does. `hurry` divides the waits after a time-out.
    """

    def __init__(
        self,
        *,
        start_worker: Callable[..., Worker],
        function_timeout: float | None,
        hurry: float = 1.0,
    ) -> None:
        self._start_worker = start_worker
        self._timeout = function_timeout
        self._hurry = hurry
        self._deadlines = Deadlines(seconds=function_timeout, on_expiry=self._over_time)
        self._lock = threading.Condition()
        self._runs: dict[str, Run] = {}
        self._worker: Worker | None = None
        self._ready: Worker | None = None
        self._first: Indexed | NotLoaded | None = None
        self._deaths: list[float] = []
        self._closed = False
        # What cannot go on without the host's end; set by the host.
        self.on_error: Callable[[Exception], None] = lambda _: None

    def start(self) -> list[Function]:
        """Start the first worker and give the functions that it found. Raises CannotStart if it cannot load the app."""
        self._replace_worker()
        with self._lock:
            # Not without end: a signal that comes just before a wait begins does not interrupt it.
            while not self._lock.wait_for(lambda: self._first is not None, timeout=0.5):
                pass
        if isinstance(self._first, Indexed):
            return list(self._first.functions)
        raise CannotStart(self._first.reason if self._first else "the worker did not start")

    def invoke(self, function: Function, data: meta.Datum, metadata: Any, *, reason: str) -> Future[Any]:
        """Begin one run. Its failure is logged here; the future only says that it failed."""
        run_id = str(uuid.uuid4())
        run = Run(invocation=Invocation(run_id=run_id, function=function.name, data=data, metadata=metadata))
        logging.getLogger(f"Function.{function.name}").info(
            "Executing 'Functions.%s' (Reason='%s', Id=%s)", function.name, reason, run_id
        )
        self._deadlines.begin(run_id)
        with self._lock:
            self._runs[run_id] = run
            run.worker = self._ready
        if run.worker:
            run.worker.send(run.invocation)
        return run.future

    def running(self) -> list[str]:
        """Name the functions that run now, oldest first."""
        with self._lock:
            return [run.invocation.function for run in self._runs.values()]

    def join(self, deadline: float) -> bool:
        """Say whether every run ended before `deadline` (time.monotonic), those too whose message nobody holds."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._runs, timeout=max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """End the worker, whatever it still runs."""
        with self._lock:
            self._closed = True
            worker = self._worker
        if worker:
            worker.kill()

    # What the worker says, and its death

    def _message(self, worker: Worker, message: object) -> None:
        match message:
            case Ended():
                self._ended(message)
            case Indexed():
                self._take_runs(worker, message)
            case NotLoaded():
                self._note_first(message)

    def _note_first(self, message: Indexed | NotLoaded) -> None:
        with self._lock:
            if self._first is None:
                self._first = message
                self._closed = isinstance(message, NotLoaded)
                self._lock.notify_all()

    def _take_runs(self, worker: Worker, indexed: Indexed) -> None:
        with self._lock:
            if worker is not self._worker:
                return
            self._ready = worker
            waiting = [run for run in self._runs.values() if run.worker is None and not run.over_time]
            for run in waiting:
                run.worker = worker
        for run in waiting:
            worker.send(run.invocation)
        self._note_first(indexed)

    def _ended(self, message: Ended) -> None:
        with self._lock:
            run = self._runs.get(message.run_id)
            if run is None:
                return
            if run.over_time:  # it has failed, whatever it answers now
                run.worker = None
                return
        self._finish(run, value=message.value, error=message.error)

    def _worker_ended(self, worker: Worker) -> None:
        self._note_first(NotLoaded(reason="the worker process ended while it loaded the app"))
        with self._lock:
            if self._closed or worker is not self._worker:
                return
            self._worker = self._ready = None
            lost = [run for run in self._runs.values() if run.worker is worker]
            now = time.monotonic()
            self._deaths = [death for death in self._deaths if now - death < DEATHS_WITHIN] + [now]
            too_often = len(self._deaths) >= MOST_DEATHS
        _log.error("The worker process (%d) died, with %d runs.", worker.pid, len(lost))
        for run in lost:
            self._finish(run, error="The worker process died.")
        if too_often:
            self.on_error(TooManyDeathsError(f"The worker process died {MOST_DEATHS} times in half an hour."))
        else:
            self._replace_worker()

    def _replace_worker(self) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                self._worker = self._start_worker(on_message=self._message, on_end=self._worker_ended)
            except OSError as error:
                self.on_error(error)

    # Time-outs

    def _over_time(self, run_id: str) -> None:
        with self._lock:
            run = self._runs.get(run_id)
            if run is None:
                return
            run.over_time = True
        _log.error("Timeout value of %gs was exceeded by function: Functions.%s (Id=%s).",
                   self._timeout, run.invocation.function, run_id)  # fmt: skip
        self._after(UNTIL_ENDED, self._end_worker_of, run)

    def _end_worker_of(self, run: Run) -> None:
        with self._lock:
            if run.invocation.run_id not in self._runs:
                return
            worker = run.worker if run.worker is self._worker else None
            if worker:
                self._worker = self._ready = None
        if worker is None:  # it has answered meanwhile, or another time-out has ended its worker
            self._finish(run, error="The run took too long.")
            return
        self.end_for_its_time(worker)
        self._replace_worker()
        self._after(UNTIL_FAILED, self._finish, run, error="The run took too long.")

    def end_for_its_time(self, worker: Worker) -> None:
        """End a worker one of whose runs took too long. It is killed for other reasons too, which are no time-outs."""
        _log.error("The worker process (%d) is ended, since a run took too long.", worker.pid)
        worker.kill()

    def _after(self, seconds: float, call: Callable[..., None], run: Run, **options: str) -> None:
        timer = threading.Timer(seconds / self._hurry, call, [run], options)
        timer.daemon = True
        timer.start()

    def _finish(self, run: Run, *, value: meta.Datum | None = None, error: str = "") -> None:
        function, run_id = run.invocation.function, run.invocation.run_id
        with self._lock:
            if self._runs.pop(run_id, None) is None:
                return
            self._lock.notify_all()
        self._deadlines.end(run_id)
        duration = round((time.monotonic() - run.started) * 1000)
        logger = logging.getLogger(f"Function.{function}")
        if error:
            logger.error("Executed 'Functions.%s' (Failed, Id=%s, Duration=%dms)\n%s",
                         function, run_id, duration, error)  # fmt: skip
            run.future.set_exception(RunFailedError())
        else:
            logger.info("Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%dms)", function, run_id, duration)
            run.future.set_result(value)
