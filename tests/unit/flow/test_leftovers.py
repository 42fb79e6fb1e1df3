"""What a process that died, or was overtaken, left in the fallback table of a lead that is settled."""

from datetime import timedelta

import pytest

from leadpipe.model.ports import Marks
from leadpipe.model.record import OPEN, State
from leadpipe.sweep import sweep
from leadpipe.sweep.run import LONGEST_SWEEP
from tests.factories import record, settings
from tests.fakes import NOW, World


def swept(world: World) -> None:
    sweep(now=world.now, chance=0.0, ports=world.ports, settings=settings())


def left_row(world: World, state: State, *, ago: timedelta = timedelta(minutes=1)) -> str:
    kept = record(state=state, next_try_at=None, received_at=NOW - ago)
    world.ledger.rows[kept.lead_id] = kept
    world.fallback.rows[kept.lead_id] = kept
    return kept.lead_id


@pytest.mark.parametrize("state", [State.WRITTEN, State.POISONED, State.DUPLICATE, State.ERASED])
def test_the_row_of_a_settled_lead_is_deleted(state: State) -> None:
    world = World()
    left_row(world, state)
    swept(world)
    assert world.fallback.rows == {}


@pytest.mark.parametrize("state", sorted(OPEN))
def test_the_row_of_an_open_lead_stays(state: State) -> None:
    world = World()
    lead_id = left_row(world, state)
    swept(world)
    assert [*world.fallback.rows] == [lead_id]


def test_the_row_of_a_lead_without_a_record_stays() -> None:
    world = World()
    lead_id = left_row(world, State.WRITTEN)
    world.ledger.rows.clear()
    swept(world)
    assert [*world.fallback.rows] == [lead_id]


def test_a_lead_that_was_opened_again_meanwhile_keeps_its_row() -> None:
    world = World()
    lead_id = left_row(world, State.FALLBACK)
    world.ledger.between = lambda *_, **__: iter(())  # type: ignore[method-assign]
    swept(world)
    assert [*world.fallback.rows] == [lead_id]


def test_it_is_looked_for_once_an_hour() -> None:
    world = World()
    world.marks.marks = Marks(looked_back_at=NOW - timedelta(minutes=30), taken_in_until=NOW)
    left_row(world, State.WRITTEN)
    swept(world)
    assert "fallback.lead_ids" not in world.journal


def test_without_time_to_delete_all_the_marks_stay_and_the_next_sweep_continues() -> None:
    world = World()
    lead_id = left_row(world, State.WRITTEN)
    listed = world.fallback.lead_ids

    def slow(*days: object) -> object:
        world.at += LONGEST_SWEEP
        return listed(*days)  # type: ignore[arg-type]

    world.fallback.lead_ids = slow  # type: ignore[assignment, method-assign]
    swept(world)
    assert [*world.fallback.rows] == [lead_id]
    assert world.marks.marks.looked_back_at is None
