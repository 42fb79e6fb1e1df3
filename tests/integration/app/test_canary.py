"""A canary through the app's own front door, over real HTTP, real storage and real TLS; only the clock is moved.

The tests run the sweep's task in their own process, with the app's settings, so that no test waits for ten minutes.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadpipe.model.canary import CanaryMark, CanaryState
from leadpipe.model.canary_form import PATIENCE, canary_payload
from leadpipe.model.ports import Canary, Marks, Ports
from leadpipe.model.record import Record, State
from leadpipe.model.settings import Settings
from leadpipe.sweep.canary import keep_a_canary_out
from leadpipe.sweep.run import LONGEST_SWEEP, Head, Run
from leadpipe.wiring import Wiring
from tests.host_process import until
from tests.integration.conftest import App, Starter
from tests.standin_process import Standin

DELIVERY_OFF = {"AzureWebJobs.deliver.Disabled": "1"}


@dataclass
class Flight:
    """The sweeps of an app and what they leave. `late` moves their clock."""

    app: App
    settings: Settings
    ports: Ports

    def sweep(self, *, late: timedelta = timedelta(0), ports: Ports | None = None) -> CanaryMark:
        def now() -> datetime:
            return datetime.now(UTC) + late

        run = Run(
            now=now,
            until=now() + LONGEST_SWEEP,
            hourly=False,
            chance=0.5,
            ports=ports or self.ports,
            settings=self.settings,
            head=Head(self.ports.queue),
        )
        keep_a_canary_out(Marks(), run)
        return self.ports.canary_marks.read()

    def records(self) -> list[Record]:
        today = datetime.now(UTC).date()
        return [*self.app.ledger.between(today - timedelta(days=1), today + timedelta(days=1))]

    def failed(self, *, first: Callable[[Record], bool] = lambda _: True) -> tuple[str, str]:
        """The step at which a canary fails that was accepted, and its detail. `first`: what has to be true before."""
        mark = self.sweep()
        assert (mark.state, mark.step) == (CanaryState.OUT, "")
        until(lambda: first(self.app.record(mark.lead_id)), "the record's change")
        mark = self.sweep(late=PATIENCE)
        assert mark.state is CanaryState.FAILED
        record = self.app.record(mark.lead_id)
        assert (record.state, record.reason) == (State.KEPT, "canary_failed")
        return mark.step, mark.detail


def is_deferred(record: Record) -> bool:
    return record.state is State.DEFERRED


Fly = Callable[..., Flight]


@pytest.fixture
def fly(start_app: Starter, storage_account: str, standin: Standin) -> Fly:
    """Starts the app, which asks for its key, and gives its sweeps the address with that key, or with another one."""

    def start(key: str = "", **settings: str) -> Flight:
        app = start_app(storage_account, "--enable-auth", **settings)
        key = key or app.host.function_key()
        environment = {
            **standin.settings,
            "AzureWebJobsStorage": storage_account,
            "LEADPIPE_CANARY": "1d",
            "LEADPIPE_CANARY_URL": f"{app.host.url}/api/leads?code={key}",
        }
        read = Settings.from_environment(environment)
        assert read.faults == ()
        return Flight(app=app, settings=read, ports=Wiring(read).delivery())

    return start


def test_a_canary_comes_back_and_dynamics_has_no_lead(fly: Fly, standin: Standin) -> None:
    flight = fly()
    mark = flight.sweep()
    record = flight.app.settled(mark.lead_id)
    assert (record.state, record.reason, record.attempt) == (State.KEPT, "canary", 1)
    mark = flight.sweep()
    assert (mark.state, mark.step, mark.ended_at) == (CanaryState.BACK, "", record.updated_at)
    assert standin.leads() == []
    assert len(flight.records()) == 1


def test_with_the_key_taken_away_the_step_is_the_refusal(fly: Fly) -> None:
    flight = fly(key="another")
    mark = flight.sweep()
    assert (mark.state, mark.step, mark.detail) == (CanaryState.FAILED, "canary_refused", "401")
    assert flight.records() == []


def test_with_another_path_the_step_is_the_refusal(fly: Fly) -> None:
    flight = fly()
    plan = flight.settings.canary
    assert plan is not None
    elsewhere = replace(plan, url=plan.url.replace("/api/leads", "/api/lead"))
    ports = Wiring(replace(flight.settings, canary=elsewhere)).delivery()
    mark = flight.sweep(ports=ports)
    assert (mark.step, mark.detail) == ("canary_refused", "404")


def test_with_the_app_away_the_step_is_the_address(fly: Fly) -> None:
    flight = fly()
    flight.app.host.stop()
    assert flight.sweep().step == "canary_unreachable"


def test_with_delivery_switched_off_the_step_is_delivery(fly: Fly) -> None:
    assert fly(**DELIVERY_OFF).failed() == ("canary_not_delivered", "accepted")


def test_with_the_role_gone_the_step_is_the_role(fly: Fly, standin: Standin) -> None:
    standin.fault("no_role")
    step, _ = fly().failed(first=is_deferred)
    assert step == "canary_no_role"


def test_with_a_role_without_any_privilege_the_step_is_the_privilege(fly: Fly, standin: Standin) -> None:
    standin.configure(privileges={})
    assert fly().failed(first=is_deferred) == ("canary_missing_privilege", "prvReadLead")


def test_with_a_wrong_secret_the_step_is_the_sign_in(fly: Fly) -> None:
    step, _ = fly(DATAVERSE_CLIENT_SECRET="wrong").failed(first=is_deferred)
    assert step == "canary_secret_wrong"


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ({"kind": "drop"}, "canary_dynamics_unreachable"),
        ({"kind": "status", "status": 503}, "canary_dynamics_error"),
        ({"kind": "sign_in_drop"}, "canary_sign_in_unavailable"),
    ],
    ids=str,
)
def test_with_dynamics_away_the_step_is_dynamics(fly: Fly, standin: Standin, fault: dict[str, Any], step: str) -> None:
    standin.fault(**fault)
    assert fly().failed(first=is_deferred)[0] == step


def test_a_canary_taken_by_another_app_is_said(
    fly: Fly, start_app: Starter, new_storage_account: Callable[[], str]
) -> None:
    flight = fly()
    plan = flight.settings.canary
    assert plan is not None
    other = start_app(new_storage_account())
    elsewhere = replace(plan, url=f"{other.host.url}/api/leads")
    flight.sweep(ports=Wiring(replace(flight.settings, canary=elsewhere)).delivery())
    mark = flight.sweep(late=PATIENCE)
    assert (mark.step, mark.detail) == ("canary_not_delivered", "no_record")


def test_after_a_failure_the_next_that_comes_back_ends_it(fly: Fly, standin: Standin) -> None:
    standin.fault("no_role", count=1)
    flight = fly()
    assert flight.failed(first=is_deferred)[0] == "canary_no_role"
    assert flight.sweep(late=timedelta(minutes=59)).state is CanaryState.FAILED
    mark = flight.sweep(late=timedelta(hours=1))
    assert (mark.state, mark.step) == (CanaryState.OUT, "canary_no_role")
    flight.app.settled(mark.lead_id)
    mark = flight.sweep(late=timedelta(hours=1))
    assert (mark.state, mark.step, mark.failing_since) == (CanaryState.BACK, "", None)


class Counting:
    """Counts the posts."""

    def __init__(self, canary: Canary) -> None:
        self._canary = canary
        self.posts = 0

    def post(self, body: str) -> str:
        self.posts += 1
        return self._canary.post(body)


def test_of_two_sweeps_at_once_one_posts(fly: Fly) -> None:
    flight = fly()
    assert flight.ports.canary is not None
    counting, barrier = Counting(flight.ports.canary), threading.Barrier(2)
    read = flight.ports.canary_marks.read

    class Marks:
        write = staticmethod(flight.ports.canary_marks.write)

        @staticmethod
        def read() -> CanaryMark:
            mark = read()
            barrier.wait(20)
            return mark

    ports = replace(flight.ports, canary=counting, canary_marks=Marks)
    threads = [threading.Thread(target=lambda: flight.sweep(ports=ports)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counting.posts, len(flight.records())) == (1, 1)


def test_a_strangers_canaries_are_kept_and_nobodys_lead_is_lost(app: App, standin: Standin) -> None:
    at = datetime.now(UTC)
    ids = [app.accepted(canary_payload(at)) for _ in range(2)]
    assert [(app.settled(lead_id).state, app.settled(lead_id).reason) for lead_id in ids] == [
        (State.KEPT, "canary")
    ] * 2
    near = app.accepted(canary_payload(at).replace('"Phone": ""', '"Phone": "+1 425 555 0100"'))
    assert app.settled(near).state is State.WRITTEN
    assert [lead["leadid"] for lead in standin.leads()] == [near]
