"""How a ledger behaves, be it the fake or the table."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from leadpipe.model.change import (
    Change,
    Deferred,
    Edited,
    Erased,
    Forgotten,
    Poisoned,
    Replayed,
    ToFallback,
    Written,
    transition,
)
from leadpipe.model.errors import Changed, InvalidLead
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Ledger
from leadpipe.model.record import Record, State
from tests.factories import RECEIVED_AT, lead_id, payload

DAY = RECEIVED_AT.date()
LATER = RECEIVED_AT + timedelta(seconds=10)
QUEUED_STATES = frozenset({State.ACCEPTED, State.DEFERRED})


def inserted(ledger: Ledger, number: int = 0, after: timedelta = timedelta(0)) -> Record:
    record = ledger.insert(Record.accepted(lead_id(after, number), payload()))
    assert record is not None
    return record


def deferred(record: Record) -> Deferred:
    return Deferred(reason="throttled", attempt=record.attempt + 1, next_try_at=LATER)


def test_a_record_is_read_back_as_it_was_inserted(ledger: Ledger) -> None:
    record = Record.accepted(lead_id(), payload(FirstName="Жанна 😀", Company="a'b\"c\\d", Description="x\ty\nz"))
    ledger.insert(record)
    assert ledger.read(record.lead_id) == record


def test_the_key_of_a_lead_is_read_back_by_its_name_also_in_lists(ledger: Ledger) -> None:
    record = Record.accepted(lead_id(), payload(), key_name="partner-center")
    ledger.insert(record)
    assert ledger.read(record.lead_id) == record
    assert [listed.key_name for listed in ledger.between(DAY, DAY)] == ["partner-center"]


def test_an_unknown_lead_has_no_record(ledger: Ledger) -> None:
    assert ledger.read(lead_id()) is None


def test_a_second_insert_of_a_lead_changes_nothing_and_says_so(ledger: Ledger) -> None:
    first = inserted(ledger)
    assert ledger.insert(Record.accepted(first.lead_id, payload(FirstName="Other"))) is None
    assert ledger.read(first.lead_id) == first


def test_the_largest_payload_is_kept_whole(ledger: Ledger) -> None:
    big = payload(Description="😀" * 7900)
    assert len(big.encode()) > 31_000
    ledger.insert(Record.accepted(lead_id(), big))
    found = ledger.read(lead_id())
    assert found is not None
    assert found.payload == big


def test_rejected_bytes_are_kept_as_bytes(ledger: Ledger) -> None:
    rejected = Record.rejected(lead_id(), InvalidLead("not_utf8", "byte 0"), bytes(range(256)) * 128)
    ledger.insert(rejected)
    assert ledger.read(lead_id()) == rejected


def test_a_write_replaces_what_was_read(ledger: Ledger) -> None:
    record = inserted(ledger)
    after, event = transition(record, Written(), at=LATER) or (None, None)
    assert after is not None
    written = ledger.write(record, after, event)
    assert ledger.read(record.lead_id) == after == written


def test_a_write_gives_a_version_that_the_next_write_can_use(ledger: Ledger) -> None:
    record = inserted(ledger)
    for change in (deferred(record), Written()):
        after, event = transition(record, change, at=LATER) or (record, None)
        record = ledger.write(record, after, event)
    assert record.state is State.WRITTEN


def test_a_write_of_what_somebody_else_wrote_meanwhile_is_refused(ledger: Ledger) -> None:
    record = inserted(ledger)
    first, _ = transition(record, Written(), at=LATER) or (record, None)
    ledger.write(record, first, None)
    for change in (Written(), Poisoned(reason="late")):
        after, event = transition(record, change, at=LATER) or (record, None)
        with pytest.raises(Changed):
            ledger.write(record, after, event)
    assert ledger.read(record.lead_id) == first
    assert ledger.events(record.lead_id) == []


def test_the_same_change_told_twice_is_refused_the_second_time(ledger: Ledger) -> None:
    record = inserted(ledger)
    after, event = transition(record, deferred(record), at=LATER) or (record, None)
    written = ledger.write(record, after, event)
    with pytest.raises(Changed):
        ledger.write(written, replace(after, reason="other"), event)
    assert ledger.read(record.lead_id) == after


def test_a_record_that_was_only_listed_cannot_be_written(ledger: Ledger) -> None:
    record = inserted(ledger)
    (listed,) = ledger.between(DAY, DAY)
    with pytest.raises(Changed):
        ledger.write(listed, replace(record, reason="x"), None)


def test_a_record_that_does_not_exist_cannot_be_written(ledger: Ledger) -> None:
    record = inserted(ledger)
    stranger = replace(record, lead_id=lead_id(number=9))
    with pytest.raises(Changed):
        ledger.write(stranger, replace(stranger, reason="x"), None)


def test_what_a_change_clears_is_gone(ledger: Ledger) -> None:
    record = inserted(ledger)
    for change in (deferred(record), Poisoned(reason="too_long", detail="x"), Replayed(actor="op")):
        after, event = transition(record, change, at=LATER) or (record, None)
        record = ledger.write(record, after, event)
    read = ledger.read(record.lead_id)
    assert read is not None
    assert (read.reason, read.detail, read.failing_since) == ("", "", None)


def test_an_erased_record_keeps_nothing_personal(ledger: Ledger) -> None:
    record = inserted(ledger)
    after, event = transition(record, Erased(actor="op"), at=LATER) or (record, None)
    ledger.write(record, after, event)
    read = ledger.read(record.lead_id)
    assert read is not None
    assert (read.payload, read.email, read.name, read.company, read.fingerprint) == (None, "", "", "", "")


def test_history_is_told_oldest_first_and_each_change_once(ledger: Ledger) -> None:
    record = inserted(ledger)
    changes = (deferred(record), Poisoned(reason="too_long"), Edited(actor="op", payload=payload(FirstName="New")))
    for seconds, change in enumerate(changes):
        after, event = transition(record, change, at=LATER + timedelta(seconds=seconds)) or (record, None)
        record = ledger.write(record, after, event)
    events = ledger.events(record.lead_id)
    assert [event.event for event in events] == ["deferred", "poisoned", "edited"]
    assert events[2].payload == payload()
    assert events[2].actor == "op"


def test_history_of_one_lead_does_not_hold_anothers(ledger: Ledger) -> None:
    for number in (1, 2):
        record = inserted(ledger, number)
        after, event = transition(record, deferred(record), at=LATER) or (record, None)
        ledger.write(record, after, event)
    assert [event.lead_id for event in ledger.events(lead_id(number=1))] == [lead_id(number=1)]


def test_a_days_records_come_newest_first_without_payloads(ledger: Ledger) -> None:
    for number in range(3):
        inserted(ledger, number, timedelta(seconds=number))
    inserted(ledger, 7, timedelta(days=1))
    listed = list(ledger.between(DAY, DAY))
    assert [record.lead_id for record in listed] == [lead_id(timedelta(seconds=n), n) for n in (2, 1, 0)]
    assert {record.payload for record in listed} == {None}
    assert listed[0].email


def test_records_can_be_listed_by_state(ledger: Ledger) -> None:
    first, second = inserted(ledger, 1), inserted(ledger, 2)
    after, event = transition(first, Poisoned(reason="x"), at=LATER) or (first, None)
    ledger.write(first, after, event)
    listed = ledger.between(DAY, DAY, states=frozenset({State.POISONED, State.WRITTEN}))
    assert [record.lead_id for record in listed] == [first.lead_id]
    assert [r.lead_id for r in ledger.between(DAY, DAY, states=frozenset({State.ACCEPTED}))] == [second.lead_id]


def test_a_ledger_without_any_lead_lists_none(ledger: Ledger) -> None:
    assert list(ledger.between(DAY, DAY)) == []
    assert ledger.events(lead_id()) == []


def due_ids(ledger: Ledger, first: date = DAY, *, before: timedelta = timedelta(hours=1)) -> list[str]:
    return [record.lead_id for record in ledger.due(first, RECEIVED_AT + before, states=QUEUED_STATES)]


def settled(ledger: Ledger, record: Record, change: Change) -> Record:
    after, event = transition(record, change, at=LATER) or (record, None)
    return ledger.write(record, after, event)


def test_due_are_the_records_of_those_states_whose_time_has_passed(ledger: Ledger) -> None:
    late, early, poisoned = inserted(ledger, 1), inserted(ledger, 2, timedelta(hours=2)), inserted(ledger, 3)
    settled(ledger, poisoned, Poisoned(reason="x"))
    assert due_ids(ledger) == [late.lead_id]
    assert early.lead_id not in due_ids(ledger)


def test_a_record_is_due_after_its_time_and_not_at_it(ledger: Ledger) -> None:
    inserted(ledger)
    assert due_ids(ledger, before=timedelta(0)) == []
    assert due_ids(ledger, before=timedelta(milliseconds=1)) == [lead_id()]


def test_a_deferred_record_is_due_when_its_next_try_is(ledger: Ledger) -> None:
    settled(ledger, inserted(ledger), deferred(inserted(ledger, 1)))
    assert due_ids(ledger, before=timedelta(seconds=5)) == [lead_id(number=1)]
    assert sorted(due_ids(ledger, before=timedelta(seconds=11))) == sorted([lead_id(), lead_id(number=1)])


def test_a_record_that_rests_until_a_person_comes_is_never_due(ledger: Ledger) -> None:
    settled(ledger, inserted(ledger), ToFallback(reason="no_dynamics", next_try_at=None))
    rests_on = inserted(ledger, 1)
    settled(ledger, rests_on, ToFallback(reason="throttled", next_try_at=LATER))
    due = ledger.due(DAY, RECEIVED_AT + timedelta(days=99), states=frozenset({State.FALLBACK}))
    assert [record.lead_id for record in due] == [rests_on.lead_id]


def test_a_queued_record_whose_next_try_is_missing_is_due(ledger: Ledger) -> None:
    for number, state in enumerate((State.ACCEPTED, State.DEFERRED, State.WRITTEN)):
        ledger.insert(replace(Record.accepted(lead_id(number=number), payload()), state=state, next_try_at=None))
    assert sorted(due_ids(ledger, before=timedelta(0))) == [lead_id(number=0), lead_id(number=1)]


def test_the_history_of_a_deferred_lead_is_not_taken_for_a_damaged_record(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    settled(ledger, inserted(ledger), Deferred(reason="throttled", attempt=2, next_try_at=LATER))
    list(ledger.due(DAY, RECEIVED_AT, states=QUEUED_STATES))
    assert caplog.messages == []


def test_moving_are_the_records_that_are_queued_or_changed_since(ledger: Ledger) -> None:
    hour = timedelta(hours=1)
    kept = {
        1: {"state": State.ACCEPTED},
        2: {"state": State.DEFERRED, "updated_at": RECEIVED_AT + hour},
        3: {"state": State.WRITTEN, "updated_at": RECEIVED_AT + hour},
        4: {"state": State.WRITTEN},
        5: {"state": State.FALLBACK},
    }
    for number, fields in kept.items():
        ledger.insert(replace(Record.accepted(lead_id(number=number), payload()), **fields))
    inserted(ledger, 6, timedelta(days=-1))
    damage: list[str] = []
    found = list(ledger.moving(DAY, RECEIVED_AT + hour, damage=damage))
    assert sorted(record.lead_id for record in found) == [lead_id(number=number) for number in (1, 2, 3)]
    assert ({record.payload for record in found}, damage) == ({None}, [])


def test_due_begins_with_a_day_and_goes_on_from_day_to_day(ledger: Ledger) -> None:
    days = [inserted(ledger, number, timedelta(days=number)).lead_id for number in range(3)]
    assert due_ids(ledger, before=timedelta(days=9)) == days
    assert due_ids(ledger, DAY + timedelta(days=1), before=timedelta(days=9)) == days[1:]


def test_what_is_due_comes_without_payload_and_version(ledger: Ledger) -> None:
    inserted(ledger)
    (listed,) = ledger.due(DAY, RECEIVED_AT + timedelta(hours=1), states=QUEUED_STATES)
    assert (listed.payload, listed.version) == (None, None)
    assert listed.next_try_at == RECEIVED_AT


def test_without_any_lead_nothing_is_due_and_there_is_no_first_day(ledger: Ledger) -> None:
    assert due_ids(ledger) == []
    assert ledger.first_day() is None


def test_the_first_day_is_that_of_the_oldest_record(ledger: Ledger) -> None:
    for days in (3, 1, 2):
        inserted(ledger, days, timedelta(days=days))
    assert ledger.first_day() == DAY + timedelta(days=1)


def test_what_quotes_the_lead_is_forgotten_and_the_rest_of_the_history_stays(ledger: Ledger) -> None:
    for number in (0, 1):
        record = settled(ledger, inserted(ledger, number), Poisoned(reason="too_long", detail="subject"))
        settled(ledger, record, Edited(actor="op", payload=payload(FirstName="New")))
    whole = ledger.events(lead_id())
    ledger.forget_details(lead_id())
    assert ledger.events(lead_id()) == [replace(event, payload=None, detail="") for event in whole]
    assert whole[0].detail == "subject"
    assert whole[1].payload == payload()
    assert ledger.events(lead_id(number=1))[1].payload == payload()


def test_details_may_be_forgotten_again_and_where_there_are_none(ledger: Ledger) -> None:
    ledger.forget_details(lead_id())
    inserted(ledger)
    for _ in range(2):
        ledger.forget_details(lead_id())
    assert ledger.read(lead_id()) is not None


def test_of_many_writers_at_once_exactly_one_wins(ledger: Ledger) -> None:
    record = inserted(ledger)
    won: list[str] = []

    def write(name: str) -> None:
        after, event = transition(record, Poisoned(reason=name), at=LATER) or (record, None)
        try:
            ledger.write(record, after, event)
        except Changed:
            return
        won.append(name)

    threads = [threading.Thread(target=write, args=(f"writer-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = ledger.read(record.lead_id)
    assert read is not None
    assert won == [read.reason]
    assert [event.reason for event in ledger.events(record.lead_id)] == won


def test_of_many_inserts_at_once_exactly_one_wins(ledger: Ledger) -> None:
    results: list[Record | None] = []

    def insert() -> None:
        results.append(ledger.insert(Record.accepted(lead_id(), payload())))

    threads = [threading.Thread(target=insert) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(result is not None for result in results) == 1


def test_the_next_day_is_the_first_with_a_record_from_that_one_on(ledger: Ledger) -> None:
    assert ledger.next_day(DAY) is None
    for days in (1, 20_000):
        inserted(ledger, days, timedelta(days=days))
    assert ledger.next_day(date(1970, 1, 1)) == DAY + timedelta(days=1)
    assert ledger.next_day(DAY + timedelta(days=1)) == DAY + timedelta(days=1)
    assert ledger.next_day(DAY + timedelta(days=2)) == DAY + timedelta(days=20_000)
    assert ledger.next_day(DAY + timedelta(days=20_001)) is None


def test_days_of_1970_and_9999_are_days_like_others(ledger: Ledger) -> None:
    for at in (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        ledger.insert(Record.accepted(new_lead_id(at, bytes(10)), payload()))
    assert ledger.first_day() == date(1970, 1, 1)
    assert ledger.next_day(DAY) == date(9999, 12, 31)
    assert len(list(ledger.between(date(1970, 1, 1), date.max))) == 2


def test_unforgotten_is_what_is_settled_and_still_holds_personal_data(ledger: Ledger) -> None:
    forgotten = settled(ledger, settled(ledger, inserted(ledger, 1), Written()), Forgotten())
    whole = settled(ledger, inserted(ledger, 2), Written())
    settled(ledger, inserted(ledger, 3), Poisoned(reason="x"))
    inserted(ledger, 4)
    settled(ledger, inserted(ledger, 5), Erased(actor="op"))
    rejected = Record.rejected(lead_id(number=6), InvalidLead("not_utf8", "byte 0"), bytes(3))
    ledger.insert(rejected)
    withheld = Record.accepted(lead_id(number=7), payload(FirstName="", LastName="", Email="", Company=""))
    settled(ledger, ledger.insert(withheld) or withheld, Written())
    settled(ledger, inserted(ledger, 8, timedelta(days=7)), Written())
    found = {record.lead_id for record in ledger.unforgotten(DAY, DAY + timedelta(days=6))}
    assert found == {whole.lead_id, rejected.lead_id, withheld.lead_id}
    assert forgotten.lead_id not in found


def test_a_listing_ends_when_it_is_told_to(ledger: Ledger) -> None:
    for days in range(3):
        inserted(ledger, days, timedelta(days=days))
    later = RECEIVED_AT + timedelta(days=9)
    found = list(ledger.due(DAY, later, states=QUEUED_STATES, go_on=lambda: False))
    assert found[0].lead_id == lead_id(number=0)  # what was read already is given
    assert len(list(ledger.due(DAY, later, states=QUEUED_STATES, go_on=lambda: True))) == 3


def test_what_persons_decided_is_listed_by_the_days_of_their_leads(ledger: Ledger) -> None:
    first, second = inserted(ledger, 1), inserted(ledger, 2, timedelta(days=2))
    for record in (first, second):
        for change in (Poisoned(reason="refused"), Edited(actor="ann", payload=payload(FirstName="Ann"))):
            current = ledger.read(record.lead_id)
            assert current is not None
            decided = transition(current, change, at=LATER)
            assert decided is not None
            ledger.write(current, decided.after, decided.event)

    found = [*ledger.decisions(DAY, DAY + timedelta(days=2), damage=[])]
    assert [(event.lead_id, event.event, event.actor) for event in found] == [
        (first.lead_id, "edited", "ann"),
        (second.lead_id, "edited", "ann"),
    ]
    assert [event.payload for event in found] == [None, None]
    assert [*ledger.decisions(DAY, DAY + timedelta(days=1), damage=[])] == found[:1]
