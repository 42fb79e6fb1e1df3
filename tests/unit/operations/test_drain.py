"""Draining the fallback table by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.model.errors import Blocked, RecordDamaged, Refused, StorageFailed, Transient
from leadpipe.model.record import State
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.drain import drained, rows_left_behind
from leadpipe.sweep.run import Head, Run
from tests.factories import lead_id, record, settings
from tests.fakes import World

IDS = [lead_id(timedelta(seconds=number), number) for number in range(4)]


@pytest.fixture
def world() -> World:
    """Four leads that rest, two of them without a next try."""
    world = World()
    for number, lead in enumerate(IDS):
        reason, next_try_at = ("no_dynamics", None) if number % 2 else ("throttled", world.at + timedelta(hours=1))
        made = record(lead, state=State.FALLBACK, reason=reason, next_try_at=next_try_at)
        world.fallback.keep(world.ledger.insert(made) or made)
    return world


def run(world: World) -> Run:
    until = datetime.max.replace(tzinfo=UTC)
    return Run(
        now=world.now,
        until=until,
        hourly=False,
        head=Head(world.queue),
        chance=0.5,
        ports=world.ports,
        settings=settings(),
    )


def drain(world: World) -> list[Result]:
    return list(drained(IDS, run(world)))


def test_all_that_rest_are_written_whatever_they_wait_for(world: World) -> None:
    assert [result.outcome for result in drain(world)] == [Outcome.WRITTEN] * 4
    assert {*world.dynamics.leads} == {*IDS}
    assert world.fallback.rows == {}


def test_of_one_customers_leads_the_first_is_written_and_the_others_are_noted(world: World) -> None:
    resting = run(world)
    merging = replace(resting, settings=settings(merge=timedelta(days=30), dedupe_window=timedelta(0)))
    results = list(drained(IDS, merging))
    assert [result.outcome for result in results] == [Outcome.WRITTEN] * 4
    assert [result.state for result in results] == [State.WRITTEN, *[State.MERGED] * 3]
    assert ({*world.dynamics.leads}, {*world.dynamics.notes}, world.fallback.rows) == ({IDS[0]}, {*IDS[1:]}, {})


@pytest.mark.parametrize("failure", [Transient("dynamics_unreachable"), Transient("throttled"), Blocked("no_role")])
def test_the_first_that_dynamics_does_not_take_ends_the_run_with_its_reason(world: World, failure: Transient) -> None:
    world.dynamics.failing = [failure]
    (result,) = drain(world)
    assert (result.outcome, result.reason, result.state) == (Outcome.FAILED, failure.slug, State.FALLBACK)
    assert len(world.fallback.rows) == 4
    assert world.dynamics.leads == {}


def test_a_failure_that_concerns_one_lead_alone_does_not_keep_the_next_from_following(world: World) -> None:
    world.dynamics.failing = [Blocked("owner_lacks_privilege", lead_only=True)]
    results = drain(world)
    assert (results[0].outcome, results[0].reason) == (Outcome.FAILED, "owner_lacks_privilege")
    assert [result.outcome for result in results[1:]] == [Outcome.WRITTEN] * 3


def test_one_that_is_refused_for_good_is_poisoned_and_the_next_follows(world: World) -> None:
    world.dynamics.failing = [Refused("too_long", "emailaddress1")]
    results = drain(world)
    assert (results[0].outcome, results[0].reason) == (Outcome.REFUSED, "too_long")
    assert [result.outcome for result in results[1:]] == [Outcome.WRITTEN] * 3
    assert world.ledger.rows[IDS[0]].state is State.POISONED


def test_what_the_sweep_delivered_meanwhile_is_told_so(world: World) -> None:
    drain(world)
    results = drain(world)
    assert {(result.outcome, result.state) for result in results} == {(Outcome.CHANGED, State.WRITTEN)}
    assert len(world.dynamics.leads) == 4


def test_storage_that_does_not_answer_ends_the_run(world: World) -> None:
    world.ledger.failing = [StorageFailed("storage_unreachable", "the ledger")]
    (result,) = drain(world)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "storage_unreachable")


def test_a_fault_on_one_lead_does_not_keep_the_next_from_following(world: World) -> None:
    world.dynamics.failing = [TypeError("Jane Doe")]  # type: ignore[list-item]
    results = drain(world)
    assert (results[0].outcome, results[0].reason) == (Outcome.FAILED, "unforeseen")
    assert "Jane" not in results[0].detail
    assert [result.outcome for result in results[1:]] == [Outcome.WRITTEN] * 3


def test_rows_of_settled_leads_are_those_left_behind(world: World) -> None:
    assert list(rows_left_behind(run(world))) == []
    row = world.fallback.rows[IDS[0]]
    drain(world)
    world.fallback.keep(row)
    world.fallback.keep(record(lead_id(number=99)))  # nobody knows that one: it is not ours to remove
    assert list(rows_left_behind(run(world))) == [IDS[0]]


def test_one_whose_record_is_damaged_is_named_and_the_next_follows(world: World) -> None:
    world.ledger.failing = [RecordDamaged("20260314/x: Attempt is 0")]
    results = drain(world)
    assert (results[0].outcome, results[0].reason) == (Outcome.REFUSED, "record_damaged")
    assert "20260314/x" in results[0].detail
    assert [result.outcome for result in results[1:]] == [Outcome.WRITTEN] * 3


def test_the_row_of_a_lead_whose_record_is_damaged_is_not_left_behind(world: World) -> None:
    world.ledger.rows[IDS[1]] = replace(world.ledger.rows[IDS[1]], state=State.WRITTEN)
    world.ledger.failing = [RecordDamaged("20260314/x: Attempt is 0")]
    assert list(rows_left_behind(run(world))) == [IDS[1]]
