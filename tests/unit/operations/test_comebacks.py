"""A cause that comes back after a replay, as the leads' histories say it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from leadpipe.model.change import Deferred, Edited, Poisoned, Replayed, Written, transition
from leadpipe.model.record import Event, Record
from leadpipe.operations.comebacks import MOST_AT_ONCE, MOST_OF_A_CAUSE, Comeback, Comebacks, came_back
from tests.factories import lead_id, payload, record
from tests.fakes import NOW, World

REFUSED, TOO_LONG = Poisoned(reason="refused"), Poisoned(reason="too_long")
REPLAYED = Replayed(actor="jane")
AWAY = Deferred(reason="dynamics_unreachable", attempt=2, next_try_at=NOW)


def after(made: Record, *changes: Any) -> tuple[Record, list[Event]]:
    """The record after these changes, a minute apart, and its history."""
    events = []
    for minute, change in enumerate(changes):
        decided = transition(made, change, at=NOW + timedelta(minutes=minute))
        assert decided is not None
        made = decided.after
        events += [decided.event] if decided.event else []
    return made, events


def minute(number: int) -> datetime:
    return NOW + timedelta(minutes=number)


@pytest.mark.parametrize(
    ("changes", "replayed_at"),
    [
        ((REFUSED, REPLAYED, REFUSED), minute(1)),
        ((REFUSED, REPLAYED, REFUSED, REPLAYED, REFUSED), minute(3)),
        ((REFUSED, REPLAYED, AWAY, REFUSED), minute(1)),
        ((REFUSED, Edited(actor="jane", payload=payload(Title="CFO")), REPLAYED, REFUSED), minute(2)),
        ((AWAY, REFUSED), None),
        ((REFUSED, REPLAYED, TOO_LONG), None),
        ((REFUSED, REPLAYED), None),
        ((REFUSED, REPLAYED, Written()), None),
        ((REFUSED,), None),
    ],
)
def test_a_lead_came_back_if_its_replay_ended_as_it_had_begun(
    changes: tuple[Any, ...], replayed_at: datetime | None
) -> None:
    assert came_back(*after(record(), *changes)) == replayed_at


def replayed(world: World, number: int, *changes: Any) -> Record:
    made, events = after(record(lead_id(number=number)), *changes)
    world.ledger.rows[made.lead_id] = made
    world.ledger.history |= {f"{made.lead_id}{place}": event for place, event in enumerate(events)}
    return made


def test_the_leads_of_each_cause_are_counted() -> None:
    world = World()
    made = [replayed(world, number, REFUSED, REPLAYED, REFUSED) for number in range(2)]
    made += [replayed(world, 7, REFUSED, REPLAYED, TOO_LONG), replayed(world, 8, TOO_LONG)]
    assert Comebacks().of(made, world.ledger) == {"refused": Comeback(leads=2, replayed_at=minute(1))}


def test_a_lead_that_was_tried_once_is_not_looked_at() -> None:
    world = World()
    made = replayed(world, 1, REFUSED)
    assert (Comebacks().of([made], world.ledger), world.journal) == ({}, [])


def test_a_history_is_read_once_until_the_lead_is_tried_again() -> None:
    world, known = World(), Comebacks()
    made = replayed(world, 1, REFUSED, REPLAYED, REFUSED)
    assert known.of([made], world.ledger) == known.of([made], world.ledger)
    assert world.journal.count("ledger.events") == 1
    again = replayed(world, 1, REFUSED, REPLAYED, REFUSED, REPLAYED, REFUSED)
    assert known.of([again], world.ledger)["refused"].replayed_at == minute(3)


def test_only_a_few_histories_of_each_cause_are_read_and_not_many_in_all() -> None:
    world = World()
    causes = [Poisoned(reason=f"plugin_{number}") for number in range(9)]
    made = [
        replayed(world, 100 * place + number, cause, REPLAYED, cause)
        for place, cause in enumerate(causes)
        for number in range(MOST_OF_A_CAUSE + 1)
    ]
    found = Comebacks().of(made, world.ledger)
    assert {comeback.leads for comeback in found.values()} == {MOST_OF_A_CAUSE}
    assert world.journal.count("ledger.events") == MOST_AT_ONCE
