"""The canary's way through delivery, and the sweep that posts it and waits for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.delivery import deliver
from leadpipe.intake import take
from leadpipe.model.canary import CanaryState
from leadpipe.model.canary_form import PATIENCE, canary_payload
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import Blocked, CanaryFailed, DeliveryFailed, Refused, StorageFailed, Transient
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Ports
from leadpipe.model.record import OPEN, Record, State
from leadpipe.model.settings import Area, CanaryPlan, Fault, Settings
from leadpipe.sweep import sweep
from leadpipe.sweep.canary import keep_a_canary_out, post
from leadpipe.sweep.run import LONGEST_SWEEP, Head, Run
from tests.factories import payload
from tests.fakes import NOW, World

DAY = timedelta(days=1)
PLAN = CanaryPlan(every=DAY, url="https://contoso.azurewebsites.net/api/leads?code=s3cret")
SETTINGS = Settings(storage=None, dataverse=None, canary=PLAN)


def nothing() -> None:
    """What happens meanwhile, mostly."""


class Endpoint:
    """The app's own front door: what is posted goes through intake, or is refused."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.posted: list[str] = []
        self.failing: list[CanaryFailed] = []
        self.meanwhile = nothing

    def post(self, body: str) -> str:
        self.posted.append(body)
        self.meanwhile()
        if self.failing:
            raise self.failing.pop(0)
        entropy = len(self.posted).to_bytes(10, "big")
        world = self.world
        return take(body.encode(), at=world.at, entropy=entropy, ledger=world.ledger, queue=world.queue)


def a_world() -> tuple[World, Endpoint]:
    world = World()
    endpoint = Endpoint(world)
    world.canary = endpoint
    return world, endpoint


def one_run(world: World, settings: Settings = SETTINGS) -> Run:
    until = world.at + LONGEST_SWEEP
    return Run(
        now=world.now,
        until=until,
        hourly=False,
        chance=0.5,
        ports=world.ports,
        settings=settings,
        head=Head(world.queue),
    )


def run(world: World, settings: Settings = SETTINGS) -> None:
    keep_a_canary_out(world.marks.marks, one_run(world, settings))


def deliver_all(world: World, ports: Ports | None = None, settings: Settings = SETTINGS) -> None:
    messages, world.queue.messages = world.queue.messages, []
    for message in messages:
        deliver(message.text, dequeue_count=1, chance=0.5, now=world.now, ports=ports or world.ports, settings=settings)


def the_record(world: World) -> Record:
    (record,) = world.ledger.rows.values()
    return record


# Delivery


def test_a_canary_goes_the_whole_way_but_for_claim_and_create() -> None:
    world, _ = a_world()
    run(world)
    world.journal.clear()
    deliver_all(world)
    assert world.journal == ["ledger.read", "dynamics.has", "ledger.write"]
    record = the_record(world)
    assert (record.state, record.reason, world.dynamics.leads) == (State.KEPT, "canary", {})


def test_without_an_organisation_a_canary_is_kept_at_once() -> None:
    world, _ = a_world()
    run(world)
    deliver_all(world, replace(world.ports, dynamics=None))
    assert (the_record(world).state, the_record(world).reason) == (State.KEPT, "canary")
    assert world.fallback.rows == {}


def test_a_canary_that_an_older_version_created_is_written() -> None:
    world, _ = a_world()
    run(world)
    record = the_record(world)
    world.dynamics.create(record.lead_id, record)  # type: ignore[arg-type]
    deliver_all(world)
    assert the_record(world).state is State.WRITTEN


@pytest.mark.parametrize(
    "failure",
    [Transient("dynamics_unreachable"), Blocked("no_role", "403"), StorageFailed("storage_unreachable")],
    ids=lambda failure: failure.slug,
)
def test_a_canary_that_fails_is_deferred_and_its_record_shows_the_reason(failure: DeliveryFailed) -> None:
    world, _ = a_world()
    run(world)
    world.dynamics.failing = [failure]
    deliver_all(world)
    assert (the_record(world).state, the_record(world).reason) == (State.DEFERRED, failure.slug)
    world.at += timedelta(minutes=1)
    deliver_all(world)
    assert (the_record(world).state, the_record(world).reason) == (State.KEPT, "canary")


def test_what_a_canary_meets_shuts_the_gate_as_a_leads_failure_does() -> None:
    world, _ = a_world()
    run(world)
    world.dynamics.failing = [Blocked("no_role")]
    deliver_all(world)
    assert world.gate.is_shut(world.at)


def test_a_role_that_may_not_read_fails_the_canary_and_shuts_no_gate() -> None:
    world, _ = a_world()
    run(world)
    world.dynamics.may_read = False
    deliver_all(world)
    record = the_record(world)
    assert (record.state, record.reason, record.detail) == (State.DEFERRED, "missing_privilege", "prvReadLead")
    assert not world.gate.in_doubt(world.at)


