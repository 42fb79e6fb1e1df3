"""LEADPIPE_MERGE: one customer's later actions become notes on the first lead, whatever happens in between."""

from dataclasses import replace
from datetime import timedelta
from itertools import cycle

import pytest

from leadpipe.delivery import Try, deliver, deliver_record
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import Blocked, Refused, StorageFailed, Transient
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Marks
from leadpipe.model.record import BEHIND_FIRST, Record, State
from leadpipe.model.schedule import DELAYS
from leadpipe.model.settings import Settings, SpecialLeads
from leadpipe.operations.decisions import Desk, discard, replay
from leadpipe.sweep import sweep
from tests.factories import payload
from tests.fakes import NOW, World

WINDOW = timedelta(days=30)
MERGE = Settings(storage=None, dataverse=None, merge=WINDOW)
OFF = Settings(storage=None, dataverse=None)
INS, PLT, TRIAL = (payload(ActionCode=code) for code in ("INS", "PLT", "StartTestDrive"))
CUSTOMER = Lead.from_payload(INS).customer()
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
AWAY = Transient("dynamics_unreachable")


def action(world: World, posted: str, number: int, *, after: timedelta = timedelta(0), **changes: object) -> Record:
    """An action of the customer, received so long after NOW, with fields of its record."""
    accepted = Record.accepted(new_lead_id(NOW + after, bytes([number] * 10)), posted)
    record = world.ledger.insert(replace(accepted, **changes))  # type: ignore[arg-type]
    assert record is not None
    return record


def run(world: World, record: Record, *, settings: Settings = MERGE, dequeue_count: int = 1) -> Record:
    """Delivers the record's message, as it now is."""
    world.journal.clear()
    text = Envelope.of(held(world, record)).to_text()
    ports = world.ports
    deliver(text, dequeue_count=dequeue_count, chance=0.5, now=world.now, ports=ports, settings=settings)
    return held(world, record)


def drain(world: World, record: Record, *, settings: Settings = MERGE) -> Record:
    a_try = Try(attempt=record.attempt, first=False, chance=0.5, now=world.now)
    return deliver_record(held(world, record), a_try, ports=world.ports, settings=settings)


def held(world: World, record: Record) -> Record:
    return world.ledger.rows[record.lead_id]


def become(world: World, record: Record, **changes: object) -> Record:
    after = replace(held(world, record), **changes)  # type: ignore[arg-type]
    return world.ledger.write(held(world, record), after, None)


def desk(world: World) -> Desk:
    return Desk(actor="jane", now=world.now, ports=world.ports)


def two(world: World) -> tuple[Record, Record]:
    """A first action, and one an hour later."""
    return action(world, INS, 1), action(world, PLT, 2, after=HOUR)


# The straight way


def test_a_customers_first_action_claims_the_customer_and_becomes_a_lead() -> None:
    world = World()
    first = action(world, INS, 1)
    assert run(world, first).state is State.WRITTEN
    assert world.journal == ["ledger.read", "claims.take", "claims.take", "dynamics.create", "ledger.write"]
    assert world.claims.rows[CUSTOMER].lead_id == first.lead_id


def test_a_later_action_becomes_a_note_under_its_own_id_on_the_first_lead() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    merged = run(world, later)
    assert (merged.state, merged.duplicate_of, merged.written_at) == (State.MERGED, first.lead_id, NOW)
    assert world.dynamics.notes == {later.lead_id: first.lead_id}
    assert [*world.dynamics.leads] == [first.lead_id]
    assert [call for call in world.journal if not call.endswith("read")] == [
        "claims.take",
        "claims.take",
        "dynamics.note",
        "ledger.write",
    ]
    assert [event.event for event in world.ledger.events(later.lead_id)] == ["merged"]


def test_while_it_is_off_each_action_becomes_a_lead_and_no_customer_is_claimed() -> None:
    world = World()
    first, later = two(world)
    assert [run(world, record, settings=OFF).state for record in (first, later)] == [State.WRITTEN] * 2
    assert CUSTOMER not in world.claims.rows


@pytest.mark.parametrize(
    "posted",
    [payload(Email=""), payload(Email="", FirstName="", LastName="", Phone=""), payload(LastName="MSFT_TEST_1")],
)
def test_what_names_no_customer_is_always_a_lead_of_its_own(posted: str) -> None:
    world = World()
    one, other = action(world, posted, 1), action(world, posted.replace("INS", "PLT"), 2, after=HOUR)
    assert [run(world, record).state for record in (one, other)] == [State.WRITTEN] * 2


def test_an_exact_repeat_is_a_duplicate_before_it_could_be_a_note() -> None:
    world = World()
    first, repeat = action(world, INS, 1), action(world, INS, 2, after=HOUR)
    run(world, first)
    assert run(world, repeat).state is State.DUPLICATE


