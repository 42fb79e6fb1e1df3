"""When each of the endpoint's own keys was last used."""

from datetime import timedelta

from leadpipe.model.errors import InvalidLead
from leadpipe.model.keys import EndpointKey
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.record import Record
from leadpipe.operations.keys import KeyUse, uses_of
from tests.factories import payload
from tests.fakes import NOW, World

A, B = (EndpointKey(name=name, value=name * 20) for name in "ab")
DAY = timedelta(days=1)


def came(world: World, ago: timedelta, key_name: str, number: int = 0, *, no_lead: bool = False) -> str:
    made = new_lead_id(NOW - ago, number.to_bytes(10, "big"))
    record = Record.accepted(made, payload(), key_name=key_name)
    if no_lead:
        record = Record.rejected(made, InvalidLead("not_json", ""), b"{", key_name=key_name)
    world.ledger.insert(record)
    return made


def used(world: World, *keys: EndpointKey) -> dict[str, KeyUse]:
    return {use.name: use for use in uses_of(keys, world.ledger, NOW).keys}


def test_a_key_has_its_last_lead_and_the_leads_of_a_week() -> None:
    world = World()
    for number in range(3):
        came(world, 3 * DAY, "a", number)
    last = came(world, DAY, "a")
    came(world, 8 * DAY, "a")
    assert used(world, A)["a"] == KeyUse(name="a", configured=True, last_used_at=NOW - DAY, last_lead_id=last, leads=4)


def test_a_key_not_used_for_weeks_is_looked_for_ninety_days_back() -> None:
    world = World()
    came(world, DAY, "b")
    long_ago = came(world, 80 * DAY, "a")
    assert (used(world, A, B)["a"].last_lead_id, used(world, A, B)["a"].leads) == (long_ago, 0)


def test_no_further_than_that() -> None:
    world = World()
    came(world, 100 * DAY, "a")
    assert used(world, A)["a"] == KeyUse(name="a", configured=True)


def test_once_each_key_was_seen_nothing_older_than_a_week_is_read() -> None:
    world = World()
    came(world, DAY, "a")
    for days in range(2, 60):
        came(world, days * DAY, "a")
    used(world, A)
    assert world.journal.count("ledger.records") <= 10


def test_a_name_that_is_not_configured_any_more_is_shown_for_a_week() -> None:
    world = World()
    came(world, 2 * DAY, "gone")
    came(world, 20 * DAY, "long-gone")
    found = uses_of([A], world.ledger, NOW).keys
    assert [(use.name, use.configured, use.leads) for use in found] == [("a", True, 0), ("gone", False, 1)]


def test_configured_keys_come_first_in_their_order() -> None:
    world = World()
    came(world, DAY, "aa")
    came(world, DAY, "a", 1)
    assert [use.name for use in uses_of([B, A], world.ledger, NOW).keys] == ["b", "a", "aa"]


def test_a_post_that_was_no_lead_is_a_use_and_no_lead() -> None:
    world = World()
    post = came(world, DAY, "a", no_lead=True)
    use = used(world, A)["a"]
    assert (use.last_lead_id, use.leads) == (post, 0)


def test_leads_without_a_key_are_counted_apart() -> None:
    world = World()
    for ago in (DAY, 2 * DAY, 30 * DAY):
        came(world, ago, "")
    came(world, DAY, "", 1, no_lead=True)
    found = uses_of([A], world.ledger, NOW)
    assert (found.nameless, [use.name for use in found.keys]) == (2, ["a"])
