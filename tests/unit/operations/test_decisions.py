"""What a person's decisions write, in which order, and what dying between two writes leaves."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from leadpipe.delivery import deliver
from leadpipe.ledger_writes import lower_marks
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import InvalidLead, LeadpipeError, NotAllowed, StorageFailed, Transient
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Marks
from leadpipe.model.record import Record, State
from leadpipe.operations.decisions import Desk, discard, duplicates_of, edit, erase, known, replay
from leadpipe.sweep import sweep
from tests.factories import LEAD_ID, RECEIVED_AT, lead_id, payload, record, settings
from tests.fakes import World

HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> World:
    return World(at=RECEIVED_AT + HOUR)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(actor="jane@desk", now=world.now, ports=world.ports)


def kept(world: World, made: Record) -> Record:
    found = world.ledger.insert(made)
    assert found is not None
    return found


def poisoned(world: World, **fields: object) -> Record:
    return kept(world, record(**{"state": State.POISONED, "reason": "too_long", **fields}))


def held(world: World, lead: str = LEAD_ID) -> Record:
    return world.ledger.rows[lead]


def messages(world: World) -> list[Envelope]:
    return [Envelope.from_text(message.text) for message in world.queue.messages]


# replay


def test_a_replayed_lead_is_accepted_with_a_higher_attempt_and_on_the_queue(world: World, desk: Desk) -> None:
    poisoned(world, attempt=3, rounds=2, failing_since=RECEIVED_AT, detail="emailaddress1")
    replay(LEAD_ID, desk)
    assert (held(world).state, held(world).attempt, held(world).rounds) == (State.ACCEPTED, 4, 0)
    assert (held(world).failing_since, held(world).reason, held(world).detail) == (None, "", "")
    assert messages(world) == [Envelope(lead_id=LEAD_ID, attempt=4, payload=payload())]


def test_a_replay_is_an_event_with_who_and_when(world: World, desk: Desk) -> None:
    poisoned(world)
    replay(LEAD_ID, desk)
    (event,) = world.ledger.events(LEAD_ID)
    assert (event.event, event.actor, event.at) == ("replayed", "jane@desk", world.at)


def test_a_replay_lowers_the_mark_then_writes_the_record_then_puts_the_message(world: World, desk: Desk) -> None:
    poisoned(world)
    world.marks.marks = Marks(watermark=RECEIVED_AT.date() + timedelta(days=30))
    world.journal.clear()
    replay(LEAD_ID, desk)
    writes = [step for step in world.journal if step.split(".")[1] in {"write", "put"}]
    assert writes == ["marks.write", "ledger.write", "queue.put"]


@pytest.mark.parametrize("dies", ["marks", "ledger", "queue"])
def test_a_replay_that_dies_between_two_writes_is_made_good(world: World, desk: Desk, dies: str) -> None:
    """By the sweep once the record says accepted, by the same command before that."""
    poisoned(world)
    world.at += timedelta(days=40)
    world.marks.marks = Marks(watermark=world.at.date(), looked_back_at=world.at, taken_in_until=world.at)
    getattr(world, dies).failing = [StorageFailed("storage_error")]
    with pytest.raises(StorageFailed):
        replay(LEAD_ID, desk)
    if held(world).state is State.POISONED:
        assert world.queue.messages == []
        replay(LEAD_ID, desk)
    world.at += 2 * HOUR
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=settings())
    latest = max(messages(world), key=lambda envelope: envelope.attempt)
    deliver(latest.to_text(), dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=settings())
    assert held(world).state is State.WRITTEN


def test_a_replay_whose_reply_was_lost_still_puts_the_message(world: World, desk: Desk) -> None:
    """The SDK tries again and finds its own write: to us somebody else was faster."""
    poisoned(world)
    write = world.ledger.write

    def twice(*change: object) -> Record:
        world.ledger.write = write  # type: ignore[method-assign]
        write(*change)  # type: ignore[arg-type]
        return write(*change)  # type: ignore[arg-type]

    world.ledger.write = twice  # type: ignore[method-assign]
    assert replay(LEAD_ID, desk).attempt == 2
    assert len(world.queue.messages) == 1


def test_an_edited_rejected_post_can_be_replayed(world: World, desk: Desk) -> None:
    kept(world, Record.rejected(LEAD_ID, InvalidLead("not_json", "line 1"), b"{"))
    with pytest.raises(NotAllowed, match="not_json"):
        replay(LEAD_ID, desk)
    edit(held(world), payload(), desk)
    assert replay(LEAD_ID, desk).state is State.ACCEPTED


def test_a_rejected_post_that_is_a_lead_by_now_is_replayed_as_it_came(world: World, desk: Desk) -> None:
    kept(world, Record.rejected(LEAD_ID, InvalidLead("nothing_in_it", ""), payload().encode()))
    assert replay(LEAD_ID, desk).payload == payload()
    assert messages(world)[0].payload == payload()


def test_a_duplicate_is_replayed_with_anyway_alone_and_then_is_a_lead_of_its_own(world: World, desk: Desk) -> None:
    kept(world, record(state=State.DUPLICATE, duplicate_of=lead_id(number=1)))
    with pytest.raises(NotAllowed, match="--anyway"):
        replay(LEAD_ID, desk)
    assert world.queue.messages == []
    assert replay(LEAD_ID, desk, anyway=True).own_lead


@pytest.mark.parametrize("state", [State.WRITTEN, State.KEPT, State.ERASED, State.FALLBACK, State.DEFERRED])
def test_what_is_not_a_persons_to_send_is_not_replayed(world: World, desk: Desk, state: State) -> None:
    before = kept(world, record(state=state))
    with pytest.raises(NotAllowed):
        replay(LEAD_ID, desk)
    assert held(world) == before
    assert world.queue.messages == []


def test_a_lead_that_the_ledger_does_not_have_is_said_by_its_id(world: World) -> None:
    with pytest.raises(LeadpipeError, match=LEAD_ID):
        known(LEAD_ID, world.ledger)


# the marks


def test_marks_are_lowered_to_the_day_and_never_raised(world: World) -> None:
    day = date(2026, 3, 14)
    for mark, after in ((date(2026, 6, 1), day), (date(2026, 1, 1), date(2026, 1, 1)), (None, None)):
        world.marks.marks = Marks(watermark=mark, forgotten_before=mark, looked_back_at=RECEIVED_AT)
        lower_marks(day, world.marks)
        assert (world.marks.marks.watermark, world.marks.marks.forgotten_before) == (after, after)
        assert world.marks.marks.looked_back_at == RECEIVED_AT


def test_marks_that_somebody_else_wrote_meanwhile_are_read_again(world: World) -> None:
    world.marks.marks = Marks(watermark=date(2026, 6, 1))
    write = world.marks.write

    def raced(before: Marks, after: Marks) -> bool:
        world.marks.write = write  # type: ignore[method-assign]
        world.marks.marks = replace(world.marks.marks, watermark=date(2026, 7, 1), version="sweep")
        return write(before, after)

    world.marks.write = raced  # type: ignore[method-assign]
    lower_marks(date(2026, 3, 14), world.marks)
    assert world.marks.marks.watermark == date(2026, 3, 14)


# edit


def test_an_edit_keeps_what_was_posted_in_its_event(world: World, desk: Desk) -> None:
    before = poisoned(world)
    edit(before, payload(Email="new@fabrikam.com"), desk)
    (event,) = world.ledger.events(LEAD_ID)
    assert (event.event, event.payload, held(world).email) == ("edited", payload(), "new@fabrikam.com")
    assert held(world).fingerprint != before.fingerprint
    assert held(world).state is State.POISONED


def test_an_edit_that_changes_nothing_writes_nothing(world: World, desk: Desk) -> None:
    before = poisoned(world)
    world.journal.clear()
    assert edit(before, payload(), desk) == before
    assert world.journal == []


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"OfferTitle": ""}', payload(Description="x" * 33_000)])
def test_an_edit_to_what_is_no_lead_writes_nothing(world: World, desk: Desk, text: str) -> None:
    before = poisoned(world)
    with pytest.raises(NotAllowed):
        edit(before, text, desk)
    assert held(world) == before
    assert world.ledger.events(LEAD_ID) == []


# discard


def test_a_lead_that_dynamics_does_not_have_is_discarded_with_who_and_why(world: World, desk: Desk) -> None:
    poisoned(world)
    assert discard(LEAD_ID, desk, why="spam").state is State.DISCARDED
    (event,) = world.ledger.events(LEAD_ID)
    assert (event.event, event.actor, event.detail) == ("discarded", "jane@desk", "spam")


def test_a_lead_that_dynamics_has_becomes_written_instead(world: World, desk: Desk) -> None:
    poisoned(world)
    world.dynamics.create(LEAD_ID, None)  # type: ignore[arg-type]
    assert discard(LEAD_ID, desk, why="spam").state is State.WRITTEN


@pytest.mark.parametrize("trouble", ["unreachable", "may not read", "no organisation"])
def test_without_an_answer_of_dynamics_nothing_is_discarded_unless_it_is_wanted(world: World, trouble: str) -> None:
    before = poisoned(world)
    ports = world.ports
    if trouble == "unreachable":
        world.dynamics.failing = [Transient("dynamics_unreachable", "ConnectTimeout")]
    elif trouble == "may not read":
        world.dynamics.may_read = False
    else:
        ports = replace(ports, dynamics=None)
    desk = Desk(actor="jane@desk", now=world.now, ports=ports)
    with pytest.raises(NotAllowed, match="--without-asking"):
        discard(LEAD_ID, desk, why="spam")
    assert held(world) == before
    assert discard(LEAD_ID, desk, why="spam", without_asking=True).state is State.DISCARDED


def test_a_lead_that_changed_a_moment_ago_is_not_discarded(world: World, desk: Desk) -> None:
    poisoned(world, updated_at=world.at - timedelta(seconds=100))
    with pytest.raises(NotAllowed, match="wait 20 s"):
        discard(LEAD_ID, desk, why="spam", without_asking=True)
    world.at += timedelta(seconds=20)
    assert discard(LEAD_ID, desk, why="spam").state is State.DISCARDED


def test_a_record_of_the_future_is_discarded_now_a_fast_clocks_after_a_wait(world: World, desk: Desk) -> None:
    poisoned(world, updated_at=world.at + timedelta(minutes=5))
    with pytest.raises(NotAllowed, match="wait 420 s"):
        discard(LEAD_ID, desk, why="spam")
    world.at -= timedelta(days=1)
    assert discard(LEAD_ID, desk, why="spam").state is State.DISCARDED


def test_what_was_rejected_was_never_on_its_way_to_dynamics(world: World, desk: Desk) -> None:
    kept(world, replace(Record.rejected(LEAD_ID, InvalidLead("not_json", ""), b"{"), updated_at=world.at))
    world.dynamics.down = True
    assert discard(LEAD_ID, desk, why="a scanner").state is State.DISCARDED


@pytest.mark.parametrize("state", [State.WRITTEN, State.ACCEPTED, State.FALLBACK, State.DUPLICATE, State.ERASED])
def test_what_waits_for_nobody_is_not_discarded(world: World, desk: Desk, state: State) -> None:
    kept(world, record(state=state))
    with pytest.raises(NotAllowed):
        discard(LEAD_ID, desk, why="x")
    assert world.dynamics.asked == 0


@pytest.mark.parametrize("at", [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)], ids=str)
@pytest.mark.parametrize("window", [timedelta(days=7), timedelta(days=999_999)], ids=str)
def test_at_either_end_of_time_the_window_ends_there(world: World, at: datetime, window: timedelta) -> None:
    holder = kept(world, record(new_lead_id(at, bytes(10))))
    repeat = kept(world, record(new_lead_id(at, bytes(9) + b"1"), state=State.DUPLICATE, duplicate_of=holder.lead_id))
    assert duplicates_of([holder.lead_id], window, world.ledger) == {holder.lead_id: [repeat.lead_id]}


def test_the_duplicates_of_a_lead_are_found_on_the_days_of_its_window(world: World) -> None:
    poisoned(world)
    for number, after in ((1, 6), (2, -6), (3, 9)):
        made = record(lead_id(timedelta(days=after), number), state=State.DUPLICATE, duplicate_of=LEAD_ID)
        kept(world, made)
    kept(world, record(lead_id(HOUR, 4), state=State.DUPLICATE, duplicate_of=lead_id(number=9)))
    found = duplicates_of([LEAD_ID, lead_id(number=77)], timedelta(days=7), world.ledger)
    assert found == {LEAD_ID: [lead_id(timedelta(days=-6), 2), lead_id(timedelta(days=6), 1)]}
    assert duplicates_of([], timedelta(days=7), world.ledger) == {}


# erase


@pytest.mark.parametrize("state", State)
def test_a_lead_is_erased_in_every_state(world: World, desk: Desk, state: State) -> None:
    kept(world, record(state=state))
    world.fallback.keep(record())
    erase(LEAD_ID, desk)
    after = held(world)
    assert (after.state, after.payload, after.email, after.name, after.company) == (State.ERASED, None, "", "", "") or (
        state is State.ERASED
    )
    assert world.fallback.rows == {}


def test_what_edits_and_answers_left_in_the_history_goes_too(world: World, desk: Desk) -> None:
    edit(poisoned(world, detail="'jane.doe@fabrikam.com' is refused"), payload(Email="new@fabrikam.com"), desk)
    erase(LEAD_ID, desk)
    events = world.ledger.events(LEAD_ID)
    assert [event.event for event in events] == ["edited", "erased"]
    assert {(event.payload, event.detail) for event in events} == {(None, "")}


def test_an_erased_lead_ends_late_copies(world: World, desk: Desk) -> None:
    kept(world, record())
    erase(LEAD_ID, desk)
    late = Envelope.for_payload(LEAD_ID, payload(), attempt=1).to_text()
    deliver(late, dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=settings())
    assert (held(world).state, world.dynamics.leads) == (State.ERASED, {})


@pytest.mark.parametrize("dies", ["forget_details", "remove"])
def test_an_erasure_that_died_is_finished_by_a_second_one(world: World, desk: Desk, dies: str) -> None:
    edit(poisoned(world), payload(Email="new@fabrikam.com"), desk)
    world.fallback.keep(record())
    part = world.ledger if dies == "forget_details" else world.fallback
    whole = getattr(part, dies)

    def dying(_lead_id: str) -> None:
        setattr(part, dies, whole)
        raise StorageFailed("storage_error")

    setattr(part, dies, dying)
    with pytest.raises(StorageFailed):
        erase(LEAD_ID, desk)
    erase(LEAD_ID, desk)
    assert world.fallback.rows == {}
    assert {event.payload for event in world.ledger.events(LEAD_ID)} == {None}