def test_an_exact_repeat_of_a_note_is_a_duplicate_of_that_action() -> None:
    world = World()
    first, later = two(world)
    run(world, first), run(world, later)
    repeat = run(world, action(world, PLT, 3, after=2 * HOUR))
    assert (repeat.state, repeat.duplicate_of) == (State.DUPLICATE, later.lead_id)


def test_without_a_dedupe_window_an_exact_repeat_becomes_a_note() -> None:
    world = World()
    settings = replace(MERGE, dedupe_window=timedelta(0))
    first, repeat = action(world, INS, 1), action(world, INS, 2, after=HOUR)
    run(world, first, settings=settings)
    assert run(world, repeat, settings=settings).state is State.MERGED


@pytest.mark.parametrize("kept", ["test_leads", "dnc_leads"])
def test_an_action_that_a_setting_keeps_claims_no_customer_and_makes_no_note(kept: str) -> None:
    world = World()
    settings = replace(MERGE, **{kept: SpecialLeads.KEEP})
    posted = payload(LastName="MSFT_TEST_1") if kept == "test_leads" else payload(ActionCode="DNC")
    assert run(world, action(world, posted, 1), settings=settings).state is State.KEPT
    assert run(world, action(world, PLT, 2, after=HOUR), settings=settings).state is State.WRITTEN
    assert run(world, action(world, posted, 3, after=9 * 24 * HOUR), settings=settings).state is State.KEPT
    assert world.dynamics.notes == {}


# The window, and the order of arrival


@pytest.mark.parametrize(("after", "state"), [(WINDOW, State.MERGED), (WINDOW + SECOND, State.WRITTEN)])
def test_the_window_is_between_the_times_of_receipt_whatever_the_clock_says(after: timedelta, state: State) -> None:
    world = World(at=NOW + 400 * 24 * HOUR)
    first, later = action(world, INS, 1), action(world, PLT, 2, after=after)
    run(world, first)
    assert run(world, later).state is state
    assert world.claims.rows[CUSTOMER].lead_id == (first if state is State.MERGED else later).lead_id


def test_an_action_older_than_the_window_is_a_lead_without_the_claim() -> None:
    world = World()
    old, new = action(world, INS, 1), action(world, PLT, 2, after=WINDOW + SECOND)
    run(world, new)
    assert run(world, old).state is State.WRITTEN
    assert world.claims.rows[CUSTOMER].lead_id == new.lead_id


def test_the_action_that_is_delivered_first_is_the_first_lead_in_whatever_order_they_came() -> None:
    world = World()
    earlier, later = two(world)
    run(world, later)
    merged = run(world, earlier)
    assert (merged.state, merged.duplicate_of) == (State.MERGED, later.lead_id)


# While the first is open


@pytest.mark.parametrize("state", [State.ACCEPTED, State.DEFERRED])
def test_behind_a_first_that_is_queued_a_later_action_waits_and_asks_dynamics_nothing(state: State) -> None:
    world = World()
    first, later = two(world)
    world.dynamics.failing = [AWAY]
    run(world, first)
    become(world, first, state=state)
    waiting = run(world, later)
    assert (waiting.state, waiting.reason, waiting.duplicate_of) == (State.DEFERRED, BEHIND_FIRST, first.lead_id)
    assert (waiting.attempt, world.dynamics.asked) == (2, 1)
    run(world, first)
    assert run(world, later).state is State.MERGED


def test_its_pauses_grow_like_those_of_any_deferred_lead() -> None:
    world = World()
    first, later = two(world)
    world.dynamics.failing = [AWAY]
    run(world, first)
    for pause in DELAYS:
        assert run(world, later).next_try_at == NOW + pause
        assert world.queue.messages[-1].delay == pause


def test_behind_a_first_in_the_fallback_table_it_rests_there_and_both_are_drained() -> None:
    world = World()
    first, later = two(world)
    world.dynamics.failing = [AWAY]
    run(world, first, settings=replace(MERGE, fallback_after=timedelta(0)))
    assert run(world, later).state is State.FALLBACK
    assert {*world.fallback.rows} == {first.lead_id, later.lead_id}
    resting = drain(world, later)
    assert (resting.state, resting.reason, resting.awaits_dynamics) == (State.FALLBACK, BEHIND_FIRST, False)
    assert drain(world, first).state is State.WRITTEN
    assert drain(world, later).state is State.MERGED
    assert world.fallback.rows == {}


def test_a_drained_note_shows_the_sweep_that_dynamics_is_back() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    become(world, later, state=State.FALLBACK, next_try_at=NOW - SECOND)
    assert world.marks.write(world.marks.marks, Marks(probes_fail_since=NOW - HOUR, next_probe_at=NOW))
    world.at += HOUR
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=MERGE)
    assert held(world, later).state is State.MERGED
    assert (world.marks.marks.probes_fail_since, world.marks.marks.next_probe_at) == (None, None)


