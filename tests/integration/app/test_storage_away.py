"""Intake while storage refuses or is silent: an answer within ten seconds, and 202 when one store took the lead."""

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

import pytest
from azure.storage.queue import QueueClient

from leadpipe.model.record import State
from tests.answering import Answer, answering, page, queue_error, table_error
from tests.factories import payload
from tests.integration.conftest import App, Starter
from tests.standin_process import Standin

TABLES = re.compile(r"/(Tables|leadledger|\$batch)")


@pytest.fixture
def refusing(free_port: int) -> int:
    """A port on which nobody listens."""
    return free_port


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        yield server.getsockname()[1]


@pytest.fixture(params=["refusing", "silent"])
def broken_port(request: pytest.FixtureRequest) -> int:
    return int(request.getfixturevalue(request.param))


def broken(account: str, service: str, port: int) -> str:
    """The account with one of its services at another port."""
    changed = re.sub(rf"({service}Endpoint=http://127\.0\.0\.1:)\d+", rf"\g<1>{port}", account)
    assert changed != account
    return changed


def timed_post(app: App, body: str | None = None) -> tuple[int, float]:
    started = time.monotonic()
    answer = app.post(body or payload())
    return answer.status_code, time.monotonic() - started


def test_with_the_tables_away_the_queue_is_enough(start_app: Starter, storage_account: str, broken_port: int) -> None:
    app = start_app(broken(storage_account, "Table", broken_port))
    status, seconds = timed_post(app)
    assert status == 202
    assert seconds < 10
    assert app.host.get("/api/health").status_code == 200


def test_with_the_queue_away_the_tables_are_enough(start_app: Starter, storage_account: str, broken_port: int) -> None:
    app = start_app(broken(storage_account, "Queue", broken_port), ledger_account=storage_account)
    started = time.monotonic()
    lead_id = app.accepted(payload())
    assert time.monotonic() - started < 10
    assert app.record(lead_id).state is State.ACCEPTED


def test_with_both_away_a_post_is_503_with_retry_after_and_health_is_red(
    start_app: Starter, storage_account: str, broken_port: int
) -> None:
    app = start_app(broken(broken(storage_account, "Queue", broken_port), "Table", broken_port))
    started = time.monotonic()
    answer = app.post(payload())
    assert time.monotonic() - started < 10
    assert (answer.status_code, answer.json()["error"]) == (503, "storage_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert app.host.get("/api/health").status_code == 503


NOTHING_KEPT = {
    "with the codes of the service": (table_error(409, "TableBeingDeleted"), queue_error(409, "QueueBeingDeleted")),
    "with pages of a proxy": (page(409), page(409)),
    "as if the row were missing": (page(404), page(404)),
    "as if all were well": (page(200), page(200)),
    "as if it were made": (page(201), page(201)),
}


@pytest.mark.parametrize("answers", NOTHING_KEPT.values(), ids=NOTHING_KEPT)
def test_two_stores_that_answer_and_keep_nothing_are_503_and_health_is_red(
    answers: tuple[Answer, Answer], start_app: Starter
) -> None:
    of_tables, of_queues = answers
    with answering() as storage:
        storage.answers = lambda _method, path: of_tables if TABLES.search(path) else of_queues
        app = start_app(storage.account, **{"AzureWebJobs.deliver.Disabled": "true"})
        for body in (payload(), "[]"):
            answer = app.post(body)
            assert (answer.status_code, answer.json()["error"]) == (503, "storage_unavailable")
        assert app.host.get("/api/health").status_code == 503


def test_a_ledger_that_answers_and_keeps_nothing_leaves_the_queue_to_keep_the_lead(
    start_app: Starter, storage_account: str
) -> None:
    with answering() as storage:
        for of_tables, _ in NOTHING_KEPT.values():
            storage.answer = of_tables
            app = start_app(broken(storage_account, "Table", storage.port), **{"AzureWebJobs.deliver.Disabled": "true"})
            assert app.post(payload()).status_code == 202
    queue = QueueClient.from_connection_string(storage_account, "leads")
    assert len(queue.peek_messages(max_messages=32)) == len(NOTHING_KEPT)


def test_posts_are_answered_at_once_while_dynamics_hangs_and_fifty_leads_wait(app: App, standin: Standin) -> None:
    app.settled(app.accepted(payload(FirstName="first, which signs in")))
    standin.fault("hang", seconds=30, count=None)
    with ThreadPoolExecutor(10) as clients:
        waiting = list(clients.map(lambda n: app.accepted(payload(FirstName=f"waiting {n}")), range(50)))
        assert len(waiting) == 50
        posts = list(clients.map(lambda n: timed_post(app, payload(FirstName=f"posted {n}")), range(100)))
    assert {status for status, _ in posts} == {202}
    p95 = quantiles([seconds for _, seconds in posts], n=20)[-1]
    assert p95 <= 1.0, p95
    standin.control("DELETE", "faults")
