import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from devkit.functions_host.errors import CannotStart
from devkit.functions_host.functions import TimerTrigger
from devkit.functions_host.schedule import Schedule
from devkit.functions_host.timer_listener import TimerListener
from devkit.functions_host.timer_lock import LockLostError, TimerLock
from devkit.functions_host.timer_status import NEVER, StatusFile, TimerStatus, first_status
from tests.devkit.functions_host.helpers import read, running_here
from tests.host_process import until

if TYPE_CHECKING:
    from devkit.functions_host.dispatcher import Dispatcher

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)  # a Monday
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def schedule(expression: str) -> Schedule:
    return Schedule(expression, where="function 'sweep'", now=NOON)


@pytest.mark.parametrize(
    ("expression", "after"),
    [
        ("0 * * * * *", MINUTE),
        ("*/5 * * * *", 5 * MINUTE),
        ("30 0 13 * * *", HOUR + 30 * SECOND),
        ("0 0 12 * * MON-FRI", 24 * HOUR),
    ],
)
def test_six_fields_start_with_seconds_and_five_with_minutes(expression: str, after: timedelta) -> None:
    assert schedule(expression).after(NOON) == NOON + after


def test_day_of_month_and_weekday_must_both_match() -> None:
    assert schedule("0 0 12 13 * FRI").after(NOON) == datetime(2026, 11, 13, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "expression", ["", "00:05:00", "* * *", "61 * * * * *", "0 0 0 L * *", "0 0 0 * * 1#2", "0 0 0 30 2 *"]
)
def test_what_is_no_schedule_stops_the_start_by_name(expression: str) -> None:
    with pytest.raises(CannotStart, match="'sweep'"):
        schedule(expression)


@pytest.mark.parametrize(
    ("expression", "monitored"), [("0 * * * * *", True), ("*/30 * * * * *", False), ("* * * * * *", False)]
)
def test_only_what_fires_at_most_once_a_minute_is_monitored(expression: str, monitored: bool) -> None:
    assert schedule(expression).is_monitored(NOON) is monitored


def test_a_timer_seen_for_the_first_time_is_not_past_due() -> None:
    first = first_status(None, schedule("0 0 * * * *"), NOON)
    assert first == TimerStatus(last=NEVER, next=NOON + HOUR, last_updated=NOON)


@pytest.mark.parametrize("last", [NOON - 5 * HOUR, NEVER])
def test_a_missed_occurrence_is_past_due(last: datetime) -> None:
    recorded = TimerStatus(last=last, next=NOON - 4 * HOUR, last_updated=NOON - 5 * HOUR)
    assert first_status(recorded, schedule("0 0 * * * *"), NOON).next < NOON


def test_a_changed_schedule_starts_anew_and_is_not_past_due() -> None:
    recorded = TimerStatus(last=NOON - 5 * HOUR, next=NOON - 4 * HOUR, last_updated=NOON - 5 * HOUR)
    first = first_status(recorded, schedule("0 30 * * * *"), NOON)
    assert first == TimerStatus(last=NEVER, next=NOON + 30 * MINUTE, last_updated=NOON)


def test_a_status_is_read_as_it_was_written_and_a_broken_file_counts_as_none(tmp_path: Path) -> None:
    file = StatusFile(tmp_path / "timers" / "sweep.json")
    status = TimerStatus(next=NOON + HOUR, last_updated=NOON)
    file.write(status)
    assert file.read() == status
    (tmp_path / "timers" / "sweep.json").write_text("{")
    assert file.read() is None


class Clock:
    """Noon, and further by as much as real time passes, many times over."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._start = time.monotonic()

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=(time.monotonic() - self._start) * self._speed)


Run = Callable[..., TimerListener]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a host's timer by a clock that is `speed` times as fast, until the test ends."""
    started: list[TimerListener] = []
    dispatchers: list[Dispatcher] = []

    def run(
        code: Callable[[func.TimerRequest], Any],
        expression: str = "0 0 * * * *",
        *,
        file: StatusFile | None = None,
        name: str = "sweep",
        lock: TimerLock | None = None,
        on_error: Callable[[Exception], Any] = pytest.fail,
        run_on_startup: bool = False,
        speed: float = 1,
    ) -> TimerListener:
        app = func.FunctionApp()

        @app.function_name(name)
        @app.timer_trigger(arg_name="timer", schedule=expression)
        def sweep(timer: func.TimerRequest) -> None:
            code(timer)

        (function,) = read(app)
        dispatchers.append(running_here())
        listener = TimerListener(
            function=function,
            trigger=TimerTrigger(schedule=expression, run_on_startup=run_on_startup, use_monitor=file is not None),
            schedule=schedule(expression),
            status_file=file,
            lock=lock or TimerLock(tmp_path / "locks.sqlite", "sweep"),
            dispatcher=dispatchers[-1],
            on_error=on_error,
            now=Clock(speed),
        )
        started.append(listener)
        listener.start()
        return listener

    yield run
    for listener in started:
        listener.stop()
        assert listener.join(time.monotonic() + 10)
    for dispatcher in dispatchers:
        dispatcher.close()


@pytest.fixture
def file(tmp_path: Path) -> StatusFile:
    return StatusFile(tmp_path / "sweep.json")


def test_many_missed_occurrences_make_one_run(run: Run, file: StatusFile) -> None:
    requests: list[func.TimerRequest] = []
    file.write(TimerStatus(last=NOON - 5 * HOUR, next=NOON - 4 * HOUR, last_updated=NOON - 5 * HOUR))
    run(requests.append, file=file)
    until(lambda: (status := file.read()) is not None and status.next == NOON + HOUR)
    (request,) = requests
    assert request.past_due
    assert request.schedule_status["Next"] == (NOON - 4 * HOUR).isoformat()


