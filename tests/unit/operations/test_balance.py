"""Each store damaged in turn, and the line that the balance has for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.model.claim import Claim
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import StorageFailed, Transient
from leadpipe.model.lead_id import new_lead_id
from leadpipe.model.ports import Arrival, Marks
from leadpipe.model.record import Record, State
from leadpipe.operations.balance import MEANING, NOTES, Audit, Discrepancy, What
from leadpipe.sweep import sweep
from tests.factories import LEAD_ID, OTHER_LEAD_ID, RECEIVED_AT, lead_id, payload, record, settings
from tests.fakes import Message, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATE = RECEIVED_AT - HOUR  # an hour and a day before the audit


@pytest.fixture
def world() -> World:
    return World(at=RECEIVED_AT + DAY)


def audited(world: World, **options: object) -> Audit:
    whole = {"since": RECEIVED_AT - DAY, "before": world.at, "at": world.at, "ports": world.ports}
    return Audit(**{**whole, **options})  # type: ignore[arg-type]


def found(world: World, **options: object) -> set[tuple[What, str]]:
    return {(finding.what, finding.id) for finding in audited(world, **options).findings()}


def kept(world: World, lead: str = LEAD_ID, **fields: object) -> Record:
    made = world.ledger.insert(record(lead, **fields))
    assert made is not None
    return made


def claimed(world: World, lead: str = LEAD_ID, fingerprint: str = "ab" * 32) -> None:
    world.claims.take(Claim(fingerprint=fingerprint, lead_id=lead, received_at=RECEIVED_AT))


def whole(world: World) -> None:
    """One lead in each state, and in the stores what each has to have there."""
    for number, state in enumerate(State):
        lead = lead_id(number=number)
        kept(world, lead, state=state, next_try_at=world.at, updated_at=world.at, duplicate_of=lead_id(number=3))
        claimed(world, lead, f"{number:064}")
        if state is State.FALLBACK:
            world.fallback.keep(record(lead))
        if state is State.WRITTEN:
            world.dynamics.create(lead, None)  # type: ignore[arg-type]


def test_stores_that_agree_give_no_finding_and_every_state_is_counted(world: World) -> None:
    whole(world)
    notes = {lead_id(number=number) for number, state in enumerate(State) if state is State.MERGED}
    audit = audited(world, in_dynamics=world.dynamics.has, has_note=notes.__contains__)
    assert list(audit.findings()) == []
    assert audit.counts == dict.fromkeys(State, 1)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.DEFERRED, State.FALLBACK])
def test_an_open_lead_overdue_by_more_than_an_hour(world: World, state: State) -> None:
    lead = kept(world, state=state, next_try_at=world.at - HOUR - timedelta(seconds=1))
    world.fallback.keep(lead)
    assert found(world) == {(What.OVERDUE, LEAD_ID)}
    world.at -= timedelta(seconds=2)
    assert found(world) == set()


def test_an_open_lead_that_was_settled_meanwhile_is_none(world: World) -> None:
    listed = kept(world, next_try_at=LATE)
    pages = world.ledger.between

    def settling(*days: object, **options: object) -> object:
        yield from [*pages(*days, **options)]  # type: ignore[arg-type]
        world.ledger.rows[LEAD_ID] = replace(listed, state=State.WRITTEN)

    world.ledger.between = settling  # type: ignore[method-assign, assignment]
    assert found(world) == set()


def test_resting_leads_wait_behind_the_one_that_is_tried(world: World) -> None:
    """In an outage the sweep tries one every five minutes; the others' time passes."""
    for number in range(3):
        world.fallback.keep(kept(world, lead_id(number=number), state=State.FALLBACK, next_try_at=LATE))
    assert len(found(world)) == 3
    tried = lead_id(number=1)
    world.ledger.rows[tried] = replace(world.ledger.rows[tried], updated_at=world.at, next_try_at=world.at + HOUR)
    world.marks.marks = Marks(watermark=RECEIVED_AT.date(), taken_in_until=RECEIVED_AT)
    assert found(world) == set()


def test_resting_leads_behind_a_failing_probe_are_overdue_only_if_no_sweep_probes(world: World) -> None:
    for number in range(3):
        rests = kept(
            world, lead_id(number=number), state=State.FALLBACK, next_try_at=RECEIVED_AT, updated_at=RECEIVED_AT
        )
        world.fallback.keep(rests)
    world.dynamics.failing = [Transient("dynamics_unreachable")] * 100
    for _ in range(120):
        sweep(now=world.now, chance=0.5, ports=world.ports, settings=settings())
        world.at += timedelta(minutes=1)
    assert world.dynamics.asked > 20
    assert found(world) == set()
    world.at += HOUR
    assert {what for what, _ in found(world)} == {What.OVERDUE}


def test_a_lead_without_a_next_try_waits_for_a_person_not_for_the_clock(world: World) -> None:
    world.fallback.keep(kept(world, state=State.FALLBACK, reason="no_dynamics", next_try_at=None))
    assert found(world) == set()


