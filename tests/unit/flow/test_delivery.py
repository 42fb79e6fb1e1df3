"""What happens to a message, step by step, and what is true when a process dies between two of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leadpipe import delivery
from leadpipe.delivery import FURTHEST_AHEAD, NEWER_ENVELOPE_DELAY, Try, deliver, deliver_record, settle
from leadpipe.ledger_writes import lower_marks, write
from leadpipe.model.change import Discarded, Erased, Poisoned, QueuedAgain, Replayed, ToFallback, Written
from leadpipe.model.claim import Claim
from leadpipe.model.envelope import LARGEST_ATTEMPT, Envelope
from leadpipe.model.errors import (
    Blocked,
    Changed,
    DeliveryFailed,
    NotAllowed,
    NotAnEnvelope,
    Refused,
    StorageFailed,
    Transient,
)
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Marks
from leadpipe.model.record import Record, State
from leadpipe.model.schedule import FIRST_REST
from leadpipe.model.settings import Area, Fault, Settings, SpecialLeads
from tests.factories import environment
from tests.fakes import NOW, World

PAYLOAD = '{"UserDetails": {"LastName": "Doe", "Email": "jane@contoso.com"}, "LeadSource": "AzureMarketplace"}'
TEST_PAYLOAD = '{"UserDetails": {"LastName": "MSFT_TEST_1"}}'
DNC_PAYLOAD = '{"UserDetails": {"LastName": "Doe"}, "ActionCode": "DNC"}'
WITHHELD_PAYLOAD = '{"UserDetails": {"Country": "US", "Email": ""}, "OfferTitle": "Widget", "ActionCode": "INS"}'
UNREAD_PAYLOAD = '{"UserDetails": {"LastName": "Doe"}, "Contact": {"Mail": "jane@contoso.com", "Name": "Jane"}}'
SETTINGS = Settings(storage=None, dataverse=None)
AWAY = Transient("dynamics_unreachable")
STORAGE_AWAY = StorageFailed("storage_unreachable")


def lead_id(number: int = 1, *, after: timedelta = timedelta(0)) -> str:
    return new_lead_id(NOW + after, bytes([number] * 10))


def accepted(world: World, number: int = 1, *, payload: str = PAYLOAD, after: timedelta = timedelta(0)) -> Record:
    record = world.ledger.insert(Record.accepted(lead_id(number, after=after), payload))
    assert record is not None
    return record


def message(record: Record, *, attempt: int = 1) -> str:
    payload = record.payload if isinstance(record.payload, str) else None
    return Envelope(lead_id=record.lead_id, attempt=attempt, payload=payload).to_text()


def run(world: World, text: str, *, dequeue_count: int = 1, settings: Settings = SETTINGS) -> None:
    world.journal.clear()
    deliver(text, dequeue_count=dequeue_count, chance=0.5, now=world.now, ports=world.ports, settings=settings)


def a_try(world: World, *, attempt: int = 1, first: bool = False) -> Try:
    return Try(attempt=attempt, first=first, chance=0.5, now=world.now)


def held(world: World, record: Record) -> Record:
    return world.ledger.rows[record.lead_id]


# The straight way


def test_the_straight_way_is_read_claim_create_write() -> None:
    world = World()
    record = accepted(world)
    run(world, message(record))
    assert world.journal == ["ledger.read", "claims.take", "dynamics.create", "ledger.write"]
    assert held(world, record).state is State.WRITTEN
    assert [*world.dynamics.leads] == [record.lead_id]


def test_a_written_record_tells_when_it_was_written_and_has_no_event_row() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + timedelta(seconds=3)
    run(world, message(record))
    assert held(world, record).written_at == NOW + timedelta(seconds=3)
    assert world.ledger.events(record.lead_id) == []


def test_the_same_message_delivered_twice_makes_one_lead() -> None:
    world = World()
    record = accepted(world)
    run(world, message(record))
    run(world, message(record), dequeue_count=2)
    assert world.journal == ["ledger.read"]
    assert world.dynamics.asked == 1


def test_a_message_without_a_record_makes_it() -> None:
    world = World()
    envelope = Envelope(lead_id=lead_id(), attempt=1, payload=PAYLOAD, key_name="partner-center")
    run(world, envelope.to_text())
    assert world.journal == ["ledger.read", "ledger.insert", "claims.take", "dynamics.create", "ledger.write"]
    assert world.ledger.rows[lead_id()].state is State.WRITTEN
    assert world.ledger.rows[lead_id()].payload == PAYLOAD
    assert world.ledger.rows[lead_id()].key_name == "partner-center"


@pytest.mark.parametrize("attempt", [FURTHEST_AHEAD + 1, LARGEST_ATTEMPT - 1, LARGEST_ATTEMPT])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_message_of_an_absurd_attempt_leaves_room_for_the_tries_that_follow(attempt: int, recorded: bool) -> None:
    world = World()
    a_record = accepted(world) if recorded else Record.accepted(lead_id(), PAYLOAD)
    world.dynamics.failing = [AWAY] * 3
    run(world, message(a_record, attempt=attempt))
    for _ in range(3):
        (put,) = world.queue.messages
        world.queue.messages.clear()
        run(world, put.text)
    assert held(world, a_record).state is State.WRITTEN
    assert held(world, a_record).attempt < 3 * FURTHEST_AHEAD


def test_a_message_of_the_largest_attempt_is_put_again_while_storage_is_away() -> None:
    world = World()
    record = accepted(world)
    world.ledger.failing = [STORAGE_AWAY]
    run(world, message(record, attempt=LARGEST_ATTEMPT))
    run(world, world.queue.messages[0].text)
    assert held(world, record).state is State.WRITTEN


def test_a_message_whose_record_appears_at_the_same_moment_uses_that_record() -> None:
    world = World()
    record = accepted(world)
    hidden = [None]
    real_read = world.ledger.read
    world.ledger.read = lambda an_id: hidden.pop() if hidden else real_read(an_id)  # type: ignore[method-assign]
    run(world, message(record))
    assert held(world, record).state is State.WRITTEN


def test_a_record_that_can_neither_be_read_nor_made_is_tried_again_later() -> None:
    world = World()
    record = accepted(world)
    world.ledger.read = lambda _: None  # type: ignore[method-assign]
    run(world, message(record))
    assert [Envelope.from_text(m.text).attempt for m in world.queue.messages] == [2]


def test_a_message_without_payload_and_without_record_is_poisoned_where_a_person_sees_it() -> None:
    world = World()
    run(world, Envelope(lead_id=lead_id(), attempt=1, payload=None).to_text())
    assert (world.ledger.rows[lead_id()].state, world.ledger.rows[lead_id()].reason) == (
        State.POISONED,
        "payload_missing",
    )
    assert world.dynamics.asked == 0


def test_a_message_whose_payload_is_no_lead_is_poisoned_with_its_payload() -> None:
    world = World()
    run(world, Envelope(lead_id=lead_id(), attempt=3, payload="[]").to_text())
    record = world.ledger.rows[lead_id()]
    assert (record.state, record.reason, record.payload, record.attempt) == (
        State.POISONED,
        "not_an_object",
        "[]",
        3,
    )


def test_the_record_counts_and_the_message_only_makes_a_missing_one() -> None:
    world = World()
    record = accepted(world)
    other = Envelope(lead_id=record.lead_id, attempt=1, payload='{"UserDetails": {"LastName": "Other"}}')
    run(world, other.to_text())
    assert world.dynamics.leads[record.lead_id].last_name == "Doe"


# What ends at once


def test_an_older_message_than_the_record_ends_without_a_word_to_anyone() -> None:
    world = World()
    record = accepted(world)
    write(record, QueuedAgain(next_try_at=NOW), world.now, ledger=world.ledger)
    run(world, message(record, attempt=1))
    assert world.journal == ["ledger.read"]
    assert world.dynamics.asked == 0


@pytest.mark.parametrize("change", [Poisoned(reason="x"), ToFallback(reason="x", next_try_at=None), Erased(actor="a")])
def test_a_message_of_a_lead_that_is_not_queued_any_more_ends(change: Poisoned | ToFallback | Erased) -> None:
    world = World()
    record = accepted(world)
    write(record, change, world.now, ledger=world.ledger)
    run(world, message(record, attempt=9))
    assert world.journal == ["ledger.read"]


CANNOT_BE = (
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2018, 12, 31, tzinfo=UTC),
    NOW + timedelta(days=2),
    datetime(9999, 12, 31, tzinfo=UTC),
)


@pytest.mark.parametrize("at", CANNOT_BE, ids=str)
def test_a_message_with_an_impossible_time_of_receipt_crashes_and_changes_nothing(
    at: datetime,
) -> None:
    world = World()
    marks = Marks(watermark=NOW.date(), forgotten_before=NOW.date())
    world.marks.marks = marks
    text = Envelope.for_payload(new_lead_id(at, bytes(10)), PAYLOAD, attempt=1).to_text()
    with pytest.raises(NotAnEnvelope):
        run(world, text)
    assert (world.ledger.rows, world.marks.marks) == ({}, marks)


@pytest.mark.parametrize("at", CANNOT_BE, ids=str)
def test_a_record_of_such_a_time_that_is_there_already_is_delivered(at: datetime) -> None:
    world = World()
    record = world.ledger.insert(Record.accepted(new_lead_id(at, bytes(10)), PAYLOAD))
    assert record is not None
    run(world, message(record))
    assert held(world, record).state is State.WRITTEN


def test_a_newer_envelope_is_sent_again_byte_for_byte_and_unclaimed() -> None:
    world = World()
    text = '{"v": 2,  "lead_id": "?", "new": "Ж"}'
    run(world, text)
    assert world.journal == ["queue.put"]
    assert (world.queue.messages[0].text, world.queue.messages[0].delay) == (text, NEWER_ENVELOPE_DELAY)


def test_a_text_that_is_no_envelope_leaves_as_a_crash() -> None:
    with pytest.raises(NotAnEnvelope):
        run(World(), "rubbish")


# Claims and duplicates


def test_the_second_of_two_leads_that_say_the_same_is_a_duplicate_of_the_first() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2, after=timedelta(seconds=5))
    run(world, message(first))
    run(world, message(second))
    assert held(world, second).state is State.DUPLICATE
    assert held(world, second).duplicate_of == first.lead_id
    assert world.dynamics.asked == 1


def test_the_claim_comes_before_dynamics_so_that_an_outage_makes_no_second_lead() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2)
    world.dynamics.failing = [AWAY]
    run(world, message(first))
    run(world, message(second))
    assert held(world, second).state is State.DUPLICATE
    assert world.dynamics.leads == {}


def test_the_claim_comes_before_the_fallback() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2)
    for record in (first, second):
        deliver_record(record, a_try(world), ports=replace(world.ports, dynamics=None), settings=SETTINGS)
    assert [*world.fallback.rows] == [first.lead_id]
    assert held(world, second).state is State.DUPLICATE


def test_outside_the_window_the_later_lead_takes_the_claim_over() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2, after=timedelta(days=8))
    run(world, message(first))
    run(world, message(second))
    assert {*world.dynamics.leads} == {first.lead_id, second.lead_id}
    assert world.claims.rows[first.fingerprint].lead_id == second.lead_id


def test_outside_the_window_the_earlier_lead_goes_on_without_the_claim() -> None:
    world = World()
    earlier, later = accepted(world, 1), accepted(world, 2, after=timedelta(days=8))
    run(world, message(later))
    run(world, message(earlier))
    assert {*world.dynamics.leads} == {earlier.lead_id, later.lead_id}
    assert world.claims.rows[later.fingerprint].lead_id == later.lead_id


def test_a_backlog_does_not_turn_a_duplicate_into_a_second_lead() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2, after=timedelta(minutes=1))
    run(world, message(first))
    world.at = NOW + timedelta(days=30)
    run(world, message(second))
    assert held(world, second).state is State.DUPLICATE


def test_a_holder_that_a_person_discarded_gives_its_claim_up() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2)
    world.dynamics.failing = [Refused("plugin_refused")]
    run(world, message(first))
    write(held(world, first), Discarded(actor="op", why="spam"), world.now, ledger=world.ledger)
    run(world, message(second))
    assert [*world.dynamics.leads] == [second.lead_id]


def test_a_holder_without_a_record_gives_its_claim_up() -> None:
    world = World()
    record = accepted(world)
    world.claims.take(Claim(fingerprint=record.fingerprint, lead_id=lead_id(9), received_at=NOW))
    run(world, message(record))
    assert world.claims.rows[record.fingerprint].lead_id == record.lead_id
    assert held(world, record).state is State.WRITTEN


def test_a_take_over_that_somebody_else_won_is_decided_again() -> None:
    world = World()
    record, rival = accepted(world, 1, after=timedelta(seconds=1)), accepted(world, 2)
    world.claims.take(Claim(fingerprint=record.fingerprint, lead_id=lead_id(9), received_at=NOW))
    real = world.claims.take_over

    def rival_is_faster(holder: Claim, mine: Claim) -> bool:
        real(holder, replace(mine, lead_id=rival.lead_id, received_at=rival.received_at))
        return real(holder, mine)

    world.claims.take_over = rival_is_faster  # type: ignore[method-assign]
    run(world, message(record))
    assert held(world, record).duplicate_of == rival.lead_id


def test_with_a_window_of_nothing_no_claim_is_asked_for() -> None:
    world = World()
    for number in (1, 2):
        run(world, message(accepted(world, number)), settings=replace(SETTINGS, dedupe_window=timedelta(0)))
        assert "claims.take" not in world.journal
    assert len(world.dynamics.leads) == 2


def test_a_duplicate_that_a_person_made_a_lead_of_its_own_asks_for_no_claim() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2)
    run(world, message(first))
    run(world, message(second))
    write(held(world, second), Replayed(actor="op", own_lead=True), world.now, ledger=world.ledger)
    run(world, message(second, attempt=2))
    assert len(world.dynamics.leads) == 2
    assert "claims.take" not in world.journal


@pytest.mark.parametrize("payload", [WITHHELD_PAYLOAD, UNREAD_PAYLOAD], ids=["withheld", "unread"])
def test_leads_in_which_nobody_is_known_are_never_duplicates(payload: str) -> None:
    world = World()
    for number in (1, 2):
        run(world, message(accepted(world, number, payload=payload)))
        assert "claims.take" not in world.journal
    assert [*world.dynamics.leads] == [lead_id(1), lead_id(2)]


def test_a_lead_is_claimed_as_it_is_read_now_whatever_its_record_says() -> None:
    world = World()
    first, second, third = (accepted(world, number) for number in (1, 2, 3))
    for record, fingerprint in ((second, ""), (third, "damaged")):
        world.ledger.rows[record.lead_id] = replace(record, fingerprint=fingerprint)
    for record in (first, second, third):
        run(world, message(record))
    assert [held(world, record).state for record in (first, second, third)] == [
        State.WRITTEN,
        State.DUPLICATE,
        State.DUPLICATE,
    ]
    assert [*world.claims.rows] == [first.fingerprint]


def test_a_lead_of_nobody_takes_no_claim_that_its_record_once_had() -> None:
    world = World()
    record = accepted(world, payload=WITHHELD_PAYLOAD)
    world.claims.take(Claim(fingerprint="ab" * 32, lead_id=lead_id(9), received_at=NOW))
    accepted(world, 9)
    world.ledger.rows[record.lead_id] = replace(record, fingerprint="ab" * 32)
    run(world, message(record))
    assert held(world, record).state is State.WRITTEN


def test_a_lead_redelivered_after_its_claim_still_holds_it() -> None:
    world = World()
    record = accepted(world)
    world.claims.take(Claim(fingerprint=record.fingerprint, lead_id=record.lead_id, received_at=NOW))
    run(world, message(record), dequeue_count=2)
    assert held(world, record).state is State.WRITTEN


# Kept by setting


@pytest.mark.parametrize(
    ("payload", "setting", "reason"),
    [(TEST_PAYLOAD, "test_leads", "test_lead"), (DNC_PAYLOAD, "dnc_leads", "do_not_contact")],
)
def test_a_lead_that_shall_stay_in_the_ledger_is_kept_and_not_written(payload: str, setting: str, reason: str) -> None:
    world = World()
    record = accepted(world, payload=payload)
    run(world, message(record), settings=replace(SETTINGS, **{setting: SpecialLeads.KEEP}))  # type: ignore[arg-type]
    assert (held(world, record).state, held(world, record).reason) == (State.KEPT, reason)
    assert world.dynamics.asked == 0


def test_a_repeat_of_a_kept_lead_is_a_duplicate_of_it() -> None:
    world = World()
    first, second = accepted(world, 1, payload=TEST_PAYLOAD), accepted(world, 2, payload=TEST_PAYLOAD)
    for record in (first, second):
        run(world, message(record), settings=replace(SETTINGS, test_leads=SpecialLeads.KEEP))
    assert held(world, second).duplicate_of == first.lead_id


@pytest.mark.parametrize("payload", [TEST_PAYLOAD, DNC_PAYLOAD])
def test_test_and_do_not_contact_leads_are_written_unless_a_setting_says_otherwise(payload: str) -> None:
    world = World()
    record = accepted(world, payload=payload)
    run(world, message(record))
    assert held(world, record).state is State.WRITTEN


@pytest.mark.parametrize("setting", ["test_leads", "dnc_leads"])
def test_an_ordinary_lead_is_written_whatever_is_kept(setting: str) -> None:
    world = World()
    record = accepted(world)
    run(world, message(record), settings=replace(SETTINGS, **{setting: SpecialLeads.KEEP}))  # type: ignore[arg-type]
    assert held(world, record).state is State.WRITTEN


# Dynamics answers


def test_an_id_that_is_there_already_is_a_receipt() -> None:
    world = World()
    record = accepted(world)
    world.dynamics.losing = [AWAY]
    run(world, message(record))
    assert held(world, record).state is State.DEFERRED
    run(world, message(record, attempt=2))
    assert held(world, record).state is State.WRITTEN
    assert len(world.dynamics.leads) == 1


def test_an_unreadable_id_is_believed_on_a_later_attempt() -> None:
    world = World()
    world.dynamics.may_read = False
    record = accepted(world)
    world.dynamics.losing = [AWAY]
    run(world, message(record))
    run(world, message(record, attempt=2))
    assert (held(world, record).state, held(world, record).reason) == (State.WRITTEN, "assumed")


def test_a_lead_whose_rule_names_no_fit_owner_is_written_and_says_so() -> None:
    world = World()
    world.dynamics.rerouted = "teams(1): lookup_missing"
    record = accepted(world)
    run(world, message(record))
    written = held(world, record)
    assert (written.state, written.reason, written.detail) == (
        State.WRITTEN,
        "default_owner",
        "teams(1): lookup_missing",
    )
    (event,) = world.ledger.events(record.lead_id)
    assert (event.event, event.reason, event.detail) == ("written", "default_owner", "teams(1): lookup_missing")


def test_a_lead_with_something_unread_is_written_and_names_the_keys() -> None:
    world = World()
    record = accepted(world, payload=UNREAD_PAYLOAD)
    run(world, message(record))
    written = held(world, record)
    assert (written.state, written.reason) == (State.WRITTEN, "person_unread")
    assert written.detail == "Contact.Mail, Contact.Name"
    (event,) = world.ledger.events(record.lead_id)
    assert (event.event, event.reason, event.detail) == ("written", "person_unread", "Contact.Mail, Contact.Name")


def test_what_else_a_person_has_to_look_at_stands_behind_the_unread_keys() -> None:
    world = World()
    world.dynamics.rerouted = "teams(1): lookup_missing"
    record = accepted(world, payload=UNREAD_PAYLOAD)
    run(world, message(record))
    assert held(world, record).reason == "person_unread"
    assert held(world, record).detail == "Contact.Mail, Contact.Name; default_owner: teams(1): lookup_missing"


def test_an_unread_lead_that_is_believed_to_be_there_says_both() -> None:
    world = World()
    world.dynamics.may_read = False
    record = accepted(world, payload=UNREAD_PAYLOAD)
    world.dynamics.losing = [AWAY]
    run(world, message(record))
    run(world, message(record, attempt=2))
    assert (held(world, record).state, held(world, record).reason) == (State.WRITTEN, "person_unread")
    assert held(world, record).detail == "Contact.Mail, Contact.Name; assumed"


def test_an_unreadable_id_is_believed_when_the_host_redelivers() -> None:
    world = World()
    world.dynamics.may_read = False
    record = accepted(world)
    world.dynamics.create(record.lead_id, world.dynamics.leads.get("x") or _lead())
    run(world, message(record), dequeue_count=2)
    assert held(world, record).state is State.WRITTEN


def test_an_unreadable_id_is_not_believed_when_nobody_can_have_asked_for_it() -> None:
    world = World()
    world.dynamics.may_read = False
    record = accepted(world)
    world.dynamics.create(record.lead_id, _lead())
    run(world, message(record))
    assert (held(world, record).state, held(world, record).reason) == (State.POISONED, "id_taken")


def test_a_refusal_is_poisoned_after_one_call_with_its_cause() -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [Refused("too_long", "the length of the 'subject' attribute")]
    run(world, message(record))
    poisoned = held(world, record)
    assert (poisoned.state, poisoned.reason) == (State.POISONED, "too_long")
    assert poisoned.detail == "the length of the 'subject' attribute"
    assert world.dynamics.asked == 1
    assert world.queue.messages == []


@pytest.mark.parametrize("failure", [AWAY, Blocked("no_role", "nothing"), STORAGE_AWAY])
def test_a_failure_that_passes_puts_a_delayed_copy_and_then_says_so(failure: DeliveryFailed) -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [failure]
    run(world, message(record))
    assert world.journal[-2:] == ["queue.put", "ledger.write"]
    copy = world.queue.messages[0]
    assert Envelope.from_text(copy.text) == Envelope(lead_id=record.lead_id, attempt=2, payload=PAYLOAD)
    assert copy.delay == timedelta(seconds=10)
    deferred = held(world, record)
    assert (deferred.state, deferred.reason, deferred.attempt) == (State.DEFERRED, failure.slug, 2)
    assert deferred.next_try_at == NOW + timedelta(seconds=10)
    assert deferred.failing_since == NOW


def test_the_peers_own_wish_for_a_pause_counts_where_it_is_longer() -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [Transient("throttled", retry_after=timedelta(minutes=7))]
    run(world, message(record))
    assert world.queue.messages[0].delay == timedelta(minutes=7)


def test_a_copy_of_a_lead_that_only_its_record_holds_has_no_payload() -> None:
    world = World()
    big = '{"Description": "' + '\\"' * 15000 + '"}'
    record = accepted(world, payload=big)
    world.dynamics.failing = [AWAY]
    run(world, Envelope.for_payload(record.lead_id, big, attempt=1).to_text())
    assert Envelope.from_text(world.queue.messages[0].text).payload is None


def test_dynamics_away_longer_than_the_setting_says_sends_the_lead_to_the_fallback_table() -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [AWAY, AWAY, AWAY]
    run(world, message(record))
    world.at = NOW + timedelta(hours=3, minutes=59)
    run(world, message(record, attempt=2))
    assert held(world, record).state is State.DEFERRED
    world.at = NOW + timedelta(hours=4)
    run(world, message(record, attempt=3))
    assert held(world, record).state is State.FALLBACK
    assert held(world, record).awaits_dynamics
    assert world.journal[-2:] == ["fallback.keep", "ledger.write"]
    assert [*world.fallback.rows] == [record.lead_id]


def test_a_lead_that_failed_alone_for_long_rests_with_its_own_time() -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [Transient("plugin_crashed"), Transient("plugin_crashed")]
    run(world, message(record))
    world.at = NOW + timedelta(hours=4)
    run(world, message(record, attempt=2))
    rests = held(world, record)
    assert (rests.state, rests.awaits_dynamics, rests.next_try_at) == (State.FALLBACK, False, world.at + FIRST_REST)


@pytest.mark.parametrize("obstacle", ["settings", "claims"])
def test_a_lead_that_has_not_passed_its_claim_never_rests_in_the_fallback_table(obstacle: str) -> None:
    """What is drained from there is not asked for a claim any more, so a repeat would be written too."""
    world = World()
    record = accepted(world)
    fault = Fault(area=Area.DYNAMICS, setting="DATAVERSE_URL", problem="is no URL")
    settings = replace(SETTINGS, faults=(fault,)) if obstacle == "settings" else SETTINGS
    world.claims.down = obstacle == "claims"
    for attempt in range(1, 4):
        run(world, message(record, attempt=attempt), settings=settings)
        world.at += timedelta(days=3)
    assert held(world, record).state is State.DEFERRED
    assert world.fallback.rows == {}


def test_a_shut_gate_keeps_the_lead_until_it_opens_and_says_what_shut_it() -> None:
    world = World()
    first, second = accepted(world, 1), accepted(world, 2, payload=DNC_PAYLOAD)
    world.dynamics.failing = [Blocked("no_role", "prvCreateLead")]
    run(world, message(first))
    run(world, message(second))
    assert world.dynamics.asked == 1
    waiting = held(world, second)
    assert held(world, first).detail == "prvCreateLead"
    assert (waiting.state, waiting.reason) == (State.DEFERRED, "no_role")
    assert waiting.detail == "not tried; an earlier lead: prvCreateLead"
    assert waiting.next_try_at is not None
    assert timedelta(seconds=10) <= waiting.next_try_at - NOW <= timedelta(seconds=12)


@pytest.mark.parametrize(("lead_only", "longest"), [(False, timedelta(minutes=5)), (True, timedelta(minutes=18))])
def test_a_blocked_lead_is_tried_within_five_minutes_whatever_its_number_of_tries(
    lead_only: bool, longest: timedelta
) -> None:
    world = World()
    waiting = accepted(world)
    world.dynamics.failing = [Blocked("mapping_unusable", lead_only=lead_only)]
    run(world, message(waiting, attempt=9))
    next_try_at = held(world, waiting).next_try_at
    assert next_try_at is not None
    assert longest * 0.6 <= next_try_at - NOW <= longest


def test_the_gate_hears_of_every_failure_and_shuts_when_leads_fail_in_a_row() -> None:
    world = World()
    world.dynamics.failing = [AWAY, AWAY, AWAY]
    for number in range(1, 5):
        run(world, message(accepted(world, number)), settings=replace(SETTINGS, dedupe_window=timedelta(0)))
    assert world.dynamics.asked == 3
    assert world.gate.is_shut(NOW)


@pytest.mark.parametrize("error", [KeyError("jane@contoso.com"), UnicodeError("Doe"), OverflowError(), MemoryError()])
def test_what_nobody_foresaw_while_asking_dynamics_waits_with_its_kind_alone(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [error]
    with caplog.at_level("ERROR"):
        run(world, message(record))
    deferred = held(world, record)
    kind = type(error).__name__
    assert (deferred.state, deferred.reason, deferred.detail) == (State.DEFERRED, "unforeseen", kind)
    (line,) = caplog.messages
    assert line.startswith(f"unforeseen lead_id={record.lead_id} kind={kind} place=fakes.py:")
    run(world, message(deferred, attempt=2))
    assert held(world, record).state is State.WRITTEN


def test_what_nobody_foresaw_shuts_the_gate_when_it_hits_every_lead() -> None:
    world = World()
    world.dynamics.failing = [KeyError(number) for number in range(4)]
    for number in range(1, 6):
        run(world, message(accepted(world, number)), settings=replace(SETTINGS, dedupe_window=timedelta(0)))
    assert world.dynamics.asked == 3
    assert world.gate.is_shut(NOW)


def test_a_probe_that_meets_what_nobody_foresaw_is_not_lost() -> None:
    world = World()
    world.dynamics.failing = [Blocked("no_role"), KeyError("a")]
    settings = replace(SETTINGS, dedupe_window=timedelta(0))
    run(world, message(accepted(world, 1)), settings=settings)
    world.at += timedelta(seconds=11)
    run(world, message(accepted(world, 2)), settings=settings)
    world.at += timedelta(seconds=21)
    record = accepted(world, 3)
    run(world, message(record), settings=settings)
    assert held(world, record).state is State.WRITTEN


def test_the_gate_hears_of_every_answer_and_counts_failures_anew() -> None:
    world = World()
    away = iter((True, True, False, True, True, False))
    for number in range(1, 7):
        world.dynamics.failing = [AWAY] if next(away) else []
        run(world, message(accepted(world, number)), settings=replace(SETTINGS, dedupe_window=timedelta(0)))
    assert world.dynamics.asked == 6
    assert not world.gate.in_doubt(NOW)


def test_without_an_organisation_the_lead_rests_in_the_fallback_table_until_a_person_drains_it() -> None:
    world = World()
    record = accepted(world)
    deliver_record(record, a_try(world), ports=replace(world.ports, dynamics=None), settings=SETTINGS)
    resting = held(world, record)
    assert (resting.state, resting.reason, resting.next_try_at) == (State.FALLBACK, "no_dynamics", None)


def test_a_lead_delivered_from_the_fallback_table_is_written_before_its_row_goes() -> None:
    world = World()
    record = accepted(world)
    resting = deliver_record(record, a_try(world), ports=replace(world.ports, dynamics=None), settings=SETTINGS)
    world.journal.clear()
    deliver_record(resting, a_try(world), ports=world.ports, settings=SETTINGS)
    assert world.journal == ["dynamics.create", "ledger.write", "fallback.remove"]
    assert held(world, record).state is State.WRITTEN
    assert world.fallback.rows == {}


def test_a_lead_in_the_fallback_table_stays_there_when_dynamics_is_still_away() -> None:
    world = World()
    record = accepted(world)
    resting = deliver_record(record, a_try(world), ports=replace(world.ports, dynamics=None), settings=SETTINGS)
    world.dynamics.failing = [AWAY]
    deliver_record(resting, a_try(world), ports=world.ports, settings=SETTINGS)
    assert (held(world, record).state, held(world, record).reason) == (State.FALLBACK, "dynamics_unreachable")
    assert world.queue.messages == []
    assert [*world.fallback.rows] == [record.lead_id]


def test_a_lead_that_dynamics_got_meanwhile_leaves_no_row_in_the_fallback_table() -> None:
    world = World()
    record = accepted(world)
    write(record, Written(), world.now, ledger=world.ledger)
    settle(record, ToFallback(reason="x", next_try_at=None), a_try(world), ports=world.ports)
    assert held(world, record).state is State.WRITTEN
    assert world.fallback.rows == {}


def test_unusable_settings_make_a_lead_wait_before_it_is_claimed() -> None:
    world = World()
    record = accepted(world)
    fault = Fault(area=Area.DYNAMICS, setting="DATAVERSE_URL", problem="is no URL")
    run(world, message(record), settings=replace(SETTINGS, faults=(fault,)))
    waiting = held(world, record)
    assert (waiting.state, waiting.reason, waiting.detail) == (
        State.DEFERRED,
        "settings",
        "DATAVERSE_URL is no URL",
    )
    assert world.claims.rows == {}
    assert world.dynamics.asked == 0


def test_a_slip_in_a_setting_that_has_a_default_stops_no_lead() -> None:
    world = World()
    record = accepted(world)
    found = Settings.from_environment(environment(LEADPIPE_DEDUPE_WINDOW="a week", DATAVERSE_SECRET_EXPIRES="soon"))
    assert len(found.faults) == 2
    run(world, message(record), settings=found)
    assert held(world, record).state is State.WRITTEN


def test_a_record_whose_payload_is_gone_is_poisoned() -> None:
    world = World()
    record = accepted(world)
    world.ledger.rows[record.lead_id] = replace(held(world, record), payload=None)
    run(world, message(record))
    assert (held(world, record).state, held(world, record).reason) == (State.POISONED, "payload_missing")


# Storage away


@pytest.mark.parametrize("part", ["ledger", "claims"])
def test_a_table_that_is_away_becomes_a_delayed_copy(part: str) -> None:
    world = World()
    record = accepted(world)
    getattr(world, part).down = True
    run(world, message(record))
    assert [Envelope.from_text(m.text).attempt for m in world.queue.messages] == [2]
    assert world.dynamics.leads == {}


def test_when_a_written_leads_record_could_not_be_settled_its_copy_settles_it() -> None:
    world = World()
    record = accepted(world)
    real_write = world.ledger.write
    failures = [STORAGE_AWAY]

    def write_fails_once(*args: object) -> Record:
        if failures:
            raise failures.pop()
        return real_write(*args)  # type: ignore[arg-type]

    world.ledger.write = write_fails_once  # type: ignore[method-assign]
    run(world, message(record))
    copy = world.queue.messages[0]
    run(world, copy.text)
    assert held(world, record).state is State.WRITTEN
    assert len(world.dynamics.leads) == 1


def test_a_deferral_whose_record_cannot_be_written_puts_one_copy_and_not_two() -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [AWAY]

    def fails(*_: object) -> Record:
        raise STORAGE_AWAY

    world.ledger.write = fails  # type: ignore[method-assign]
    run(world, message(record))
    assert len(world.queue.messages) == 1


def test_when_not_even_a_copy_can_be_put_the_host_is_asked_to_redeliver() -> None:
    world = World()
    record = accepted(world)
    world.ledger.down = world.queue.down = True
    with pytest.raises(StorageFailed):
        run(world, message(record))


def test_a_copy_that_could_not_be_put_is_not_logged_as_if_it_was(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    record = accepted(world)
    world.queue.down = True
    for text in (message(record), '{"v": 2}'):
        world.dynamics.failing = [AWAY]
        with pytest.raises(StorageFailed):
            run(world, text)
    assert "lead_deferred" not in caplog.text
    assert "envelope_newer" not in caplog.text


def test_a_copy_that_was_put_is_logged_and_so_is_a_record_that_stayed_behind(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    record = accepted(world)
    world.dynamics.failing = [AWAY]

    def fails(*_: object) -> Record:
        raise STORAGE_AWAY

    world.ledger.write = fails  # type: ignore[method-assign]
    run(world, message(record))
    run(world, '{"v": 2}')
    assert f"lead_deferred lead_id={record.lead_id} reason=dynamics_unreachable attempt=2" in caplog.text
    assert f"record_behind lead_id={record.lead_id} reason=storage_unreachable" in caplog.text
    assert "envelope_newer" in caplog.text


# The door


def test_a_record_that_somebody_else_wrote_is_read_and_decided_again() -> None:
    world = World()
    record = accepted(world)
    write(record, QueuedAgain(next_try_at=NOW), world.now, ledger=world.ledger)
    settled = write(record, Written(), world.now, ledger=world.ledger, attempt=1)
    assert (settled.state, settled.attempt) == (State.WRITTEN, 2)


def test_a_late_poisoning_does_not_undo_a_replay() -> None:
    world = World()
    record = accepted(world)
    poisoned = write(record, Poisoned(reason="x"), world.now, ledger=world.ledger)
    write(poisoned, Replayed(actor="op"), world.now, ledger=world.ledger)
    settled = write(record, Poisoned(reason="late"), world.now, ledger=world.ledger, attempt=1)
    assert settled.state is State.ACCEPTED


def test_a_record_deleted_by_hand_is_a_storage_failure_and_no_endless_loop() -> None:
    world = World()
    record = accepted(world)
    del world.ledger.rows[record.lead_id]
    with pytest.raises(StorageFailed, match="record_gone"):
        write(record, Written(), world.now, ledger=world.ledger)


def test_a_record_that_changes_whenever_it_is_written_does_not_hold_the_thread_for_ever() -> None:
    world = World()
    record = accepted(world)

    def changed(*_: object) -> Record:
        raise Changed("record_changed", record.lead_id)

    world.ledger.write = changed  # type: ignore[method-assign]
    with pytest.raises(StorageFailed, match="record_contended"):
        write(record, Written(), world.now, ledger=world.ledger)
    run(world, message(record))
    assert [Envelope.from_text(m.text).attempt for m in world.queue.messages] == [2]


def test_an_old_lead_that_only_its_message_holds_is_one_that_the_sweep_looks_for() -> None:
    world = World()
    marks = Marks(watermark=(NOW + timedelta(days=9)).date(), forgotten_before=NOW.date())
    world.marks.write(world.marks.read(), marks)
    world.at = NOW + timedelta(days=10)
    run(world, Envelope(lead_id=lead_id(), attempt=1, payload=PAYLOAD).to_text())
    assert world.journal.index("marks.write") < world.journal.index("ledger.insert")
    assert (world.marks.marks.watermark, world.marks.marks.forgotten_before) == (NOW.date(), NOW.date())


def test_marks_that_a_sweep_moves_at_the_same_moment_are_lowered_all_the_same() -> None:
    world = World()
    moved = Marks(watermark=(NOW + timedelta(days=9)).date())
    world.marks.write(world.marks.read(), replace(moved, watermark=NOW.date() + timedelta(days=8)))
    real, rival = world.marks.write, [moved]

    def rival_is_faster(before: Marks, after: Marks) -> bool:
        if rival:
            real(before, rival.pop())
        return real(before, after)

    world.marks.write = rival_is_faster  # type: ignore[method-assign]
    lower_marks(NOW.date(), world.marks)
    assert world.marks.marks.watermark == NOW.date()


def test_marks_that_are_others_each_time_end_the_try_and_not_the_thread() -> None:
    world = World()
    world.marks.write(world.marks.read(), Marks(watermark=NOW.date() + timedelta(days=9)))
    world.marks.write = lambda _before, _after: False  # type: ignore[method-assign]
    with pytest.raises(StorageFailed, match="record_contended"):
        lower_marks(NOW.date(), world.marks)


def test_a_claim_that_is_another_each_time_it_is_taken_over_defers_the_lead() -> None:
    world = World()
    accepted(world, 1)
    record = accepted(world, 2, after=timedelta(days=30))
    run(world, message(held(world, accepted(world, 3))))  # the holder, long before
    world.claims.take_over = lambda _holder, _mine: False  # type: ignore[method-assign]
    run(world, message(record))
    assert (held(world, record).state, held(world, record).reason) == (State.DEFERRED, "record_contended")


def test_an_old_lead_that_has_its_record_needs_no_marks() -> None:
    world = World()
    record = accepted(world)
    world.at = NOW + timedelta(days=10)
    run(world, message(record))
    assert "marks.read" not in world.journal


def test_a_message_from_before_leads_were_received_is_rubbish_and_moves_no_marks() -> None:
    world = World()
    envelope = Envelope(lead_id=lead_id(after=timedelta(days=-20_000)), attempt=1, payload=PAYLOAD)
    with pytest.raises(NotAnEnvelope):
        run(world, envelope.to_text())
    assert world.journal == ["ledger.read"]


def test_a_lead_of_today_that_only_its_message_holds_needs_no_marks() -> None:
    world = World()
    world.at = NOW + timedelta(hours=23)
    run(world, Envelope(lead_id=lead_id(), attempt=1, payload=PAYLOAD).to_text())
    assert "marks.read" not in world.journal


def test_a_persons_decision_that_the_state_rules_out_is_refused() -> None:
    world = World()
    record = accepted(world)
    with pytest.raises(NotAllowed):
        write(record, Discarded(actor="op", why="spam"), world.now, ledger=world.ledger)


def test_no_outcome_is_logged_with_lead_data(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world = World()
    first, second = accepted(world, 1), accepted(world, 2)
    world.dynamics.failing = [AWAY]
    for record in (first, second):
        run(world, message(record))
    run(world, message(first, attempt=2))
    run(world, message(first, attempt=2))
    world.ledger.down = True
    run(world, message(first))
    assert "lead_settled" in caplog.text
    assert "message_stale" in caplog.text
    assert "lead_deferred" in caplog.text
    for secret in ("Doe", "jane", "contoso", "AzureMarketplace"):
        assert secret not in caplog.text


def _lead() -> delivery.Lead:
    return delivery.Lead(last_name="somebody else")