def test_run_on_startup_runs_once_at_once(run: Run, file: StatusFile) -> None:
    requests: list[func.TimerRequest] = []
    run(requests.append, file=file, run_on_startup=True)
    until(lambda: requests)
    assert not requests[0].past_due


def test_without_either_it_waits_for_its_time_and_its_status_is_on_disk(
    run: Run, file: StatusFile, tmp_path: Path
) -> None:
    requests: list[func.TimerRequest] = []
    run(requests.append, file=file)
    until(file.read)
    assert requests == []
    written = json.loads((tmp_path / "sweep.json").read_text())
    assert written["Next"] == (NOON + HOUR).isoformat()
    assert sorted(written) == ["Last", "LastUpdated", "Next"]


def test_without_monitoring_the_function_gets_no_status(run: Run) -> None:
    requests: list[func.TimerRequest] = []
    run(requests.append, run_on_startup=True)
    until(lambda: requests)
    assert requests[0].schedule_status == {}


def test_exceptions_do_not_stop_the_schedule(run: Run) -> None:
    runs: list[func.TimerRequest] = []

    def fail(request: func.TimerRequest) -> None:
        runs.append(request)
        raise RuntimeError("no")

    run(fail, "* * * * * *", speed=10)
    until(lambda: len(runs) > 2)


def test_a_timer_never_overlaps_itself_and_an_overrun_runs_again_at_once(run: Run) -> None:
    running = threading.Lock()
    ends: list[float] = []
    starts: list[float] = []

    def overrun(_: func.TimerRequest) -> None:
        starts.append(time.monotonic())
        assert running.acquire(blocking=False)
        threading.Event().wait(0.3)
        running.release()
        ends.append(time.monotonic())

    run(overrun, "* * * * * *", speed=10)  # three occurrences pass during each run
    until(lambda: len(ends) == 3)
    assert starts[2] - ends[1] < 0.2


class Hosts:
    """Locks of several hosts on one folder, by a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.seconds = 0.0
        self._folder = folder

    def lock(self, name: str = "sweep") -> TimerLock:
        return TimerLock(self._folder / "timers" / "locks.sqlite", name, now=lambda: self.seconds)


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path)


def test_a_lock_is_taken_over_only_when_its_time_is_over(hosts: Hosts) -> None:
    first, second = hosts.lock(), hosts.lock()
    assert first.take()
    for hosts.seconds, taken in ((0.0, False), (59.9, False), (60.0, True)):
        assert second.take() == taken
    assert not first.take()


def test_a_lock_that_is_renewed_is_kept(hosts: Hosts) -> None:
    first, second = hosts.lock(), hosts.lock()
    assert first.take()
    hosts.seconds = 59.0
    assert first.take()
    hosts.seconds = 118.0
    assert not second.take()


def test_a_lock_that_lapsed_and_that_nobody_took_is_renewed(hosts: Hosts) -> None:
    first = hosts.lock()
    assert first.take()
    hosts.seconds = 3600.0
    assert first.take()
    assert not hosts.lock().take()


def test_a_lock_is_released_by_its_holder_alone(hosts: Hosts) -> None:
    first, second = hosts.lock(), hosts.lock()
    assert first.take()
    second.release()
    assert not second.take()
    first.release()
    assert second.take()


def test_each_timer_has_a_lock_of_its_own(hosts: Hosts) -> None:
    assert hosts.lock("sweep").take()
    assert hosts.lock("report").take()


def test_of_many_hosts_that_ask_at_once_one_gets_the_lock(hosts: Hosts) -> None:
    together = threading.Barrier(8)
    taken: list[bool] = []

    def ask() -> None:
        together.wait(10)
        taken.append(hosts.lock().take())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(taken) == [False] * 7 + [True]


def test_of_two_hosts_one_runs_the_timer_and_gives_it_up_when_it_stops(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    runs: list[str] = []
    first = run(lambda _: runs.append("first"), "* * * * * *", speed=20, name="first")
    until(lambda: runs)
    run(lambda _: runs.append("second"), "* * * * * *", speed=20, name="second")
    until(lambda: "Another host runs 'second'. Asking again in 60s." in caplog.text)
    until(lambda: len(runs) >= 4)
    assert set(runs) == {"first"}
    first.stop()
    assert first.join(time.monotonic() + 10)
    assert TimerLock(tmp_path / "locks.sqlite", "sweep").take()


def test_the_timer_of_a_host_that_died_is_taken_over_after_its_lock_lapsed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "locks.sqlite"
    runs: list[float] = []
    died = time.time()
    assert TimerLock(file, "sweep", seconds=1).take()
    run(lambda _: runs.append(time.time()), "* * * * * *", speed=20, lock=TimerLock(file, "sweep", seconds=0.4))
    until(lambda: runs)
    assert runs[0] >= died + 1


def test_a_lock_that_another_host_took_is_an_error_of_the_host(run: Run, tmp_path: Path) -> None:
    errors: list[Exception] = []
    runs: list[func.TimerRequest] = []
    far = time.time() + 3600
    lock = TimerLock(tmp_path / "locks.sqlite", "sweep", seconds=0.4)
    run(runs.append, lock=lock, on_error=errors.append, run_on_startup=True)
    until(lambda: runs)
    assert TimerLock(tmp_path / "locks.sqlite", "sweep", now=lambda: far).take()
    until(lambda: errors)
    assert [type(error) for error in errors] == [LockLostError]