def test_a_resting_lead_without_its_row(world: World) -> None:
    kept(world, state=State.FALLBACK, next_try_at=world.at)
    assert found(world) == {(What.NO_ROW, LEAD_ID)}


def test_a_damaged_mark_is_named(world: World) -> None:
    world.marks.marks = Marks(watermark=RECEIVED_AT.date(), taken_in_until=world.at + DAY)
    assert found(world) == {(What.MARK_DAMAGED, "taken_in_until")}


def test_a_lead_of_the_marketplaces_own_table_needs_no_row_of_ours(world: World) -> None:
    arrival = Arrival(key="ab" * 32, at=RECEIVED_AT, payload=payload())
    taken_in = new_lead_id(arrival.at, bytes.fromhex(arrival.key))
    world.fallback.from_the_marketplace = [arrival]
    kept(world, taken_in, state=State.FALLBACK, next_try_at=world.at)
    assert found(world) == set()
    world.fallback.from_the_marketplace = []
    assert found(world) == {(What.NO_ROW, taken_in)}


def test_a_row_whose_record_is_gone(world: World) -> None:
    world.fallback.keep(record())
    assert found(world) == {(What.ROW_ALONE, LEAD_ID)}


def test_a_row_of_a_settled_lead_is_a_note(world: World) -> None:
    world.fallback.keep(kept(world, state=State.WRITTEN))
    assert found(world) == {(What.ROW_LEFT_BEHIND, LEAD_ID)}
    assert What.ROW_LEFT_BEHIND in NOTES


@pytest.mark.parametrize("state", [State.DISCARDED, State.REJECTED, State.ERASED, State.DUPLICATE])
def test_a_duplicate_whose_holder_does_not_hold(world: World, state: State) -> None:
    kept(world, OTHER_LEAD_ID, state=State.DUPLICATE, duplicate_of=LEAD_ID)
    kept(world, state=state, duplicate_of=LEAD_ID if state is State.DUPLICATE else "")
    assert (What.NOT_HELD, OTHER_LEAD_ID) in found(world)


def test_a_duplicate_whose_holders_record_is_gone_is_no_call_to_write_it_too(world: World) -> None:
    kept(world, OTHER_LEAD_ID, state=State.DUPLICATE, duplicate_of=LEAD_ID)
    assert found(world) == {(What.HOLDER_GONE, OTHER_LEAD_ID)}
    assert found(world, in_dynamics=lambda lead_id: lead_id == LEAD_ID) == set()
    assert found(world, in_dynamics=lambda _: False) == {(What.HOLDER_GONE, OTHER_LEAD_ID)}


@pytest.mark.parametrize("state", [State.ACCEPTED, State.WRITTEN, State.POISONED, State.KEPT])
@pytest.mark.parametrize("days", [0, 5], ids=["in the span", "before the span"])
def test_a_duplicate_whose_holder_holds_is_none(world: World, state: State, days: int) -> None:
    kept(world, state=state, next_try_at=RECEIVED_AT + 5 * DAY)
    kept(world, lead_id(days * DAY, 1), state=State.DUPLICATE, duplicate_of=LEAD_ID)
    world.at = RECEIVED_AT + (days + 0.5) * DAY
    assert found(world, since=RECEIVED_AT + days * DAY) == set()


def test_a_duplicate_of_a_lead_that_was_written_and_then_erased_is_none(world: World) -> None:
    kept(world, state=State.ERASED, written_at=RECEIVED_AT, payload=None)
    kept(world, OTHER_LEAD_ID, state=State.DUPLICATE, duplicate_of=LEAD_ID)
    assert found(world) == set()


def test_a_claim_whose_record_is_missing(world: World) -> None:
    claimed(world)
    assert found(world) == {(What.CLAIM_ALONE, LEAD_ID)}


def test_a_claim_whose_record_is_missing_and_whose_lead_dynamics_has_is_a_note(world: World) -> None:
    claimed(world)
    assert found(world, in_dynamics=lambda lead_id: lead_id == LEAD_ID) == {(What.IN_DYNAMICS_ALONE, LEAD_ID)}
    assert What.IN_DYNAMICS_ALONE in NOTES


def test_a_claim_belongs_to_the_span_in_which_its_lead_was_received(world: World) -> None:
    claimed(world)
    assert found(world, since=RECEIVED_AT + HOUR) == set()
    assert found(world, since=RECEIVED_AT - HOUR, before=RECEIVED_AT) == set()


def test_messages_older_than_an_hour_on_the_poison_queue(world: World) -> None:
    text = Envelope.for_payload(LEAD_ID, payload(), attempt=1).to_text()
    world.poison_queue.holding(text, at=world.at - HOUR - timedelta(seconds=1))
    rubbish = world.poison_queue.holding("rubbish", at=world.at - 2 * HOUR)
    world.poison_queue.holding(text, at=world.at)
    assert found(world) == {(What.ON_POISON_QUEUE, LEAD_ID), (What.ON_POISON_QUEUE, f"message {rubbish.id}")}


