"""The proxy between a host and the queue service: what it writes down, and the faults that a host then meets."""

import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tests.answering import Answer, Server, answering
from tests.devkit.functions_host.traces.proxy import Fault, Proxy, asked_of
from tests.host_process import until

PATH = "/account/orders/messages?numofmessages=8&visibilitytimeout=600"
EMPTY = b'\xef\xbb\xbf<?xml version="1.0"?><QueueMessagesList></QueueMessagesList>'


@pytest.fixture
def service() -> Iterator[Server]:
    with answering() as server:
        server.answer = Answer(status=200, body=EMPTY)
        yield server


@pytest.fixture
def proxy(service: Server) -> Iterator[Proxy]:
    proxy = Proxy(service.port, lambda: None)
    yield proxy
    proxy.close()


def ask(proxy: Proxy) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{proxy.port}{PATH}", timeout=20)


def test_a_request_is_passed_on_and_written_down(proxy: Proxy, service: Server) -> None:
    assert ask(proxy).content == EMPTY
    assert service.requests == [f"GET {PATH}"]
    (seen,) = proxy.seen()
    assert {**seen, "t": 0} == {
        "t": 0, "op": "receive", "queue": "orders", "n": 8, "vt": 600, "status": 200, "messages": []
    }  # fmt: skip


def test_a_refusal_comes_in_the_place_of_the_service_and_for_its_count(proxy: Proxy, service: Server) -> None:
    proxy.add(Fault(operation="receive", status=503, code="ServerBusy", count=2))
    answers = [ask(proxy) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["x-ms-error-code"] == "ServerBusy"
    assert [seen["status"] for seen in proxy.seen()] == [503, 503, 200]
    assert len(service.requests) == 1


def test_a_reply_can_be_lost_after_the_service_did_its_work(proxy: Proxy, service: Server) -> None:
    proxy.add(Fault(operation="receive", status=500, code="InternalError", after=True))
    assert ask(proxy).status_code == 500
    assert len(service.requests) == 1


def test_a_dropped_connection_is_one_without_an_answer(proxy: Proxy, service: Server) -> None:
    proxy.add(Fault(operation="receive", drop=True))
    with pytest.raises(requests.ConnectionError):
        ask(proxy)
    assert [seen["status"] for seen in proxy.seen()] == ["dropped"]
    assert service.requests == []


def test_an_answer_can_be_held_back(proxy: Proxy) -> None:
    proxy.add(Fault(operation="receive", hold=0.5))
    started = time.monotonic()
    assert ask(proxy).status_code == 200
    assert time.monotonic() - started >= 0.5


def test_an_answer_that_is_held_back_does_not_outlive_the_proxy(service: Server) -> None:
    proxy = Proxy(service.port, lambda: None)
    fault = Fault(operation="receive", hold=600)
    proxy.add(fault)
    asking = threading.Thread(target=ask, args=(proxy,))
    asking.start()
    until(lambda: fault.count == 0, "the request")
    proxy.close()
    asking.join(20)
    assert not asking.is_alive()


def test_a_fault_of_one_queue_leaves_the_others_alone(proxy: Proxy) -> None:
    proxy.add(Fault(operation="receive", queue="another", status=503, code="ServerBusy"))
    assert ask(proxy).status_code == 200


SEND = b"<QueueMessage><MessageText>&lt;a&gt; &amp; b</MessageText></QueueMessage>"


@pytest.mark.parametrize(
    ("method", "target", "operation"),
    [
        ("GET", "/account/q?comp=metadata", "exists"),
        ("PUT", "/account/q", "create"),
        ("DELETE", "/account/q", "delete_queue"),
        ("GET", "/account/q/messages?numofmessages=1", "receive"),
        ("GET", "/account/q/messages?peekonly=true", "peek"),
        ("POST", "/account/q/messages", "send"),
        ("PUT", "/account/q/messages/an-id?popreceipt=x&visibilitytimeout=2", "update"),
        ("DELETE", "/account/q/messages/an-id?popreceipt=x", "delete"),
    ],
)
def test_each_request_of_the_queue_service_has_its_name(method: str, target: str, operation: str) -> None:
    asked = asked_of(method, target, SEND)
    assert (asked["op"], asked["queue"]) == (operation, "q")
    assert asked.get("id") == ("an-id" if operation in {"update", "delete"} else None)
