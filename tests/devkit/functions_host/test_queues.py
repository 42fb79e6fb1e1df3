"""Queue functions in this process, on real Azurite."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import azure.functions as func
import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from devkit.functions_host.dispatcher import Dispatcher
from devkit.functions_host.queue_listener import QueueListener
from devkit.functions_host.queue_processor import QueueProcessor, poison_name
from devkit.functions_host.storage import StorageQueue
from tests.devkit.functions_host.helpers import queue_function, queue_options
from tests.host_process import until

Clients = Callable[[str], QueueClient]
Listen = Callable[..., QueueListener]


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def listen(azurite_account: str, dispatcher: Dispatcher, errors: list[Exception]) -> Iterator[Listen]:
    """Listen with `code` on a queue until the test ends; errors that would end the host are in `errors`."""
    listeners: list[QueueListener] = []

    def listen(
        code: Callable[[func.QueueMessage], Any],
        name: str,
        *,
        lease: float = 600,
        skip_spent: bool = False,
        **options: Any,
    ) -> QueueListener:
        read = queue_options(**options)

        def queue(each: str) -> StorageQueue:
            return StorageQueue(connection=azurite_account, name=each, connections=read.concurrency + 2)

        poison = poison_name(name)
        processor = QueueProcessor(
            function=queue_function(code, name),
            queue=queue(name),
            poison=queue(poison) if poison else None,
            options=read,
            lease=lease,
            dispatcher=dispatcher,
            skip_spent=skip_spent,
        )
        listener = QueueListener(
            queue=queue(name), process=processor.process, options=read, lease=lease, on_error=errors.append
        )
        listeners.append(listener)
        listener.start()
        return listener

    yield listen
    for listener in listeners:
        listener.stop()
        assert listener.join(time.monotonic() + 10)


@pytest.fixture
def queue(client: Clients, queue_name: str) -> QueueClient:
    made = client(queue_name)
    made.create_queue()
    return made


@pytest.fixture
def poison(client: Clients, queue_name: str) -> QueueClient:
    """Not created: that is the host's to do."""
    return client(f"{queue_name}-poison")


def put(queue: QueueClient, body: bytes | str = b"x") -> str:
    text = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return queue.send_message(text).id


def count(queue: QueueClient) -> int:
    """Hidden ones too."""
    return queue.get_queue_properties().approximate_message_count or 0


def contents(queue: QueueClient) -> list[str]:
    try:
        return [message.content for message in queue.peek_messages(32)]
    except ResourceNotFoundError:
        return []