def test_a_message_whose_lead_has_no_record(world: World) -> None:
    text = Envelope.for_payload(LEAD_ID, payload(), attempt=1).to_text()
    world.queue.messages = [Message(text, at=world.at - HOUR), Message(text, DAY), Message(text, DAY)]
    assert found(world) == {(What.MESSAGE_ALONE, LEAD_ID), (What.MESSAGE_ALONE, "2 messages")}
    kept(world, next_try_at=world.at, attempt=2, updated_at=world.at)
    assert found(world) == {(What.MESSAGE_ALONE, "1 message")}


def test_a_poisoned_lead_without_its_payload(world: World) -> None:
    kept(world, state=State.POISONED, payload=None)
    kept(world, lead_id(number=1), state=State.POISONED)
    assert found(world) == {(What.NO_PAYLOAD, LEAD_ID)}


@pytest.mark.parametrize("state", [State.WRITTEN, State.DISCARDED, State.ERASED, State.DUPLICATE, State.KEPT])
def test_a_lead_that_was_erased_or_forgotten_is_none(world: World, state: State) -> None:
    kept(world, lead_id(number=1), state=State.WRITTEN)
    kept(world, state=state, payload=None, email="", name="", company="", duplicate_of=lead_id(number=1))
    claimed(world)
    assert found(world) == set()


def test_a_written_lead_that_dynamics_does_not_have_is_a_note_where_it_is_asked(world: World) -> None:
    kept(world, state=State.WRITTEN)
    assert found(world) == set()
    assert found(world, in_dynamics=world.dynamics.has) == {(What.NOT_IN_DYNAMICS, LEAD_ID)}
    assert What.NOT_IN_DYNAMICS in NOTES


def test_a_note_that_is_no_longer_in_dynamics(world: World) -> None:
    kept(world, state=State.MERGED, duplicate_of=OTHER_LEAD_ID, written_at=RECEIVED_AT)
    assert found(world) == set()
    assert found(world, has_note=lambda _: True) == set()
    assert found(world, has_note=lambda _: False) == {(What.NOTE_GONE, LEAD_ID)}


def test_two_claims_of_one_lead_without_a_record_are_one_finding(world: World) -> None:
    claimed(world)
    claimed(world, fingerprint="cd" * 32)
    assert [finding.what for finding in audited(world).findings()] == [What.CLAIM_ALONE]


def test_a_test_lead_that_was_deleted_again_is_not_expected_in_dynamics(world: World) -> None:
    kept(world, state=State.WRITTEN, reason="removed", is_test=True)
    assert found(world, in_dynamics=world.dynamics.has) == set()


def test_a_span_of_many_pages_finds_and_counts_the_same(world: World) -> None:
    for number in range(40):
        kept(world, lead_id(timedelta(hours=3 * number), number), state=State.POISONED, payload=None)
        claimed(world, lead_id(timedelta(hours=3 * number), 1000 + number), f"{number:064}")
        world.fallback.keep(record(lead_id(timedelta(hours=3 * number), 2000 + number)))
    world.at = RECEIVED_AT + 6 * DAY
    results = [audited(world, page_size=size) for size in (1, 7, 1000)]
    findings: list[list[Discrepancy]] = [sorted(audit.findings(), key=repr) for audit in results]
    assert findings[0] == findings[1] == findings[2]
    assert len(findings[0]) == 3 * 40
    assert [audit.counts for audit in results] == [{State.POISONED: 40}] * 3


@pytest.mark.parametrize("store", ["ledger", "claims", "fallback", "poison_queue", "queue"])
def test_a_store_that_is_away_is_a_failure_and_no_empty_balance(world: World, store: str) -> None:
    getattr(world, store).down = True
    with pytest.raises(StorageFailed):
        list(audited(world).findings())


def test_every_finding_has_words_and_a_fix() -> None:
    assert {*MEANING} == {*What}


def test_a_fault_on_one_record_is_a_finding_and_the_others_are_still_found(world: World) -> None:
    for number in range(3):
        kept(world, lead_id(number=number), next_try_at=LATE)
    read = world.ledger.read

    def faulty(lead: str) -> Record | None:
        if lead == lead_id(number=1):
            raise TypeError("Jane Doe")
        return read(lead)

    world.ledger.read = faulty  # type: ignore[method-assign]
    overdue = {(What.OVERDUE, lead_id(number=number)) for number in (0, 2)}
    assert found(world) == {*overdue, (What.NOT_SEEN, lead_id(number=1))}


def test_a_fault_in_one_kind_of_check_leaves_the_others(world: World) -> None:
    kept(world, next_try_at=LATE)

    def faulty(*_: object) -> object:
        raise KeyError("Jane Doe")

    world.claims.of_leads_received = faulty  # type: ignore[method-assign, assignment]
    world.poison_queue.peek = faulty  # type: ignore[method-assign, assignment]
    findings = list(audited(world).findings())
    assert {(finding.what, finding.id, finding.detail) for finding in findings} == {
        (What.OVERDUE, LEAD_ID, "accepted"),
        (What.NOT_SEEN, "claims", "KeyError"),
        (What.NOT_SEEN, "poison queue", "KeyError"),
    }
