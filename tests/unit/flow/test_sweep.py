"""What the sweep brings back, and that it does nothing else."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import pytest

from leadpipe.delivery import deliver
from leadpipe.ledger_writes import write
from leadpipe.model.change import AnotherRound, Edited, Erased, Poisoned, Replayed, ToFallback, Written
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import Blocked, LeadpipeError, StorageFailed, Transient
from leadpipe.model.gate import Gate
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Arrival, Receipt
from leadpipe.model.record import Record, State
from leadpipe.model.schedule import FIRST_REST, LONGEST_PROBE_PAUSE, LONGEST_REST, NEWER_ENVELOPE_DELAY
from leadpipe.model.settings import Area, Fault, Settings
from leadpipe.sweep import fallback, sweep
from leadpipe.sweep.arrivals import take_in
from leadpipe.sweep.fallback import AT_ONCE, Drain
from leadpipe.sweep.overdue import CLOCKS_DIFFER, LONGEST_WAIT, OVERDUE_AFTER, queue_again
from leadpipe.sweep.poison_queue import ROUNDS, bring_back
from leadpipe.sweep.run import LONGEST_SWEEP, Head, Run
from tests.factories import payload
from tests.fakes import NOW, Message, World

SETTINGS = Settings(storage=None, dataverse=None)
OVERDUE = OVERDUE_AFTER + timedelta(seconds=1)
DAY = timedelta(days=1)
AWAY = Transient("dynamics_unreachable")


def accepted(world: World, number: int = 1, *, after: timedelta = timedelta(0)) -> Record:
    posted = payload(FirstName=f"number {number}")
    record = world.ledger.insert(Record.accepted(new_lead_id(NOW + after, bytes([number] * 10)), posted))
    assert record is not None
    return record


def resting(world: World, number: int = 1, *, after: timedelta = timedelta(0)) -> Record:
    record = accepted(world, number, after=after)
    world.fallback.keep(record)
    change = ToFallback(reason="dynamics_unreachable", next_try_at=record.received_at)
    return write(record, change, lambda: record.received_at, ledger=world.ledger)


def run(world: World, settings: Settings = SETTINGS) -> None:
    world.journal.clear()
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=settings)


def one_run(world: World) -> Run:
    return Run(
        now=world.now,
        until=world.at + LONGEST_SWEEP,
        hourly=True,
        head=Head(world.queue),
        chance=0.5,
        ports=world.ports,
        settings=SETTINGS,
    )


def attempts(world: World) -> list[int]:
    return [Envelope.from_text(message.text).attempt for message in world.queue.messages]


def held(world: World, record: Record) -> Record:
    return world.ledger.rows[record.lead_id]


def deliver_all(world: World) -> None:
    messages, world.queue.messages = world.queue.messages, []
    for message in messages:
        deliver(message.text, dequeue_count=1, chance=0.5, now=world.now, ports=world.ports, settings=SETTINGS)


# Overdue records


def test_a_record_without_a_message_is_put_on_the_queue_and_delivered() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + OVERDUE
    run(world)
    deliver_all(world)
    assert held(world, record).state is State.WRITTEN


def test_a_record_that_was_tried_lately_is_left_alone() -> None:
    world = World()
    accepted(world)
    world.at = NOW + OVERDUE_AFTER
    run(world)
    assert world.queue.messages == []


def waiting(world: World, number: int = 1) -> Record:
    """An accepted lead with its message, as intake leaves it."""
    record = accepted(world, number, after=world.at - NOW)
    world.queue.put(Envelope.of(record).to_text())
    return record


def test_a_backlog_that_waits_its_turn_is_not_put_a_second_time() -> None:
    world = World()
    for number in range(1, 61):
        waiting(world, number)
        world.at += timedelta(minutes=1)
    run(world)
    assert attempts(world) == [1] * 60
    before_the_pulse = world.journal[: world.journal.index("attention.read")]
    assert before_the_pulse.count("queue.peek") == 1


def test_a_lost_lead_goes_back_on_the_queue_once_all_at_the_head_are_younger() -> None:
    world = World()
    waiting(world, 1)
    world.at += 2 * CLOCKS_DIFFER
    lost = accepted(world, 2, after=world.at - NOW)
    world.at += 2 * CLOCKS_DIFFER
    waiting(world, 3)
    world.at += OVERDUE
    run(world)
    assert held(world, lost).attempt == 1
    del world.queue.messages[0]
    run(world)
    assert held(world, lost).attempt == 2


def test_the_oldest_message_at_the_head_counts_wherever_it_stands_there() -> None:
    world = World()
    lost = accepted(world, 1)
    world.queue.messages = [Message("young", at=NOW + DAY), Message("old", at=NOW - DAY)]
    world.at = NOW + OVERDUE
    run(world)
    assert held(world, lost).attempt == 1


def test_an_old_delayed_copy_holds_a_lost_lead_back_until_it_is_delivered() -> None:
    world = World()
    delayed = waiting(world, 1)
    world.dynamics.failing = [Transient("dynamics_unreachable", retry_after=timedelta(minutes=18))]
    deliver_all(world)
    lost = accepted(world, 2, after=timedelta(minutes=5))
    world.at = NOW + timedelta(minutes=19)
    world.queue.messages = [replace(message, delay=timedelta(0)) for message in world.queue.messages]
    run(world)
    assert held(world, lost).attempt == 1
    deliver_all(world)
    assert held(world, delayed).state is State.WRITTEN
    run(world)
    assert held(world, lost).attempt == 2


def test_while_delivery_stands_still_nothing_is_put_again_however_long() -> None:
    world = World()
    for number in range(1, 4):
        waiting(world, number)
    for _ in range(50):
        world.at += timedelta(minutes=30)
        run(world)
    assert attempts(world) == [1] * 3


def test_a_head_that_cannot_be_seen_ends_the_task_and_the_next_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    lost, rests = accepted(world, 1), resting(world, 2)
    world.at = NOW + OVERDUE
    world.queue.down = True
    run(world)
    assert "sweep_failed step=overdue reason=storage_unreachable" in caplog.messages
    assert (held(world, lost).attempt, held(world, rests).state) == (1, State.WRITTEN)


def test_the_look_back_leaves_a_backlog_alone_too() -> None:
    world = World()
    record = waiting(world)
    world.at = NOW + 40 * DAY
    run(world)
    assert (held(world, record).attempt, attempts(world)) == (1, [1])
    assert world.marks.marks.watermark == NOW.date()


def test_yesterdays_records_are_looked_at_every_minute() -> None:
    world = World()
    run(world)
    accepted(world)
    world.at = NOW + DAY
    world.marks.marks = replace(world.marks.marks, looked_back_at=world.at)
    run(world)
    assert attempts(world) == [2]


def test_the_attempt_is_raised_before_the_message_is_put_so_that_older_copies_are_stale() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + OVERDUE
    world.journal.clear()
    queue_again(record, one_run(world))
    assert world.journal == ["ledger.write", "queue.put"]
    assert held(world, record).attempt == 2


def test_a_record_that_another_sweep_just_queued_keeps_its_attempt_and_gets_another_message() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + OVERDUE
    for _ in range(2):
        queue_again(record, one_run(world))
    assert held(world, record).attempt == 2
    assert attempts(world) == [2, 2]


def test_the_wait_doubles_up_to_an_hour() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + OVERDUE
    queue_again(record, one_run(world))
    assert held(world, record).next_try_at == world.at + 2 * OVERDUE
    world.at += timedelta(hours=5)
    queue_again(held(world, record), one_run(world))
    assert held(world, record).next_try_at == world.at + LONGEST_WAIT


def test_a_record_settled_since_it_was_listed_is_not_queued() -> None:
    world = World()
    record = accepted(world)
    write(record, Poisoned(reason="x"), world.now, ledger=world.ledger)
    world.at = NOW + OVERDUE
    queue_again(record, one_run(world))
    assert world.queue.messages == []


def test_a_record_that_another_sweep_has_just_queued_is_not_queued_twice() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + OVERDUE
    queue_again(record, one_run(world))
    queue_again(held(world, record), one_run(world))
    assert attempts(world) == [2]


def test_a_record_deleted_since_it_was_listed_is_passed_over() -> None:
    world = World()
    record = accepted(world)
    world.ledger.due = lambda *_, **__: iter([record])  # type: ignore[method-assign]
    del world.ledger.rows[record.lead_id]
    world.at = NOW + OVERDUE
    run(world)
    assert world.queue.messages == []


def test_a_sweep_ends_before_the_next_begins_and_leaves_the_rest_to_it() -> None:
    world = World()
    for number in range(1, 6):
        accepted(world, number)
    world.at = NOW + OVERDUE
    put = world.queue.put

    def slowly(text: str, *, delay: timedelta = timedelta(0)) -> None:
        put(text, delay=delay)
        world.at += LONGEST_SWEEP / 2

    world.queue.put = slowly  # type: ignore[method-assign]
    run(world)
    assert len(world.queue.messages) == 2


# Looking back


def test_an_old_open_lead_is_found_once_an_hour() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + 40 * DAY
    run(world)
    assert attempts(world) == [2]
    assert world.marks.marks.watermark == record.received_at.date()
    assert world.marks.marks.looked_back_at == world.at


def test_the_watermark_moves_on_when_the_oldest_open_lead_is_settled() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2, after=3 * DAY)
    world.at = NOW + 40 * DAY
    run(world)
    write(held(world, first), Written(), world.now, ledger=world.ledger)
    world.at += timedelta(hours=1)
    run(world)
    assert world.marks.marks.watermark == second.received_at.date()
    write(held(world, second), Written(), world.now, ledger=world.ledger)
    world.at += timedelta(hours=1)
    run(world)
    assert world.marks.marks.watermark == world.at.date() - DAY


def test_a_look_back_out_of_time_leaves_the_watermark_before_what_is_unseen() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + 40 * DAY
    listed = world.ledger.records
    world.ledger.records = lambda *a, **k: iter(listed(*a, **k))  # type: ignore[method-assign]
    run(world)
    assert world.marks.marks.watermark == record.received_at.date()


def test_an_empty_ledger_is_looked_back_upon_without_harm() -> None:
    world = World()
    run(world)
    assert world.marks.marks.watermark == NOW.date() - DAY


def test_an_idle_sweep_makes_a_handful_of_requests() -> None:
    world = World()
    run(world)
    world.at += timedelta(minutes=1)
    run(world)
    own = ["attention.read", "ledger.between"]
    assert world.journal == [
        "marks.read",
        "poison_queue.receive",
        "ledger.due",
        "ledger.due",
        "fallback.arrivals",
        *own,
    ]


# The host's poison queue


def crashed(world: World, record: Record) -> None:
    text = Envelope.for_payload(record.lead_id, str(record.payload), attempt=held(world, record).attempt).to_text()
    world.poison_queue.holding(text)


def test_a_lead_that_crashed_delivery_gets_another_round() -> None:
    world = World()
    record = accepted(world)
    crashed(world, record)
    run(world)
    assert (held(world, record).rounds, held(world, record).attempt) == (1, 2)
    assert attempts(world) == [2]
    assert world.poison_queue.messages == []
    deliver_all(world)
    assert held(world, record).state is State.WRITTEN


def test_the_message_leaves_the_poison_queue_last_so_that_dying_before_loses_nothing() -> None:
    world = World()
    record = accepted(world)
    crashed(world, record)
    run(world)
    steps = [step for step in world.journal if step in {"ledger.write", "queue.put", "poison_queue.delete"}]
    assert steps == ["ledger.write", "queue.put", "poison_queue.delete"]


def test_after_three_rounds_without_an_outcome_the_lead_is_poisoned() -> None:
    world = World()
    record = accepted(world)
    for _ in range(ROUNDS):
        assert held(world, record).state is State.ACCEPTED
        crashed(world, record)
        run(world)
    assert (held(world, record).state, held(world, record).reason) == (State.POISONED, "no_outcome")
    assert "3 rounds" in held(world, record).detail


def test_a_poison_message_seen_twice_counts_one_round() -> None:
    world = World()
    record = accepted(world)
    crashed(world, record)
    crashed(world, record)
    run(world)
    assert held(world, record).rounds == 1
    assert attempts(world) == [2]
    assert world.poison_queue.messages == []


def test_a_poison_message_of_a_settled_lead_just_goes() -> None:
    world = World()
    record = accepted(world)
    crashed(world, record)
    write(record, Written(), world.now, ledger=world.ledger)
    run(world)
    assert world.poison_queue.messages == []
    assert world.queue.messages == []


def test_a_poison_message_without_a_record_makes_it_and_gets_another_round() -> None:
    world = World()
    lead_id = new_lead_id(NOW, bytes(10))
    world.poison_queue.holding(Envelope.for_payload(lead_id, payload(), attempt=4).to_text())
    run(world)
    assert (world.ledger.rows[lead_id].state, world.ledger.rows[lead_id].attempt) == (State.ACCEPTED, 5)


def test_a_newer_envelope_in_the_poison_queue_is_sent_again_verbatim() -> None:
    world = World()
    text = '{"v": 2,  "new": true}'
    world.poison_queue.holding(text)
    run(world)
    assert [(m.text, m.delay) for m in world.queue.messages] == [(text, NEWER_ENVELOPE_DELAY)]
    assert world.poison_queue.messages == []


@pytest.mark.parametrize("text", ["rubbish", "{}", '{"v": true}', "\ud800"])
def test_rubbish_in_the_poison_queue_is_kept_where_a_person_sees_it(text: str) -> None:
    world = World()
    message = world.poison_queue.holding(text)
    run(world)
    (record,) = world.ledger.rows.values()
    assert (record.state, record.reason) == (State.POISONED, "not_an_envelope")
    assert record.payload == text.encode("utf-8", "replace")
    assert record.lead_id == new_lead_id(message.inserted_at, sha256(message.id.encode()).digest())
    assert world.poison_queue.messages == []


def test_rubbish_seen_twice_is_kept_once() -> None:
    world = World()
    message = world.poison_queue.holding("rubbish")
    run(world)
    world.poison_queue.messages = [message]
    world.at += timedelta(minutes=1)
    run(world)
    assert len(world.ledger.rows) == 1


def test_an_envelope_of_an_older_version_is_delivered() -> None:
    world = World()
    lead_id = new_lead_id(NOW, bytes(10))
    text = Envelope.for_payload(lead_id, payload(), attempt=1).to_text().replace('"v":1', '"v":0')
    world.poison_queue.holding(text)
    run(world)
    deliver_all(world)
    assert world.ledger.rows[lead_id].state is State.WRITTEN


# The fallback table


def test_resting_leads_are_delivered_oldest_first_and_their_rows_go() -> None:
    world = World()
    records = [resting(world, number, after=number * DAY) for number in (3, 1, 2)]
    world.at = NOW + 4 * DAY
    run(world)
    assert [*world.dynamics.leads] == [records[1].lead_id, records[2].lead_id, records[0].lead_id]
    assert world.fallback.rows == {}
    assert {held(world, record).state for record in records} == {State.WRITTEN}


def test_the_first_one_is_the_probe_and_a_failure_ends_the_run() -> None:
    world = World()
    first, second = resting(world, 1), resting(world, 2, after=timedelta(seconds=1))
    world.at = NOW + timedelta(hours=1)
    world.dynamics.failing = [AWAY]
    run(world)
    assert world.dynamics.asked == 1
    assert held(world, first).state is State.FALLBACK
    assert held(world, second).next_try_at == second.next_try_at


def test_a_drain_that_runs_out_of_time_leaves_the_rest_to_the_next_sweep() -> None:
    world = World()
    for number in (1, 2):
        resting(world, number)
    world.at = NOW + timedelta(hours=1)
    create = world.dynamics.create

    def slowly(lead_id: str, lead: Lead) -> Receipt:
        world.at += LONGEST_SWEEP
        return create(lead_id, lead)

    world.dynamics.create = slowly  # type: ignore[method-assign]
    run(world)
    assert len(world.dynamics.leads) == 1


def test_fallback_rows_left_for_lack_of_time_are_cleared_by_a_later_look_back() -> None:
    world = World()
    for number in (1, 2):
        record = resting(world, number)
        write(record, Written(), world.now, ledger=world.ledger)
    remove = world.fallback.remove

    def slowly(lead_id: str) -> None:
        remove(lead_id)
        world.at += LONGEST_SWEEP

    world.fallback.remove = slowly  # type: ignore[method-assign]
    run(world)
    assert len(world.fallback.rows) == 1
    assert world.marks.marks.looked_back_at is None
    run(world)
    assert world.fallback.rows == {}


def test_what_concerns_one_resting_lead_alone_does_not_keep_the_others_waiting() -> None:
    world = World()
    first, second = resting(world, 1), resting(world, 2, after=timedelta(seconds=1))
    world.at = NOW + timedelta(hours=1)
    world.dynamics.failing = [Blocked("owner_lacks_privilege", lead_only=True)]
    run(world)
    assert held(world, first).state is State.FALLBACK
    assert held(world, second).state is State.WRITTEN


def test_a_failure_of_one_lead_alone_doubles_its_own_rest_to_an_hour() -> None:
    world = World()
    record = resting(world)
    world.at = NOW + timedelta(hours=9)
    rests = []
    for _ in range(6):
        world.dynamics.failing = [Transient("plugin_crashed")]
        run(world)
        next_try_at = held(world, record).next_try_at
        assert next_try_at is not None
        rests.append(next_try_at - world.at)
        world.at = next_try_at + timedelta(seconds=1)
    assert rests == [timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 60, 60)]
    assert (rests[0], rests[-1]) == (FIRST_REST, LONGEST_REST)


def test_a_lead_with_a_time_of_its_own_is_not_tried_before_it() -> None:
    world = World()
    resting(world)
    world.dynamics.failing = [Transient("plugin_crashed")]
    world.at = NOW + timedelta(minutes=1)
    run(world)
    world.at += FIRST_REST - timedelta(seconds=1)
    run(world)
    assert world.dynamics.asked == 1


def test_a_failing_probe_makes_the_sweep_wait_ever_longer_up_to_five_minutes() -> None:
    world = World()
    resting(world)
    asked = []
    world.dynamics.failing = [AWAY] * 100
    for minute in range(60):
        before = world.dynamics.asked
        world.gate = Gate()  # as in a process of its own
        run(world)
        asked += [minute] * (world.dynamics.asked - before)
        world.at += timedelta(minutes=1)
    assert asked == [1, 2, 4, *range(8, 60, 5)]


def test_each_probe_is_another_lead_so_that_one_which_always_fails_holds_up_none() -> None:
    world = World()
    records = [resting(world, number, after=timedelta(seconds=number)) for number in range(1, 4)]
    bad = records[0].lead_id
    create = world.dynamics.create

    def fails_on_one(lead_id: str, lead: Lead) -> Any:
        if lead_id == bad:
            raise Transient("dynamics_error", "500")
        return create(lead_id, lead)

    world.dynamics.create = fails_on_one  # type: ignore[method-assign]
    world.at = NOW + timedelta(hours=1)
    run(world)
    assert {held(world, record).state for record in records} == {State.FALLBACK}
    world.at += LONGEST_PROBE_PAUSE
    run(world)
    assert [held(world, record).state for record in records] == [State.FALLBACK, State.WRITTEN, State.WRITTEN]
    assert not held(world, records[0]).awaits_dynamics


def test_one_probe_that_gets_through_ends_all_waiting_in_the_same_sweep() -> None:
    world = World()
    records = [resting(world, number, after=timedelta(seconds=number)) for number in range(1, 31)]
    world.dynamics.failing = [AWAY] * 100
    for _ in range(60):
        world.at += timedelta(minutes=1)
        run(world)
    world.dynamics.failing = []
    world.at += LONGEST_PROBE_PAUSE
    run(world)
    assert {held(world, record).state for record in records} == {State.WRITTEN}
    marks = world.marks.marks
    assert (marks.probes_fail_since, marks.next_probe_at) == (None, None)


def test_when_dynamics_goes_away_in_a_drain_the_next_probe_goes_a_minute_later() -> None:
    world = World()
    for number in range(1, 6):
        resting(world, number, after=timedelta(seconds=number))
    world.at = NOW + DAY
    create, calls = world.dynamics.create, count(1)

    def goes_away(lead_id: str, lead: Lead) -> Any:
        if next(calls) > 2:
            raise AWAY
        return create(lead_id, lead)

    world.dynamics.create = goes_away  # type: ignore[method-assign]
    run(world)
    assert next(calls) == 5  # the first of two in a row might have been that lead's own fault
    assert world.marks.marks.probes_fail_since == world.at
    world.at += timedelta(minutes=1)
    world.dynamics.create = create  # type: ignore[method-assign]
    run(world)
    assert len(world.dynamics.leads) == 4


def test_marks_of_probes_go_when_nobody_rests_any_more() -> None:
    world = World()
    record = resting(world)
    world.at = NOW + timedelta(hours=1)
    world.dynamics.failing = [AWAY]
    run(world)
    assert world.marks.marks.next_probe_at is not None
    write(held(world, record), Erased(actor="op"), world.now, ledger=world.ledger)
    world.at += LONGEST_PROBE_PAUSE
    run(world)
    assert (world.marks.marks.probes_fail_since, world.marks.marks.next_probe_at) == (None, None)


def test_a_throttle_in_a_drain_does_not_count_as_an_absence_of_dynamics() -> None:
    world = World()
    records = [resting(world, number, after=timedelta(seconds=number)) for number in range(1, 4)]
    world.at = NOW + timedelta(hours=1)
    world.dynamics.failing = [Transient("throttled", retry_after=timedelta(seconds=20))]
    run(world)
    assert world.marks.marks.next_probe_at is None
    world.at += timedelta(minutes=1)
    run(world)
    assert {held(world, record).state for record in records} == {State.WRITTEN}


def test_a_faulty_setting_counts_as_a_failing_probe_and_asks_nobody() -> None:
    world = World()
    first, second = (resting(world, number, after=timedelta(seconds=number)) for number in (1, 2))
    world.at = NOW + timedelta(hours=1)
    fault = Fault(area=Area.DYNAMICS, setting="DATAVERSE_URL", problem="is no URL")
    run(world, replace(SETTINGS, faults=(fault,)))
    assert (held(world, first).reason, held(world, second).reason) == ("settings", "dynamics_unreachable")
    assert world.dynamics.asked == 0
    world.at += LONGEST_PROBE_PAUSE
    run(world)
    assert {held(world, record).state for record in (first, second)} == {State.WRITTEN}


def test_a_probe_whose_outcome_cannot_be_written_counts_as_failed_all_the_same() -> None:
    world = World()
    resting(world)
    world.at = NOW + timedelta(hours=1)
    world.dynamics.failing = [AWAY]
    world.ledger.write = broken(StorageFailed("storage_error"))  # type: ignore[method-assign]
    run(world)
    assert world.marks.marks.probes_fail_since == world.at


def broken(failure: Exception) -> Any:
    def call(*_: object, **__: object) -> Any:
        raise failure

    return call


def test_several_at_once_are_each_written_once_after_the_probe() -> None:
    world = World()
    records = [resting(world, number, after=timedelta(seconds=number)) for number in range(1, 101)]
    world.at = NOW + timedelta(hours=1)
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=SETTINGS, at_once=AT_ONCE)
    assert {held(world, record).state for record in records} == {State.WRITTEN}
    assert world.dynamics.asked == 100
    assert world.fallback.rows == {}


def test_of_several_at_once_no_further_one_begins_when_dynamics_goes_away() -> None:
    world = World()
    for number in range(1, 101):
        resting(world, number, after=timedelta(seconds=number))
    world.at = NOW + timedelta(hours=1)
    create = world.dynamics.create

    def goes_away(lead_id: str, lead: Lead) -> Any:
        if world.dynamics.leads:
            world.dynamics.failing = [AWAY]
        return create(lead_id, lead)

    world.dynamics.create = goes_away  # type: ignore[method-assign]
    sweep(now=world.now, chance=0.5, ports=world.ports, settings=SETTINGS, at_once=AT_ONCE)
    assert len(world.dynamics.leads) == 1
    assert world.dynamics.asked <= 1 + 2 * AT_ONCE
    assert world.marks.marks.next_probe_at is not None


def test_of_more_than_a_batch_the_oldest_go_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    hours = (0, 1, 24, 25, 48)
    days = [resting(world, number, after=timedelta(hours=after)) for number, after in enumerate(hours, 1)]
    monkeypatch.setattr(fallback, "FALLBACK_BATCH", 3)
    world.at = NOW + 3 * DAY
    run(world)
    assert [held(world, record).state for record in days] == [State.WRITTEN] * 3 + [State.FALLBACK] * 2
    run(world)
    assert held(world, days[-1]).state is State.WRITTEN


def test_leads_kept_because_there_is_no_organisation_rest_until_a_person_drains_them() -> None:
    world = World()
    record = accepted(world)
    write(record, ToFallback(reason="no_dynamics", next_try_at=None), world.now, ledger=world.ledger)
    world.at = NOW + 10 * DAY
    run(world)
    assert world.dynamics.asked == 0


def test_without_an_organisation_nothing_is_drained() -> None:
    world = World()
    resting(world)
    world.at = NOW + DAY
    world.journal.clear()
    sweep(now=world.now, chance=0.5, ports=replace(world.ports, dynamics=None), settings=SETTINGS)
    assert "fallback.remove" not in world.journal


def test_a_shut_gate_keeps_the_sweep_from_asking() -> None:
    world = World()
    resting(world)
    world.at = NOW + DAY
    ticket = world.gate.enter("lead", world.at)
    world.gate.failed(ticket, Transient("throttled", retry_after=timedelta(hours=1)), world.at)  # type: ignore[arg-type]
    run(world)
    assert world.dynamics.asked == 0


def test_a_drain_that_finds_the_gate_shut_on_its_way_ends() -> None:
    world = World()
    records = [resting(world, number, after=timedelta(seconds=number)) for number in range(1, 4)]
    world.at = NOW + timedelta(hours=1)
    world.dynamics.failing = [Transient("throttled", retry_after=timedelta(hours=1))]
    Drain(one_run(world)).deliver_all(record.lead_id for record in records)
    assert world.dynamics.asked == 1
    Drain(one_run(world)).deliver_all(record.lead_id for record in records)
    assert world.dynamics.asked == 1


def test_a_resting_lead_that_a_person_erased_is_passed_over() -> None:
    world = World()
    first, second = resting(world, 1), resting(world, 2, after=timedelta(seconds=1))
    write(first, Erased(actor="op"), world.now, ledger=world.ledger)
    world.ledger.due = lambda *_, **__: iter([first, second])  # type: ignore[method-assign]
    world.at = NOW + DAY
    run(world)
    assert [*world.dynamics.leads] == [second.lead_id]


# Rows that the marketplace itself wrote


def arrival(number: int, *, after: timedelta = timedelta(0), posted: str | None = None) -> Arrival:
    key = sha256(bytes([number])).hexdigest()
    return Arrival(key=key, at=NOW + after, payload=posted or payload(FirstName=f"row {number}"))


def test_taking_in_starts_with_the_first_sweep() -> None:
    world = World()
    world.fallback.from_the_marketplace = [arrival(1, after=-timedelta(hours=1))]
    run(world)
    world.at += timedelta(minutes=1)
    run(world)
    assert world.ledger.rows == {}


def test_a_row_of_the_marketplace_becomes_a_lead_once_however_often_it_is_seen() -> None:
    world = World()
    run(world)
    world.fallback.from_the_marketplace = [arrival(1, after=timedelta(seconds=30))]
    for _ in range(3):
        world.at += timedelta(minutes=1)
        run(world)
        deliver_all(world)
    (record,) = world.ledger.rows.values()
    assert record.state is State.WRITTEN
    assert record.received_at == NOW + timedelta(seconds=30)
    assert len(world.dynamics.leads) == 1


@pytest.mark.parametrize(
    "posted",
    [
        '{"CustomerInfo": "{}", "LeadSource": "SPZA-INS|contoso.widget"}',
        '{"CustomerInfo": "Jane", "OfferTitle": "Widget"}',
    ],
    ids=["withheld", "unread"],
)
def test_two_rows_in_which_nobody_is_known_become_two_leads_in_dynamics(posted: str) -> None:
    world = World()
    run(world)
    world.fallback.from_the_marketplace = [arrival(number, posted=posted) for number in (1, 2)]
    world.at += timedelta(minutes=1)
    run(world)
    deliver_all(world)
    assert {record.state for record in world.ledger.rows.values()} == {State.WRITTEN}
    assert len(world.dynamics.leads) == 2


def test_a_row_that_became_readable_late_is_not_passed_over() -> None:
    world = World()
    run(world)
    world.fallback.from_the_marketplace = [arrival(1, after=timedelta(minutes=2))]
    world.at += timedelta(minutes=3)
    run(world)
    world.fallback.from_the_marketplace.append(arrival(2, after=timedelta(minutes=1)))
    world.at += timedelta(minutes=1)
    run(world)
    assert len(world.ledger.rows) == 2


def test_a_row_that_waited_for_days_is_one_that_the_sweep_looks_for() -> None:
    world = World()
    run(world)
    world.fallback.from_the_marketplace = [arrival(1, after=timedelta(minutes=1))]
    world.at += 10 * DAY
    run(world)
    assert world.marks.marks.watermark == NOW.date()
    world.queue.messages = []
    world.at += timedelta(hours=1)
    run(world)
    assert attempts(world) == [2]


def test_a_sweep_that_died_after_the_claim_takes_the_row_in_under_the_same_id() -> None:
    world = World()
    run(world)
    world.fallback.from_the_marketplace = [arrival(1, after=timedelta(seconds=30))]
    world.ledger.down = True
    world.at += timedelta(minutes=1)
    with pytest.raises(StorageFailed):
        take_in(world.fallback.from_the_marketplace[0], world.ports)
    world.ledger.down = False
    run(world)
    (claim,) = world.claims.rows.values()
    assert [*world.ledger.rows] == [claim.lead_id]


def test_a_row_of_the_marketplace_that_is_no_lead_is_poisoned_with_its_text() -> None:
    world = World()
    run(world)
    world.fallback.from_the_marketplace = [arrival(1, posted="{}")]
    world.at += timedelta(minutes=1)
    run(world)
    (record,) = world.ledger.rows.values()
    assert (record.state, record.reason, record.payload) == (State.POISONED, "nothing_in_it", "{}")
    assert world.queue.messages == []


def test_a_row_of_the_marketplace_is_its_own_fallback_row() -> None:
    world = World()
    run(world)
    world.fallback.from_the_marketplace = [arrival(1)]
    world.at += timedelta(minutes=1)
    run(world)
    ports = replace(world.ports, dynamics=None)
    (message,) = world.queue.messages
    deliver(message.text, dequeue_count=1, chance=0.5, now=world.now, ports=ports, settings=SETTINGS)
    (record,) = world.ledger.rows.values()
    assert record.state is State.FALLBACK
    assert world.fallback.rows == {}


def test_a_run_out_of_time_among_the_marketplaces_rows_takes_none_for_done() -> None:
    world = World()
    run(world)
    before = world.marks.marks.taken_in_until
    world.fallback.from_the_marketplace = [arrival(number, after=timedelta(seconds=number)) for number in range(1, 5)]
    world.at += timedelta(minutes=1)
    put = world.queue.put

    def slowly(text: str, *, delay: timedelta = timedelta(0)) -> None:
        put(text, delay=delay)
        world.at += LONGEST_SWEEP

    world.queue.put = slowly  # type: ignore[method-assign]
    run(world)
    assert len(world.ledger.rows) == 1
    assert world.marks.marks.taken_in_until == before
    world.queue.put = put  # type: ignore[method-assign]
    run(world)
    assert len(world.ledger.rows) == 4


# Retention


def test_a_settled_lead_loses_its_personal_data_after_the_time_for_keeping_it() -> None:
    world = World()
    record = accepted(world)
    poisoned = write(record, Poisoned(reason="x"), world.now, ledger=world.ledger)
    edited = write(poisoned, Edited(actor="op", payload=payload(Title="new")), world.now, ledger=world.ledger)
    replayed = write(edited, Replayed(actor="op"), world.now, ledger=world.ledger)
    write(replayed, Written(), world.now, ledger=world.ledger)
    world.at = NOW + 92 * DAY
    run(world)
    forgotten = held(world, record)
    assert (forgotten.payload, forgotten.email, forgotten.name, forgotten.company) == (None, "", "", "")
    assert forgotten.state is State.WRITTEN
    assert [event.payload for event in world.ledger.events(record.lead_id)] == [None] * 3


def test_a_lead_that_was_settled_lately_keeps_its_data() -> None:
    world = World()
    record = accepted(world)
    write(record, Written(), world.now, ledger=world.ledger)
    world.at = NOW + 89 * DAY
    run(world)
    assert held(world, record).payload


def test_a_lead_that_waits_for_a_person_keeps_its_data_and_is_revisited() -> None:
    world = World()
    record = accepted(world)
    poisoned = write(record, Poisoned(reason="x"), world.now, ledger=world.ledger)
    world.at = NOW + 100 * DAY
    run(world)
    assert held(world, record).payload
    assert world.marks.marks.forgotten_before == record.received_at.date()
    write(poisoned, Written(), world.now, ledger=world.ledger)
    world.at += timedelta(hours=1)
    run(world)
    assert held(world, record).payload is None
    assert world.marks.marks.forgotten_before == (world.at - 90 * DAY).date()


def test_a_tombstone_does_not_hold_retention_back() -> None:
    world = World()
    record = accepted(world)
    write(record, Erased(actor="op"), world.now, ledger=world.ledger)
    world.at = NOW + 100 * DAY
    run(world)
    assert world.marks.marks.forgotten_before == (world.at - 90 * DAY).date()


def test_a_lead_deleted_while_it_was_being_forgotten_is_told_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    record = accepted(world)
    write(record, Written(), world.now, ledger=world.ledger)
    listed = list(world.ledger.records(NOW.date()))
    del world.ledger.rows[record.lead_id]
    accepted(world, 2)
    world.ledger.unforgotten = lambda *_, **__: iter(listed)  # type: ignore[method-assign]
    world.at = NOW + 100 * DAY
    run(world)
    assert f"sweep_item_failed step=retention lead_id={record.lead_id} reason=record_gone" in caplog.text
    assert world.marks.marks.forgotten_before == NOW.date()


def test_retention_that_runs_out_of_time_goes_on_where_it_ended() -> None:
    world = World()
    for number in range(1, 5):
        write(accepted(world, number), Written(), world.now, ledger=world.ledger)
    world.at = NOW + 100 * DAY
    forget = world.ledger.forget_details

    def slowly(lead_id: str) -> None:
        forget(lead_id)
        world.at += LONGEST_SWEEP

    world.ledger.forget_details = slowly  # type: ignore[method-assign]
    run(world)
    assert sum(record.payload is None for record in world.ledger.rows.values()) == 1
    world.ledger.forget_details = forget  # type: ignore[method-assign]
    world.at += timedelta(hours=1)
    run(world)
    assert sum(record.payload is None for record in world.ledger.rows.values()) == 4


# Failing tasks


def test_a_task_that_fails_is_logged_and_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    record = accepted(world)
    world.poison_queue.down = True
    world.at = NOW + OVERDUE
    run(world)
    assert "sweep_failed step=poison_queue reason=storage_unreachable" in caplog.text
    assert held(world, record).attempt == 2


def test_a_fault_of_our_own_is_logged_by_its_kind_alone(caplog: pytest.LogCaptureFixture) -> None:
    world = World()

    def broken() -> list[object]:
        raise ValueError("Jane Doe")

    world.poison_queue.receive = broken  # type: ignore[method-assign, assignment]
    run(world)
    assert "sweep_failed step=poison_queue reason=ValueError" in caplog.text
    assert "Jane" not in caplog.text


def test_without_a_ledger_there_is_nothing_to_sweep() -> None:
    world = World()
    world.marks.down = True
    with pytest.raises(LeadpipeError):
        run(world)


def test_two_sweeps_at_once_bring_each_lead_back_once() -> None:
    world = World()
    record = accepted(world)
    crashed(world, record)
    message = world.poison_queue.messages[0]
    for _ in range(2):
        bring_back(message, one_run(world))
    assert attempts(world) == [2]
    assert write(held(world, record), AnotherRound(next_try_at=NOW), world.now, ledger=world.ledger).rounds == 2
