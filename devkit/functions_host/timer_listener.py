"""Runs one timer function on its schedule, never two at once, and in one host at a time (TimerListener.cs)."""

import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from azure.functions import meta

from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.functions import Function, TimerTrigger
from devkit.functions_host.schedule import Schedule
from devkit.functions_host.timer_lock import LockLostError, TimerLock
from devkit.functions_host.timer_status import StatusFile, TimerStatus, first_status

_log = logging.getLogger("Host.Timers")
# Waits use the monotonic clock; that the machine slept is noticed within this many seconds.
_LONGEST_WAIT = 30.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TimerListener:
    """`status_file` is None for an unmonitored schedule, which is never past due."""

    def __init__(
        self,
        *,
        function: Function,
        trigger: TimerTrigger,
        schedule: Schedule,
        status_file: StatusFile | None,
        lock: TimerLock,
        dispatcher: Dispatcher,
        on_error: Callable[[Exception], None],
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._function = function
        self._run_on_startup = trigger.run_on_startup
        self._schedule = schedule
        self._file = status_file
        self._lock = lock
        self._dispatcher = dispatcher
        self._on_error = on_error
        self._now = now
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"timer-{function.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self, deadline: float) -> bool:
        """Say whether a run in flight ended before `deadline` (time.monotonic)."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            if self._take_lock():
                renewal = threading.Thread(target=self._renew_lock, name=f"lock-{self._function.name}", daemon=True)
                renewal.start()
                self._run_until_stopped()
                renewal.join()  # else it could take the lock again
                self._lock.release()
        except Exception as error:  # noqa: BLE001 - a function's own error never gets here; this is the host's
            self._on_error(error)

    def _take_lock(self) -> bool:
        """Wait for the lock; False if stopped meanwhile."""
        while not self._lock.take():
            _log.info("Another host runs '%s'. Asking again in %gs.", self._function.name, self._lock.seconds)
            if self._stop.wait(self._lock.seconds):
                return False
        _log.info("This host runs '%s'.", self._function.name)
        return True

    def _renew_lock(self) -> None:
        """Renew at each half of its time. A lock that is lost is an unhandled error of the real host as well."""
        try:
            while not self._stop.wait(self._lock.seconds / 2):
                if not self._lock.take():
                    self._on_error(LockLostError(self._function.name))
                    return
        except Exception as error:  # noqa: BLE001 - as above
            self._on_error(error)

    def _run_until_stopped(self) -> None:
        now = self._now()
        status = first_status(self._file.read() if self._file else None, self._schedule, now)
        self._record(status)
        if now > status.next:
            status = self._fire(status, now, past_due=True)
        elif self._run_on_startup:
            status = self._fire(status, now)
        while self._wait_until(status.next):
            now = self._now()
            # If the clock is a little slow, the same occurrence must not be the next one again.
            status = self._fire(status, max(now, status.next))

    def _wait_until(self, moment: datetime) -> bool:
        """Wait; False if stopped meanwhile."""
        while (left := (moment - self._now()).total_seconds()) > 0:
            if self._stop.wait(min(left, _LONGEST_WAIT)):
                return False
        return not self._stop.is_set()

    def _fire(self, status: TimerStatus, now: datetime, *, past_due: bool = False) -> TimerStatus:
        """Run once. The next occurrence counts from this run's start, so after an overrun one run follows at once."""
        if past_due:
            _log.warning("Function '%s' is past due: it was due at %s.", self._function.name, status.next.isoformat())
        sent = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.as_json() if self._file else None,
            "IsPastDue": past_due,
        }
        run = self._dispatcher.invoke(
            self._function, meta.Datum(json.dumps(sent), "json"), {}, reason=f"Timer fired at {now.isoformat()}"
        )
        run.exception()
        status = TimerStatus(last=now, next=self._schedule.after(now), last_updated=now)
        self._record(status)
        return status

    def _record(self, status: TimerStatus) -> None:
        if self._file:
            self._file.write(status)
