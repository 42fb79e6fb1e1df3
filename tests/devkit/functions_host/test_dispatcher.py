"""What becomes of runs when their worker dies or one of them takes too long; the worker is in this process."""

import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest
from azure.functions import meta

from devkit.functions_host import dispatcher as module
from devkit.functions_host.dispatcher import Dispatcher, RunFailedError, TooManyDeathsError
from tests.devkit.functions_host.helpers import WorkerHere, queue_function
from tests.host_process import DEADLINE, until

if TYPE_CHECKING:
    from concurrent.futures import Future

    from devkit.functions_host.functions import Function

TIMEOUT = 1.0
HURRY = 20.0


class Workers:
    """Starts workers in this process. A run whose message is `hang` waits until the test ends."""

    def __init__(self) -> None:
        self.started: list[WorkerHere] = []
        self.begun: list[str] = []
        self.go_on = threading.Event()
        self.may_start = threading.Event()
        self.may_start.set()
        self.function: Function = queue_function(self._run)

    def start(self, **callbacks: Any) -> WorkerHere:
        self.started.append(WorkerHere(**callbacks, when=self.may_start))
        return self.started[-1]

    def _run(self, message: func.QueueMessage) -> None:
        text = message.get_body().decode()
        self.begun.append(text)
        if text == "hang":
            self.go_on.wait(DEADLINE)
        if text == "raise":
            raise RuntimeError


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers()
    yield made
    made.go_on.set()
    made.may_start.set()


@pytest.fixture
def dispatcher(workers: Workers) -> Iterator[Dispatcher]:
    made = Dispatcher(start_worker=workers.start, function_timeout=TIMEOUT, hurry=HURRY)
    made.start()
    yield made
    made.close()


@pytest.fixture
def unlimited(workers: Workers) -> Iterator[Dispatcher]:
    made = Dispatcher(start_worker=workers.start, function_timeout=None)
    made.start()
    yield made
    made.close()


def run(dispatcher: Dispatcher, workers: Workers, text: str) -> "Future[Any]":
    return dispatcher.invoke(workers.function, meta.Datum(text, "string"), {}, reason="a test")


def failed(future: "Future[Any]") -> bool:
    return isinstance(future.exception(DEADLINE), RunFailedError)


def die(worker: WorkerHere) -> None:
    worker.kill()


def test_all_runs_of_a_worker_that_dies_fail_at_once(unlimited: Dispatcher, workers: Workers) -> None:
    runs = [run(unlimited, workers, "hang") for _ in range(3)]
    until(lambda: len(workers.begun) == 3)
    die(workers.started[0])
    assert [failed(each) for each in runs] == [True] * 3


def test_what_comes_after_a_death_waits_for_the_next_worker(unlimited: Dispatcher, workers: Workers) -> None:
    workers.may_start.clear()
    die(workers.started[0])
    until(lambda: len(workers.started) == 2)
    waiting = run(unlimited, workers, "ok")
    assert (workers.begun, waiting.done()) == ([], False)
    workers.may_start.set()
    assert waiting.result(DEADLINE) is None


def test_the_third_death_in_half_an_hour_ends_the_host_and_starts_no_worker(
    unlimited: Dispatcher, workers: Workers
) -> None:
    errors: list[Exception] = []
    unlimited.on_error = errors.append
    for number in range(3):
        until(lambda number=number: len(workers.started) == number + 1)
        assert run(unlimited, workers, "ok").result(DEADLINE) is None
        assert errors == []
        die(workers.started[number])
    until(lambda: errors)
    assert isinstance(errors[0], TooManyDeathsError)
    assert len(workers.started) == 3


def test_deaths_further_apart_never_end_the_host(
    unlimited: Dispatcher, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEATHS_WITHIN", 0.0)
    errors: list[Exception] = []
    unlimited.on_error = errors.append
    for number in range(4):
        until(lambda number=number: len(workers.started) == number + 1)
        assert run(unlimited, workers, "ok").result(DEADLINE) is None
        die(workers.started[number])
    until(lambda: len(workers.started) == 5)
    assert errors == []


def test_a_run_over_its_time_fails_some_time_after_its_worker_is_replaced(
    dispatcher: Dispatcher, workers: Workers
) -> None:
    begun = time.monotonic()
    hangs = run(dispatcher, workers, "hang")
    until(lambda: len(workers.started) == 2)
    assert not hangs.done()
    assert run(dispatcher, workers, "ok").result(DEADLINE) is None
    assert failed(hangs)
    assert time.monotonic() - begun >= TIMEOUT + (module.UNTIL_ENDED + module.UNTIL_FAILED) / HURRY


def test_another_run_of_an_ended_worker_hangs_until_its_own_time_out(dispatcher: Dispatcher, workers: Workers) -> None:
    first = run(dispatcher, workers, "hang")
    until(lambda: len(workers.begun) == 1)
    time.sleep(TIMEOUT / 2)  # as long as the second one shall outlive the first
    begun = time.monotonic()
    second = run(dispatcher, workers, "hang")
    until(lambda: len(workers.started) == 2)
    workers.go_on.set()  # its worker is dead and says nothing of it
    assert failed(second)
    assert time.monotonic() - begun >= TIMEOUT + module.UNTIL_ENDED / HURRY
    assert failed(first)
    assert len(workers.started) == 2


def test_a_run_that_answers_after_its_time_has_failed_and_keeps_its_worker(
    workers: Workers, caplog: pytest.LogCaptureFixture
) -> None:
    dispatcher = Dispatcher(start_worker=workers.start, function_timeout=TIMEOUT)
    dispatcher.start()
    late = run(dispatcher, workers, "hang")
    until(lambda: "was exceeded" in caplog.text)
    workers.go_on.set()
    assert failed(late)
    assert len(workers.started) == 1
    dispatcher.close()


def test_a_run_that_never_got_a_worker_fails_at_its_time_out(dispatcher: Dispatcher, workers: Workers) -> None:
    workers.may_start.clear()
    die(workers.started[0])
    until(lambda: len(workers.started) == 2)
    assert failed(run(dispatcher, workers, "ok"))
    workers.may_start.set()
    assert run(dispatcher, workers, "after").result(DEADLINE) is None
    assert workers.begun == ["after"]


def test_time_outs_are_no_deaths_that_end_the_host(dispatcher: Dispatcher, workers: Workers) -> None:
    errors: list[Exception] = []
    dispatcher.on_error = errors.append
    for number in range(3):
        hangs = run(dispatcher, workers, "hang")
        until(lambda number=number: len(workers.started) == number + 2)
        assert failed(hangs)
    assert errors == []


def test_a_function_that_raises_kills_nobody(unlimited: Dispatcher, workers: Workers) -> None:
    assert failed(run(unlimited, workers, "raise"))
    assert run(unlimited, workers, "ok").result(DEADLINE) is None
    assert len(workers.started) == 1
