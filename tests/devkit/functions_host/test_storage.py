"""Requests to a storage service that refuses, is away, or answers with errors: how often each is tried."""

import threading
from collections.abc import Callable, Iterator

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

from devkit.functions_host.http_functions import Call
from devkit.functions_host.http_reply import Reply
from devkit.functions_host.http_server import HttpServer
from devkit.functions_host.retries import SixTries, StoppedError
from devkit.functions_host.storage import QueueAwayError, StorageQueue
from devkit.launcher.ports import any_free
from tests.host_process import until

HURRY = 2000
REQUESTS: dict[str, Callable[[StorageQueue], object]] = {
    "existence": StorageQueue.require,
    "receive": lambda queue: queue.receive(8, lease=600),
    "update": lambda queue: queue.set_visibility("id", "receipt", seconds=600),
    "delete": lambda queue: queue.delete("id", "receipt"),
    "send": lambda queue: queue.send("x"),
}
ASKS = {"existence", "receive"}


class Service:
    """Answers every request with one status and code, and counts the requests."""

    def __init__(self) -> None:
        self.status, self.code = 200, ""
        self.calls = 0
        self._server = HttpServer(host="127.0.0.1", port=0, allow_chunked=False)
        self._server.start(self._answer)
        self.port = int(self._server.server_address[1])
        self.stop = self._server.stop

    def _answer(self, _: Call) -> Reply:
        self.calls += 1
        body = f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message/></Error>"
        return Reply(status=self.status, headers=[("x-ms-error-code", self.code)], body=body.encode())


@pytest.fixture(scope="module")
def one_service() -> Iterator[Service]:
    service = Service()
    yield service
    service.stop()


@pytest.fixture
def service(one_service: Service) -> Service:
    one_service.calls = 0
    return one_service


def queue_at(port: int, *, hurry: float = HURRY) -> StorageQueue:
    connection = f"AccountName=a;AccountKey=YQ==;QueueEndpoint=http://127.0.0.1:{port}/a"
    return StorageQueue(connection=connection, name="leads", connections=2, hurry=hurry)


def pauses(hurry: float) -> list[float]:
    policy = SixTries(hurry=hurry, jitter=lambda: 1.0)
    return [policy.get_backoff_time({"history": [None] * failed}) for failed in range(1, 6)]


def test_the_pauses_double_from_four_fifths_of_a_second() -> None:
    assert pauses(1) == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8])
    assert pauses(10) == pytest.approx([0.08, 0.16, 0.32, 0.64, 1.28])


def test_a_pause_is_a_fifth_longer_or_shorter_at_most() -> None:
    drawn = [SixTries().get_backoff_time({"history": [None]}) for _ in range(200)]
    assert 0.64 <= min(drawn) < 0.72
    assert 0.88 < max(drawn) <= 0.96


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_each_request_is_tried_six_times_on_an_answer_that_may_pass(
    service: Service, request_name: str, status: int
) -> None:
    service.status, service.code = status, "ServerBusy"
    waits = request_name in ASKS and status >= 500
    with pytest.raises(QueueAwayError if waits else HttpResponseError):
        REQUESTS[request_name](queue_at(service.port))
    assert service.calls == 6


@pytest.mark.parametrize("request_name", REQUESTS)
def test_a_403_is_final_at_once(service: Service, request_name: str) -> None:
    service.status, service.code = 403, "AuthorizationFailure"
    with pytest.raises(HttpResponseError):
        REQUESTS[request_name](queue_at(service.port))
    assert service.calls == 1


@pytest.mark.parametrize(
    ("status", "code"), [(404, "QueueNotFound"), (409, "QueueBeingDeleted"), (409, "QueueDisabled")]
)
@pytest.mark.parametrize("request_name", sorted(ASKS))
def test_a_queue_that_is_missing_or_being_deleted_is_waited_for(
    service: Service, request_name: str, status: int, code: str
) -> None:
    service.status, service.code = status, code
    with pytest.raises(QueueAwayError, match=code):
        REQUESTS[request_name](queue_at(service.port))
    assert service.calls == 1


@pytest.mark.parametrize("request_name", REQUESTS)
def test_no_answer_in_six_tries_is_an_error_that_nobody_waits_for(
    request_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    pause = SixTries.get_backoff_time
    monkeypatch.setattr(
        SixTries, "get_backoff_time", lambda policy, settings: (tries.append(1), pause(policy, settings))[1]
    )
    with pytest.raises(ServiceRequestError):
        REQUESTS[request_name](queue_at(any_free()))
    assert len(tries) == 5


def test_a_stop_ends_the_pause_between_two_tries_of_a_receive(service: Service) -> None:
    service.status, service.code = 503, "ServerBusy"
    queue = queue_at(service.port, hurry=1 / 1000)
    ended: list[Exception] = []

    def receive() -> None:
        try:
            queue.receive(8, lease=600)
        except (StoppedError, AzureError) as error:
            ended.append(error)

    thread = threading.Thread(target=receive)
    thread.start()
    until(lambda: service.calls == 1)
    queue.stop_asking()
    thread.join(10)
    assert [type(error) for error in ended] == [StoppedError]


def test_a_delete_goes_on_after_the_stop(service: Service) -> None:
    service.status, service.code = 503, "ServerBusy"
    queue = queue_at(service.port)
    queue.stop_asking()
    with pytest.raises(HttpResponseError):
        queue.delete("id", "receipt")
    assert service.calls == 6