class Failing:
    """A function that raises, and counts how often it was asked."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def __call__(self, message: func.QueueMessage) -> None:
        self.counts.append(message.dequeue_count)
        raise RuntimeError("no")


def test_messages_poisoned_at_once_make_their_queue_once_and_all_get_there(
    listen: Listen, queue: QueueClient, poison: QueueClient, errors: list[Exception]
) -> None:
    together = threading.Barrier(4)

    def fail(_: func.QueueMessage) -> None:
        together.wait(10)
        raise RuntimeError("no")

    for number in range(4):
        put(queue, f"number {number}".encode())
    listen(fail, queue.queue_name, maxDequeueCount=1)
    until(lambda: len(contents(poison)) == 4 or errors)
    assert errors == []
    until(lambda: count(queue) == 0)


def test_a_poison_queue_that_somebody_else_made_a_moment_before_takes_the_message(
    azurite_account: str, poison: QueueClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = QueueClient.create_queue

    def second(client: QueueClient, **options: Any) -> Any:
        create(poison, metadata={"by": "another"})
        return create(client, **options)

    monkeypatch.setattr(QueueClient, "create_queue", second)
    StorageQueue(connection=azurite_account, name=poison.queue_name, connections=1).send("x")
    assert contents(poison) == ["x"]


def test_a_message_that_succeeds_is_deleted(listen: Listen, queue: QueueClient) -> None:
    bodies: list[bytes] = []
    put(queue, "grüße".encode())
    listen(lambda message: bodies.append(message.get_body()), queue.queue_name)
    until(lambda: count(queue) == 0)
    assert bodies == ["grüße".encode()]


def test_a_message_takes_one_receive_and_one_delete(
    listen: Listen, queue: QueueClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods: list[str] = []
    real = requests.Session.request

    def counted(self: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        response = real(self, method, url, **options)
        if threading.current_thread().name.startswith(("poll-", "queue-")):
            methods.append(method if method != "GET" or b"<QueueMessage>" in response.content else "empty poll")
        return response

    put(queue)
    monkeypatch.setattr(requests.Session, "request", counted)
    listen(lambda _: None, queue.queue_name)
    until(lambda: "DELETE" in methods)
    assert [method for method in methods if method != "empty poll"] == ["GET", "DELETE"]


def test_a_failing_function_runs_exactly_max_dequeue_count_times_then_is_poisoned_at_once(
    listen: Listen, queue: QueueClient, poison: QueueClient
) -> None:
    failing = Failing()
    put(queue, b"lead")
    listen(failing, queue.queue_name, maxDequeueCount=3)
    until(lambda: contents(poison))
    assert failing.counts == [1, 2, 3]
    until(lambda: count(queue) == 0)


def test_the_poison_copy_is_the_body_alone_and_gone_after_seven_days(
    listen: Listen, queue: QueueClient, poison: QueueClient
) -> None:
    first = put(queue, b"lead")
    listen(Failing(), queue.queue_name, maxDequeueCount=1)
    (copy,) = until(lambda: contents(poison) and poison.peek_messages())
    assert copy.content == base64.b64encode(b"lead").decode()
    assert copy.id != first
    assert (copy.expires_on - copy.inserted_on).days == 7


def test_a_failed_message_waits_for_the_visibility_timeout(listen: Listen, queue: QueueClient) -> None:
    moments: list[float] = []

    def fail(_: func.QueueMessage) -> None:
        moments.append(time.monotonic())
        if len(moments) == 1:
            raise RuntimeError("no")

    put(queue)
    listen(fail, queue.queue_name, visibilityTimeout="00:00:02")
    until(lambda: len(moments) == 2)
    assert moments[1] - moments[0] > 1


def test_a_message_past_max_dequeue_count_is_poisoned_without_a_run(
    listen: Listen, queue: QueueClient, poison: QueueClient
) -> None:
    put(queue)
    for _ in range(3):  # as three crashes would leave it
        message = queue.receive_message(visibility_timeout=600)
        assert message is not None
        queue.update_message(message, visibility_timeout=0)
    failing = Failing()
    listen(failing, queue.queue_name, maxDequeueCount=3)
    until(lambda: contents(poison))
    assert failing.counts == []


def test_at_max_dequeue_count_it_still_runs(listen: Listen, queue: QueueClient) -> None:
    put(queue)
    message = queue.receive_message(visibility_timeout=600)
    assert message is not None
    queue.update_message(message, visibility_timeout=0)
    counts: list[int] = []
    listen(lambda each: counts.append(each.dequeue_count), queue.queue_name, maxDequeueCount=2)
    until(lambda: counts == [2])


def test_text_that_is_not_base64_goes_to_poison_as_it_is_without_a_run(
    listen: Listen, queue: QueueClient, poison: QueueClient
) -> None:
    failing = Failing()
    put(queue, '{"a": "<b>"}')
    listen(failing, queue.queue_name)
    assert until(lambda: contents(poison)) == ['{"a": "<b>"}']
    assert failing.counts == []
    until(lambda: count(queue) == 0)


def test_base64_that_is_not_utf8_is_tried_again_and_then_poisoned(
    listen: Listen, queue: QueueClient, poison: QueueClient, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing()
    put(queue, b"\xff\xfe")
    listen(failing, queue.queue_name, maxDequeueCount=2)
    until(lambda: contents(poison))
    assert failing.counts == []
    assert caplog.text.count("is not UTF-8") == 2


def test_a_body_that_breaks_the_metadata_fails_every_run_and_is_not_logged(
    listen: Listen, queue: QueueClient, poison: QueueClient, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing()
    put(queue, b'{"expirationTime": "ann@example.com"}')
    listen(failing, queue.queue_name, maxDequeueCount=2)
    until(lambda: contents(poison))
    assert failing.counts == []
    assert "ArgumentError: ValueError" in caplog.text
    assert "ann@example.com" not in caplog.text


def test_with_no_encoding_plain_text_is_run(listen: Listen, queue: QueueClient) -> None:
    bodies: list[bytes] = []
    put(queue, "plain")
    listen(lambda message: bodies.append(message.get_body()), queue.queue_name, messageEncoding="none")
    until(lambda: bodies == [b"plain"])


def test_a_function_that_returns_something_has_failed(listen: Listen, queue: QueueClient, poison: QueueClient) -> None:
    put(queue)
    listen(lambda _: "done", queue.queue_name, maxDequeueCount=1)
    until(lambda: contents(poison))


def test_a_long_run_keeps_its_lease_and_is_deleted_by_its_last_receipt(listen: Listen, queue: QueueClient) -> None:
    counts: list[int] = []
    leave = threading.Event()

    def slow(message: func.QueueMessage) -> None:
        counts.append(message.dequeue_count)
        leave.wait(3.2)

    put(queue)
    listen(slow, queue.queue_name, lease=2)
    until(lambda: counts)
    until(lambda: count(queue) == 0)
    assert counts == [1]


def test_a_refused_renewal_is_an_error_of_the_host_which_waits_for_the_run(
    listen: Listen, dispatcher: Dispatcher, queue: QueueClient, errors: list[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = threading.Event()

    def refuse(*_: object, **__: object) -> str:
        raise HttpResponseError("503")

    monkeypatch.setattr(StorageQueue, "set_visibility", refuse)
    put(queue)
    listen(lambda _: leave.wait(20), queue.queue_name, lease=2)
    until(lambda: errors)
    assert not dispatcher.join(time.monotonic())
    leave.set()
    assert dispatcher.join(time.monotonic() + 10)
    assert (count(queue), contents(queue)) == (1, [])


def test_a_lost_lease_is_swallowed(listen: Listen, queue: QueueClient, errors: list[Exception]) -> None:
    counts: list[int] = []

    def settle_it_itself(message: func.QueueMessage) -> None:
        queue.delete_message(message.id, message.pop_receipt)
        counts.append(message.dequeue_count)

    def change_the_receipt(message: func.QueueMessage) -> None:
        if message.get_body() == b"first":
            settle_it_itself(message)
            return
        queue.update_message(message.id, message.pop_receipt, visibility_timeout=600)
        counts.append(message.dequeue_count)
        if message.get_body() == b"third":
            raise RuntimeError("no")

    for body in (b"first", b"second", b"third"):
        put(queue, body)
    listener = listen(change_the_receipt, queue.queue_name)
    until(lambda: len(counts) == 3)
    listener.stop()
    assert listener.join(time.monotonic() + 10)
    assert errors == []
    assert count(queue) == 2


def test_no_more_run_at_once_than_batch_and_threshold_together(listen: Listen, queue: QueueClient) -> None:
    running, most = 0, 0
    lock, leave = threading.Lock(), threading.Event()

    def gather(_: func.QueueMessage) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        leave.wait(0.1)
        with lock:
            running -= 1

    for _ in range(16):
        put(queue)
    listen(gather, queue.queue_name, batchSize=2, newBatchThreshold=1)
    until(lambda: count(queue) == 0)
    assert 2 <= most <= 3


def test_a_batch_is_only_asked_for_again_at_the_threshold(listen: Listen, queue: QueueClient) -> None:
    started: list[int] = []
    leave = threading.Event()

    def hold(_: func.QueueMessage) -> None:
        started.append(1)
        leave.wait(10)

    for _ in range(6):
        put(queue)
    listen(hold, queue.queue_name, batchSize=4, newBatchThreshold=2)
    until(lambda: len(started) == 4)
    assert len(queue.peek_messages(32)) == 2
    leave.set()
    until(lambda: len(started) == 6)


@pytest.fixture
def spent_poison(client: Clients, queue_name: str) -> QueueClient:
    """A queue that is itself named …-poison, with one message that has been received once."""
    queue = client(f"{queue_name}-poison")
    queue.create_queue()
    put(queue)
    message = queue.receive_message(visibility_timeout=600)
    assert message is not None
    queue.update_message(message, visibility_timeout=0)
    return queue


def test_on_a_poison_queue_a_failure_is_neither_released_nor_deleted(
    listen: Listen, client: Clients, queue_name: str
) -> None:
    queue = client(f"{queue_name}-poison")
    queue.create_queue()
    put(queue)
    failing = Failing()
    listener = listen(failing, queue.queue_name, maxDequeueCount=5)
    until(lambda: failing.counts)
    listener.stop()
    assert listener.join(time.monotonic() + 10)
    assert (count(queue), contents(queue), failing.counts) == (1, [], [1])


def test_on_a_poison_queue_a_spent_message_is_run_again(listen: Listen, spent_poison: QueueClient) -> None:
    failing = Failing()
    listen(failing, spent_poison.queue_name, maxDequeueCount=1)
    until(lambda: failing.counts == [2])


def test_on_a_poison_queue_the_older_extension_skips_a_spent_message(listen: Listen, spent_poison: QueueClient) -> None:
    failing = Failing()
    listen(failing, spent_poison.queue_name, maxDequeueCount=1, skip_spent=True)
    until(lambda: contents(spent_poison) == [])
    assert (failing.counts, count(spent_poison)) == ([], 1)


def test_a_missing_queue_is_waited_for_and_never_made(
    listen: Listen, client: Clients, queue_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bodies: list[bytes] = []
    listen(lambda message: bodies.append(message.get_body()), queue_name)
    until(lambda: "QueueNotFound" in caplog.text)
    queue = client(queue_name)
    queue.create_queue()  # would fail with 409 had the listener made it differently
    put(queue)
    until(lambda: bodies)
    assert caplog.text.count("cannot be read") == 1


def test_what_a_message_raises_beyond_its_function_ends_the_host(azurite_account: str, queue: QueueClient) -> None:
    errors: list[Exception] = []

    def refuse(_: object) -> None:
        raise PermissionError("403")

    put(queue)
    listener = QueueListener(
        queue=StorageQueue(connection=azurite_account, name=queue.queue_name, connections=2),
        process=refuse,
        options=queue_options(),
        lease=600,
        on_error=errors.append,
    )
    listener.start()
    until(lambda: errors)
    listener.stop()
    assert listener.join(time.monotonic() + 10)
    assert isinstance(errors[0], PermissionError)