def test_a_waiting_action_at_rest_is_passed_over_in_a_drain() -> None:
    world = World()
    first, later = two(world)
    world.dynamics.failing = [AWAY]
    run(world, first, settings=replace(MERGE, fallback_after=timedelta(0)))
    become(world, first, next_try_at=NOW + 9 * HOUR)
    run(world, later)
    other = become(world, action(world, payload(Email="jo@x.example"), 3), state=State.FALLBACK, next_try_at=NOW)
    world.at += MINUTE
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=MERGE)
    assert (held(world, later).state, held(world, other).state) == (State.FALLBACK, State.WRITTEN)


def test_storage_failing_in_a_drain_is_not_taken_for_dynamics_being_away() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    resting = become(world, later, state=State.FALLBACK)
    world.claims.down = True
    with pytest.raises(StorageFailed):
        drain(world, later)
    assert held(world, later) == resting


def test_without_an_organisation_no_customer_is_claimed_so_that_nothing_waits_for_a_person() -> None:
    world = World()
    first, later = two(world)
    dynamics, world.dynamics = world.dynamics, None  # type: ignore[assignment]
    assert run(world, first).reason == "no_dynamics"
    world.dynamics = dynamics
    assert run(world, later).state is State.WRITTEN
    assert drain(world, first).state is State.MERGED


def test_a_claim_that_is_another_each_time_defers_the_action() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    become(world, first, state=State.POISONED)
    world.claims.take_over = lambda _holder, _mine: False  # type: ignore[method-assign]
    assert run(world, later).reason == "record_contended"


def test_a_first_whose_record_vanishes_between_two_reads_defers_the_action() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    read, seen = world.ledger.read, list[str]()

    def only_once(lead_id: str, *, damage: list[str] | None = None) -> Record | None:
        seen.append(lead_id)
        return read(lead_id, damage=damage) if lead_id != first.lead_id or seen.count(lead_id) % 2 else None

    world.ledger.read = only_once  # type: ignore[method-assign]
    assert run(world, later).reason == "record_contended"


# A first that holds nobody back

HOLDS_NOBODY_BACK = [
    State.POISONED,
    State.REJECTED,
    State.DISCARDED,
    State.ERASED,
    State.KEPT,
    State.MERGED,
    State.DUPLICATE,
]


@pytest.mark.parametrize("state", HOLDS_NOBODY_BACK)
def test_a_first_that_is_settled_without_a_lead_gives_its_place_to_the_next(state: State) -> None:
    world = World()
    first, later = two(world)
    world.dynamics.failing = [AWAY]
    run(world, first)
    become(world, first, state=state)
    assert run(world, later).state is State.WRITTEN
    assert world.claims.rows[CUSTOMER].lead_id == later.lead_id


def test_a_first_replayed_later_becomes_a_note_on_the_lead_in_its_place() -> None:
    world = World()
    first, later = two(world)
    world.dynamics.failing = [Refused("too_long")]
    run(world, first), run(world, later)
    replay(first.lead_id, desk(world))
    merged = run(world, first)
    assert (merged.state, merged.duplicate_of) == (State.MERGED, later.lead_id)


def test_a_first_that_was_deleted_in_dynamics_gives_its_place_to_the_next() -> None:
    world = World()
    first, later = two(world)
    third = action(world, TRIAL, 3, after=2 * HOUR)
    run(world, first)
    world.dynamics.delete(first.lead_id)
    assert run(world, later).state is State.WRITTEN
    assert [call for call in world.journal if not call.endswith("read")] == [
        "claims.take",
        "claims.take",
        "dynamics.note",
        "claims.take",
        "claims.take_over",
        "dynamics.create",
        "ledger.write",
    ]
    merged = run(world, third)
    assert (merged.state, merged.duplicate_of) == (State.MERGED, later.lead_id)


def test_an_action_whose_first_lead_is_each_time_another_deleted_one_is_deferred() -> None:
    world = World()
    first, later = two(world)
    other = become(world, action(world, TRIAL, 3), state=State.WRITTEN)
    run(world, first)
    world.dynamics.delete(first.lead_id)
    take, holders = world.claims.take, cycle((first, other))

    def by_turns(mine: Claim) -> Claim:
        if mine.fingerprint != CUSTOMER:
            return take(mine)
        holder = next(holders)
        return Claim(fingerprint=CUSTOMER, lead_id=holder.lead_id, received_at=holder.received_at)

    world.claims.take = by_turns  # type: ignore[method-assign]
    assert run(world, later).reason == "record_contended"


# Exactly once