def test_a_shut_gate_defers_a_canary_for_the_reason_that_shut_it() -> None:
    world, _ = a_world()
    ticket = world.gate.enter("another", world.at)
    world.gate.failed(ticket, Blocked("secret_expired"), world.at)  # type: ignore[arg-type]
    run(world)
    deliver_all(world)
    assert (the_record(world).state, the_record(world).reason) == (State.DEFERRED, "secret_expired")
    assert "dynamics.has" not in world.journal


def test_unusable_settings_defer_a_canary_and_ask_nothing() -> None:
    world, _ = a_world()
    run(world)
    fault = Fault(area=Area.DYNAMICS, setting="DATAVERSE_URL", problem="is not set")
    deliver_all(world, settings=replace(SETTINGS, faults=(fault,)))
    assert (the_record(world).state, the_record(world).reason) == (State.DEFERRED, "settings")
    assert world.dynamics.asked == 0


@pytest.mark.parametrize("failure", [Transient("dynamics_error", "503"), Blocked("no_role", "403")])
def test_a_canary_that_still_fails_after_ten_minutes_ends_with_its_last_reason(failure: DeliveryFailed) -> None:
    world, _ = a_world()
    run(world)
    world.at += PATIENCE - timedelta(seconds=1)
    world.dynamics.failing = [failure]
    deliver_all(world)
    assert the_record(world).state is State.DEFERRED
    world.at += timedelta(minutes=15)
    world.dynamics.failing = [failure]
    deliver_all(world)
    record = the_record(world)
    assert (record.state, record.reason) == (State.KEPT, "canary_failed")
    assert record.detail == f"{failure.slug}: {failure.detail}"
    assert (world.queue.messages, world.fallback.rows) == ([], {})


def test_a_canary_is_never_poisoned_by_a_refusal() -> None:
    world, _ = a_world()
    run(world)
    world.dynamics.failing = [Refused("refused", "400")]
    deliver_all(world)
    assert (the_record(world).state, the_record(world).detail) == (State.KEPT, "refused: 400")


def test_a_canary_posted_by_a_stranger_is_kept_and_two_of_them_are_no_duplicates() -> None:
    world, endpoint = a_world()
    for _ in range(2):
        endpoint.post(canary_payload(NOW))
    deliver_all(world)
    assert [record.reason for record in world.ledger.rows.values()] == ["canary", "canary"]


def test_a_near_canary_is_written_like_any_lead() -> None:
    world, endpoint = a_world()
    endpoint.post(canary_payload(NOW).replace("canary@leadpipe.invalid", "jane@contoso.com"))
    deliver_all(world)
    assert the_record(world).state is State.WRITTEN
    assert [lead.email for lead in world.dynamics.leads.values()] == ["jane@contoso.com"]


def test_a_canary_that_crashes_delivery_for_the_third_time_ends_as_kept() -> None:
    world, endpoint = a_world()
    endpoint.post(canary_payload(NOW))
    (message,) = world.queue.messages
    world.queue.messages.clear()
    record = the_record(world)
    world.ledger.rows[record.lead_id] = replace(record, rounds=2)
    world.poison_queue.holding(message.text)
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=replace(SETTINGS, canary=None))
    record = the_record(world)
    assert (record.state, record.reason) == (State.KEPT, "canary_failed")
    assert record.detail.startswith("no_outcome: ")


def test_a_record_whose_columns_alone_look_like_a_canarys_is_delivered() -> None:
    world = World()
    lead_id = new_lead_id(NOW, bytes(10))
    record = replace(Record.accepted(lead_id, canary_payload(NOW)), payload=payload())
    assert record.is_canary
    world.ledger.insert(record)
    world.queue.put(Envelope.of(record).to_text())
    deliver_all(world)
    assert the_record(world).state is State.WRITTEN


def test_a_canary_whose_payload_is_gone_is_left_to_a_person() -> None:
    world, endpoint = a_world()
    endpoint.post(canary_payload(NOW))
    record = the_record(world)
    world.ledger.rows[record.lead_id] = replace(record, payload=None)
    deliver_all(world)
    assert (the_record(world).state, the_record(world).reason) == (State.POISONED, "payload_missing")


# The sweep


def test_the_sweep_posts_one_and_sees_it_come_back() -> None:
    world, endpoint = a_world()
    run(world)
    assert (len(endpoint.posted), world.canary_marks.mark.state) == (1, CanaryState.OUT)
    assert world.canary_marks.mark.lead_id == the_record(world).lead_id
    world.at += timedelta(seconds=2)
    deliver_all(world)
    world.at += timedelta(minutes=1)
    run(world)
    mark = world.canary_marks.mark
    assert (mark.state, mark.took, len(endpoint.posted)) == (CanaryState.BACK, timedelta(seconds=2), 1)


def test_the_next_is_posted_a_day_later_and_not_before() -> None:
    world, endpoint = a_world()
    run(world)
    deliver_all(world)
    world.at = NOW + DAY - timedelta(seconds=1)
    run(world)
    assert len(endpoint.posted) == 1
    world.at = NOW + DAY
    run(world)
    assert len(endpoint.posted) == 2


