"""What the listener asks of its queue, one request after the other; the queue answers as a test says."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import cast

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.storage.queue import QueueMessage

from devkit.functions_host.queue_listener import QueueListener
from devkit.functions_host.retries import StoppedError
from devkit.functions_host.storage import QueueAwayError, StorageQueue
from tests.devkit.functions_host.helpers import queue_options
from tests.host_process import until

MISSING, BUSY = QueueAwayError("QueueNotFound"), QueueAwayError("ServerBusy")


class ScriptedQueue:
    """Answers by the script, then as an empty queue; `asked` has a letter for each request."""

    name = "leads"

    def __init__(self, script: list[Exception | None]) -> None:
        self.asked = ""
        self._script = script
        self._stop = threading.Event()

    def require(self) -> None:
        self._answer("e")

    def receive(self, count: int, *, lease: float) -> list[QueueMessage]:  # noqa: ARG002
        self._answer("r")
        return []

    def stop_asking(self) -> None:
        self._stop.set()

    def _answer(self, request: str) -> None:
        if self._stop.is_set():
            raise StoppedError
        self.asked += request
        if self._script and (error := self._script.pop(0)):
            raise error


Listen = Callable[..., ScriptedQueue]


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def listen(errors: list[Exception]) -> Iterator[Listen]:
    listeners: list[QueueListener] = []

    def listen(*script: Exception | None) -> ScriptedQueue:
        queue = ScriptedQueue([*script])
        listeners.append(
            QueueListener(
                queue=cast("StorageQueue", queue),
                process=lambda _: None,
                options=queue_options(maxPollingInterval="00:00:00.1"),
                lease=600,
                on_error=errors.append,
            )
        )
        listeners[-1].start()
        return queue

    yield listen
    for listener in listeners:
        listener.stop()
        assert listener.join(time.monotonic() + 10)


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ([], "errr"),
        ([MISSING, MISSING], "eeerrr"),
        ([None, None, BUSY], "errerr"),
        ([None, BUSY, BUSY, None, MISSING], "ereererr"),
    ],
    ids=["there", "missing at first", "errors later", "away and then gone"],
)
def test_existence_is_asked_for_first_and_after_each_error_and_not_else(
    listen: Listen, errors: list[Exception], script: list[Exception | None], asked: str
) -> None:
    queue = listen(*script)
    until(lambda: len(queue.asked) >= len(asked))
    assert queue.asked[: len(asked)] == asked
    assert errors == []


@pytest.mark.parametrize("error", [HttpResponseError("403"), ServiceRequestError("refused")])
@pytest.mark.parametrize("before", [0, 1], ids=["existence", "receive"])
def test_any_other_error_of_either_request_is_the_last(
    listen: Listen, errors: list[Exception], error: Exception, before: int
) -> None:
    queue = listen(*[None] * before, error)
    until(lambda: errors)
    assert errors == [error]
    assert queue.asked == "er"[: before + 1]


def test_a_trouble_that_lasts_is_logged_once_and_so_is_its_end(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    queue = listen(BUSY, BUSY, BUSY)
    until(lambda: len(queue.asked) > 5)
    assert caplog.text.count("cannot be read (ServerBusy)") == 1
    assert caplog.text.count("can be read again") == 1


def test_a_stop_during_a_request_is_not_an_error(listen: Listen, errors: list[Exception]) -> None:
    queue = listen(StoppedError())
    until(lambda: queue.asked)
    assert errors == []