def test_the_same_action_twice_at_once_makes_one_note() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    text, twin = Envelope.of(later).to_text(), world.dynamics.note

    def and_its_twin(lead_id: str, lead: Lead, *, of: str) -> object:
        world.dynamics.note = twin  # type: ignore[method-assign]
        deliver(text, dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=MERGE)
        return twin(lead_id, lead, of=of)

    world.dynamics.note = and_its_twin  # type: ignore[method-assign, assignment]
    assert run(world, later).state is State.MERGED
    assert world.dynamics.notes == {later.lead_id: first.lead_id}


def lost_note(world: World) -> tuple[Record, Record]:
    """A first lead, and a later action whose note is there, but whose reply was lost."""
    first, later = two(world)
    run(world, first)
    world.dynamics.losing = [AWAY]
    assert run(world, later).state is State.DEFERRED
    return first, later


def test_a_note_whose_reply_was_lost_is_found() -> None:
    world = World()
    first, later = lost_note(world)
    merged = run(world, later)
    assert (merged.state, merged.reason, merged.duplicate_of) == (State.MERGED, "", first.lead_id)


def test_a_note_whose_reply_was_lost_is_found_after_its_first_was_erased() -> None:
    world = World()
    first, later = lost_note(world)
    become(world, first, state=State.ERASED)
    merged = run(world, later)
    assert (merged.state, merged.duplicate_of) == (State.MERGED, first.lead_id)
    assert [*world.dynamics.leads] == [first.lead_id]


def test_a_note_whose_reply_was_lost_is_found_although_merge_was_switched_off() -> None:
    world = World()
    _, later = lost_note(world)
    assert run(world, later, settings=OFF).state is State.MERGED
    assert len(world.dynamics.leads) == 1


def test_a_note_that_went_with_its_deleted_lead_is_made_a_lead() -> None:
    world = World()
    first, later = lost_note(world)
    world.dynamics.delete(first.lead_id)
    assert run(world, later).state is State.WRITTEN
    assert ([*world.dynamics.leads], world.dynamics.notes) == ([later.lead_id], {})


@pytest.mark.parametrize("settings", [MERGE, OFF])
def test_a_lead_whose_reply_was_lost_is_found_although_another_is_the_first_now(settings: Settings) -> None:
    """Merge was switched on meanwhile, or the lead was poisoned and replayed."""
    world = World()
    one, other = two(world)
    world.dynamics.losing = [AWAY]
    run(world, one, settings=settings)
    if settings is MERGE:
        become(world, one, state=State.POISONED)
    run(world, other)
    become(world, one, state=State.DEFERRED)
    assert run(world, one).state is State.WRITTEN
    assert world.dynamics.notes == {}


def test_a_role_that_may_not_read_still_gets_its_notes_and_leads() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    world.dynamics.may_read = False
    world.dynamics.losing = [AWAY]
    run(world, later)
    assert (run(world, later).reason, held(world, later).state) == ("assumed", State.MERGED)
    third = action(world, TRIAL, 3, after=WINDOW + HOUR)
    assert run(world, third, dequeue_count=2).state is State.WRITTEN


def test_an_id_that_a_note_has_at_the_first_try_needs_a_person() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    world.dynamics.may_read = False
    world.dynamics.notes[later.lead_id] = first.lead_id
    assert (run(world, later).state, held(world, later).reason) == (State.POISONED, "id_taken")


@pytest.mark.parametrize("look", ["has", "note_on"])
def test_a_look_that_fails_defers_the_action_like_any_failure(look: str) -> None:
    world = World()
    first, later = two(world)
    if look == "has":
        run(world, first)

    def fails(_lead_id: str) -> object:
        raise Blocked("no_role")

    setattr(world.dynamics, look, fails)
    assert (run(world, later, dequeue_count=2).state, held(world, later).reason) == (State.DEFERRED, "no_role")


# A person


def test_a_merged_action_becomes_a_lead_of_its_own_when_a_person_says_so() -> None:
    world = World()
    first, later = two(world)
    run(world, first), run(world, later)
    replay(later.lead_id, desk(world), anyway=True)
    assert run(world, later).state is State.WRITTEN
    assert {*world.dynamics.leads} == {first.lead_id, later.lead_id}
    assert held(world, later).duplicate_of == ""


def test_discard_finds_the_note_of_an_action_that_was_poisoned_after_its_reply_was_lost() -> None:
    world = World()
    _, later = lost_note(world)
    world.dynamics.failing = [Refused("plugin_refused")]
    assert run(world, later).state is State.POISONED
    world.at += HOUR
    assert discard(later.lead_id, desk(world), why="spam").state is State.MERGED


def test_discard_of_an_action_whose_note_was_refused_ends_it() -> None:
    world = World()
    first, later = two(world)
    run(world, first)
    world.dynamics.failing = [Refused("plugin_refused")]
    run(world, later)
    world.at += HOUR
    assert discard(later.lead_id, desk(world), why="spam").state is State.DISCARDED