def test_it_is_the_last_task_of_a_whole_sweep() -> None:
    world, endpoint = a_world()
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=SETTINGS)
    assert len(endpoint.posted) == 1


@pytest.mark.parametrize("settings", [replace(SETTINGS, canary=None), SETTINGS], ids=["not set", "no port"])
def test_without_a_setting_or_a_port_nothing_is_read_or_posted(settings: Settings) -> None:
    world, endpoint = a_world()
    if settings.canary:
        world.canary = None
    run(world, settings)
    assert (endpoint.posted, world.journal) == ([], [])


def test_two_sweeps_that_read_the_same_mark_post_one() -> None:
    world, endpoint = a_world()
    seen = world.canary_marks.read()
    for _ in range(2):
        post(seen, endpoint, one_run(world))
    assert len(endpoint.posted) == 1


def test_a_sweep_that_comes_while_another_is_posting_posts_none() -> None:
    world, endpoint = a_world()
    endpoint.meanwhile = lambda: run(world)
    run(world)
    assert len(endpoint.posted) == 1


def test_two_sweeps_that_judge_the_same_canary_write_one_verdict(caplog: pytest.LogCaptureFixture) -> None:
    world, endpoint = a_world()
    run(world)
    deliver_all(world)
    first = world.canary_marks.mark
    run(world)
    caplog.clear()
    stale = first
    world.canary_marks.read = lambda: stale  # type: ignore[method-assign]
    run(world)
    assert (len(endpoint.posted), "outcome=back" in caplog.text) == (1, False)


def test_a_process_that_dies_before_the_post_costs_ten_minutes() -> None:
    world, endpoint = a_world()
    world.canary_marks.mark = replace(world.canary_marks.mark.begun(NOW), version="v0")
    world.at = NOW + PATIENCE - timedelta(seconds=1)
    run(world)
    assert endpoint.posted == []
    world.at = NOW + PATIENCE
    run(world)
    assert len(endpoint.posted) == 1


def test_a_post_that_fails_names_its_step_and_the_next_comes_within_the_hour() -> None:
    world, endpoint = a_world()
    endpoint.failing = [CanaryFailed("canary_refused", "401")]
    run(world)
    mark = world.canary_marks.mark
    assert (mark.state, mark.step, mark.detail) == (CanaryState.FAILED, "canary_refused", "401")
    world.at = NOW + timedelta(hours=1)
    run(world)
    deliver_all(world)
    run(world)
    assert (world.canary_marks.mark.state, world.canary_marks.mark.step) == (CanaryState.BACK, "")


def test_one_that_nobody_delivers_fails_after_ten_minutes_and_its_message_is_stale() -> None:
    world, _ = a_world()
    run(world)
    world.at = NOW + PATIENCE
    run(world)
    assert world.canary_marks.mark.step == "canary_not_delivered"
    assert (the_record(world).state, the_record(world).reason) == (State.KEPT, "canary_failed")
    deliver_all(world)
    assert world.dynamics.asked == 0


def test_one_that_delivery_deferred_fails_with_the_reason_of_the_deferral() -> None:
    world, _ = a_world()
    run(world)
    world.dynamics.failing = [Blocked("no_role", "403 0x80042f09")]
    deliver_all(world)
    world.at = NOW + PATIENCE
    run(world)
    assert (world.canary_marks.mark.step, world.canary_marks.mark.detail) == ("canary_no_role", "403 0x80042f09")
    assert the_record(world).detail == "no_role: 403 0x80042f09"


def test_a_sweep_that_died_before_it_wrote_its_verdict_comes_to_the_same_one() -> None:
    world, _ = a_world()
    run(world)
    out = world.canary_marks.mark
    world.at = NOW + PATIENCE
    run(world)
    verdict = world.canary_marks.mark
    world.canary_marks.mark = out
    world.at += timedelta(minutes=1)
    run(world)
    assert (world.canary_marks.mark.step, world.canary_marks.mark.detail) == (verdict.step, verdict.detail)


def test_canaries_that_nobody_delivers_do_not_pile_up() -> None:
    world, endpoint = a_world()
    for _ in range(3 * 60):
        run(world)
        world.at += timedelta(minutes=1)
    assert len(endpoint.posted) == 3
    assert sum(record.state in OPEN for record in world.ledger.rows.values()) <= 1


def test_each_step_of_a_canary_is_one_line_of_the_log_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world, endpoint = a_world()
    run(world)
    lead_id = the_record(world).lead_id
    deliver_all(world)
    run(world)
    endpoint.failing = [CanaryFailed("canary_unreachable", "no machine has that name")]
    world.at = NOW + DAY
    run(world)
    lines = [line for line in caplog.messages if line.startswith("canary ")]
    assert lines == [
        f"canary lead_id={lead_id} outcome=out",
        f"canary lead_id={lead_id} outcome=back",
        "canary outcome=failed step=canary_unreachable",
    ]
    assert "s3cret" not in caplog.text
