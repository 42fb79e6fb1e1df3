"""What the ledger adds up to."""

from datetime import timedelta

import pytest

from leadpipe.model.record import Record, State
from leadpipe.operations.causes import BLOCKED_REASONS, CAUSES
from leadpipe.operations.summary import Summary
from tests.factories import RECEIVED_AT, lead_id, record

DAY = timedelta(days=1)


def summary(*records: Record) -> Summary:
    """Of records against a span that starts at RECEIVED_AT."""
    made = Summary(since=RECEIVED_AT)
    made.add_all(records)
    return made


def at(days: float, state: State, reason: str = "", number: int = 0) -> Record:
    return record(lead_id(days * DAY, number), state=state, reason=reason)


def test_counts_are_of_the_span_alone() -> None:
    made = summary(at(0, State.WRITTEN), at(1, State.WRITTEN, number=1), at(-1, State.WRITTEN), at(-1, State.POISONED))
    assert made.counts == {State.WRITTEN: 2}


def test_what_is_unsettled_counts_however_old_it_is() -> None:
    made = summary(
        at(-300, State.POISONED, "too_long"), at(1, State.POISONED, "too_long"), at(1, State.DEFERRED, "tls")
    )
    (poisoned,) = made.groups({State.POISONED})
    assert (poisoned.leads, poisoned.oldest.lead_id) == (2, lead_id(-300 * DAY))


def test_groups_come_largest_first() -> None:
    made = summary(
        at(0, State.DEFERRED, "throttled"),
        at(1, State.FALLBACK, "no_role"),
        at(2, State.FALLBACK, "no_role"),
    )
    assert [group.reason for group in made.groups({State.DEFERRED, State.FALLBACK})] == ["no_role", "throttled"]


def test_the_oldest_open_lead_is_none_that_a_person_has() -> None:
    made = summary(at(-2, State.POISONED, "too_long"), at(-1, State.ACCEPTED), at(0, State.FALLBACK, "throttled"))
    assert made.oldest_open is not None
    assert made.oldest_open.lead_id == lead_id(-DAY)
    assert summary(at(0, State.WRITTEN)).oldest_open is None


def test_the_last_times_are_the_latest_whatever_the_order() -> None:
    late = record(lead_id(2 * DAY), state=State.WRITTEN, written_at=RECEIVED_AT + 2 * DAY)
    early = record(lead_id(DAY), state=State.WRITTEN, written_at=RECEIVED_AT + 9 * DAY)
    for made in (summary(late, early), summary(early, late)):
        assert made.last_received_at == RECEIVED_AT + 2 * DAY
        assert made.last_written_at == RECEIVED_AT + 9 * DAY


@pytest.mark.parametrize(
    ("state", "reason"),
    [(State.POISONED, "too_long"), (State.DEFERRED, "no_role"), (State.FALLBACK, "secret_expired")],
)
def test_a_poisoned_or_blocked_lead_needs_a_person(state: State, reason: str) -> None:
    assert summary(at(0, state, reason)).needs_a_person(on_poison_queue=0) == [f"1 {state} ({reason})"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (State.ACCEPTED, ""),
        (State.DEFERRED, "throttled"),
        (State.FALLBACK, "no_dynamics"),
        (State.REJECTED, "not_json"),
        (State.DISCARDED, "discarded"),
    ],
)
def test_what_time_heals_or_is_settled_needs_nobody(state: State, reason: str) -> None:
    assert summary(at(0, state, reason)).needs_a_person(on_poison_queue=0) == []


def test_a_lead_written_without_all_of_the_person_needs_somebody_in_the_span() -> None:
    made = summary(at(0, State.WRITTEN, "person_unread"), at(1, State.WRITTEN, "person_unread"), at(1, State.WRITTEN))
    assert made.needs_a_person(on_poison_queue=0) == ["2 written (person_unread)"]
    assert summary(at(-1, State.WRITTEN, "person_unread")).needs_a_person(on_poison_queue=0) == []


@pytest.mark.parametrize("reason", ["", "default_owner", "assumed", "removed"])
def test_other_written_leads_need_nobody(reason: str) -> None:
    assert summary(at(0, State.WRITTEN, reason)).needs_a_person(on_poison_queue=0) == []


def test_a_message_on_the_poison_queue_needs_a_person() -> None:
    assert summary().needs_a_person(on_poison_queue=2) == ["2 on the queue leads-poison"]


def test_every_blocked_reason_has_its_fix() -> None:
    assert CAUSES.keys() >= BLOCKED_REASONS
