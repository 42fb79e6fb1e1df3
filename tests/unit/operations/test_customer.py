"""All that a customer did: the first lead, its notes, what waits, and what repeats one of them."""

from datetime import timedelta

import pytest

from leadpipe.model.errors import RecordDamaged
from leadpipe.model.record import Record, State
from leadpipe.operations.customer import actions_of
from tests.factories import lead_id, record
from tests.fakes import World

WINDOW, HOUR = timedelta(days=30), timedelta(hours=1)
FIRST, NOTE, REPEAT, WAITING, OTHER = (lead_id(number * HOUR, number) for number in range(5))


@pytest.fixture
def world() -> World:
    """A first lead, a note on it, a repeat of that, one that waits, and a lead of somebody else."""
    world = World()
    kept(world, FIRST, State.WRITTEN)
    kept(world, NOTE, State.MERGED, FIRST)
    kept(world, REPEAT, State.DUPLICATE, NOTE)
    kept(world, WAITING, State.DEFERRED, FIRST)
    kept(world, OTHER, State.MERGED, lead_id(9 * HOUR, 9))
    return world


def kept(world: World, lead: str, state: State, of: str = "") -> Record:
    made = world.ledger.insert(record(lead, state=state, duplicate_of=of))
    assert made is not None
    return made


def actions(world: World, lead: str, window: timedelta = WINDOW) -> list[str]:
    return [each.lead_id for each in actions_of(world.ledger.rows[lead], window, world.ledger)]


@pytest.mark.parametrize("lead", [FIRST, NOTE, REPEAT, WAITING])
@pytest.mark.parametrize("window", [WINDOW, timedelta(0)])
def test_whichever_is_shown_all_of_them_are_found_in_order(world: World, lead: str, window: timedelta) -> None:
    assert actions(world, lead, window) == [FIRST, NOTE, REPEAT, WAITING]


def test_a_lead_alone_has_no_timeline(world: World) -> None:
    kept(world, lead_id(20 * HOUR, 20), State.WRITTEN)
    assert actions(world, lead_id(20 * HOUR, 20)) == []


def test_a_first_lead_without_a_record_is_left_out(world: World) -> None:
    assert actions(world, OTHER) == [OTHER]


def test_a_first_lead_with_a_damaged_record_is_left_out(world: World) -> None:
    world.ledger.failing = [RecordDamaged("a row")]
    note = world.ledger.rows[NOTE]
    world.ledger.between = lambda *_, **__: iter([note])  # type: ignore[method-assign]
    assert [each.lead_id for each in actions_of(note, WINDOW, world.ledger)] == [NOTE]


def test_leads_that_name_one_another_in_a_circle_end(world: World) -> None:
    one, two = lead_id(30 * HOUR, 30), lead_id(31 * HOUR, 31)
    kept(world, one, State.MERGED, two)
    kept(world, two, State.MERGED, one)
    assert set(actions(world, one)) <= {one, two}
