from dataclasses import replace
from datetime import timedelta

import pytest

from leadpipe.model.change import (
    AnotherRound,
    Change,
    Completed,
    Deferred,
    Discarded,
    Duplicate,
    Edited,
    Erased,
    Forgotten,
    Kept,
    Merged,
    Poisoned,
    QueuedAgain,
    Removed,
    Replayed,
    Revealed,
    ToFallback,
    Written,
    transition,
)
from leadpipe.model.errors import NotAllowed
from leadpipe.model.record import FORGETTABLE, PERSON_UNREAD, Event, Record, State
from tests.factories import LEAD_ID, OTHER_LEAD_ID, RECEIVED_AT, lead_id, payload, record

AT = RECEIVED_AT + timedelta(minutes=5)
LATER = AT + timedelta(minutes=10)

CHANGES: dict[str, Change] = {
    "written": Written(),
    "merged": Merged(of=OTHER_LEAD_ID),
    "duplicate": Duplicate(of=OTHER_LEAD_ID),
    "kept": Kept(reason="test_lead"),
    "poisoned": Poisoned(reason="too_long"),
    "deferred": Deferred(reason="throttled", attempt=2, next_try_at=LATER),
    "to fallback": ToFallback(reason="throttled", next_try_at=LATER),
    "queued again": QueuedAgain(next_try_at=LATER),
    "another round": AnotherRound(next_try_at=LATER),
    "replayed": Replayed(actor="jane"),
    "replayed anyway": Replayed(actor="jane", own_lead=True),
    "edited": Edited(actor="jane", payload=payload(Company="Other")),
    "discarded": Discarded(actor="jane", why="spam"),
    "erased": Erased(actor="jane"),
}
STANDS, REFUSED = "-", "!"
# Each row: a state, and what stands in the ledger after each change in the order of CHANGES. `-`: the change comes too
# late and the record stands; `!`: a person is told that the state rules it out.
TABLE = """
accepted  written merged duplicate kept poisoned deferred fallback accepted accepted !        !        !         !         erased
deferred  written merged duplicate kept poisoned deferred fallback deferred deferred !        !        !         !         erased
fallback  written merged -         -    poisoned -        fallback -        -        !        !        !         !         erased
written   -       -      -         -    -        -        -        -        -        !        !        !         !         erased
merged    written -      -         -    -        -        -        -        -        !        accepted !         !         erased
duplicate written merged -         -    -        -        -        -        -        !        accepted !         !         erased
kept      written merged -         -    -        -        -        -        -        !        !        !         !         erased
poisoned  written merged -         -    -        -        -        -        -        accepted accepted poisoned  discarded erased
rejected  written merged -         -    -        -        -        -        -        accepted accepted rejected  discarded erased
discarded written merged -         -    -        -        -        -        -        accepted accepted discarded !         erased
erased    -       -      -         -    -        -        -        -        -        !        !        !         !         -
"""  # noqa: E501
ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(State(state), name, cell) for state, *cells in ROWS for name, cell in zip(CHANGES, cells, strict=True)]
EFFECTS = [(state, name, cell) for state, name, cell in CELLS if cell not in {STANDS, REFUSED}]


def changed(before: Record, change: Change, *, attempt: int | None = None) -> Record:
    """The record after a change that takes effect."""
    return decided(before, change, attempt=attempt)[0]


def told(before: Record, change: Change) -> Event:
    """The line that the record's history gains."""
    event = decided(before, change)[1]
    assert event is not None
    return event


def decided(before: Record, change: Change, *, attempt: int | None = None) -> tuple[Record, Event | None]:
    found = transition(before, change, at=AT, attempt=attempt)
    assert found is not None
    return found


def refused(before: Record, change: Change) -> NotAllowed:
    with pytest.raises(NotAllowed) as error:
        transition(before, change, at=AT)
    return error.value


class TestTable:
    def test_it_has_every_state(self) -> None:
        assert [row[0] for row in ROWS] == [*State]

    @pytest.mark.parametrize(("state", "name", "cell"), CELLS)
    def test_every_change_of_every_state_is_decided(self, state: State, name: str, cell: str) -> None:
        before = record(state=state)
        if cell == REFUSED:
            refused(before, CHANGES[name])
        elif cell == STANDS:
            assert transition(before, CHANGES[name], at=AT) is None
        else:
            assert changed(before, CHANGES[name]).state == cell

    @pytest.mark.parametrize(("state", "name", "cell"), EFFECTS)
    def test_no_change_touches_what_makes_the_record_this_leads(self, state: State, name: str, cell: str) -> None:
        after = changed(record(state=state, version="W/1", key_name="a"), CHANGES[name])

        assert (after.lead_id, after.received_at, after.version) == (LEAD_ID, RECEIVED_AT, "W/1")
        assert after.key_name == "a"
        assert (after.state, after.updated_at) == (cell, AT)

    @pytest.mark.parametrize(("state", "name", "cell"), EFFECTS)
    def test_an_attempt_never_goes_back(self, state: State, name: str, cell: str) -> None:
        after = changed(record(state=state, attempt=2), CHANGES[name], attempt=2)

        assert (after.state, after.attempt >= 2) == (cell, True)

    @pytest.mark.parametrize(("state", "name", "cell"), EFFECTS)
    def test_a_change_of_state_is_told_unless_it_is_the_straight_way(self, state: State, name: str, cell: str) -> None:
        if cell != state and (state, name) != (State.ACCEPTED, "written"):
            event = told(record(state=state), CHANGES[name])
            assert (event.lead_id, event.at, event.state) == (LEAD_ID, AT, cell)


NO_NOTE = {State.WRITTEN, State.MERGED, State.ERASED}


class TestReceipts:
    @pytest.mark.parametrize("state", [state for state in State if state not in {State.WRITTEN, State.ERASED}])
    def test_a_receipt_wins_over_every_state_but_a_tombstone(self, state: State) -> None:
        assert changed(record(state=state), Written()).state is State.WRITTEN

    def test_a_receipt_counts_however_old_its_message_is(self) -> None:
        after = changed(record(attempt=5), Written(), attempt=2)

        assert (after.state, after.attempt) == (State.WRITTEN, 5)

    @pytest.mark.parametrize("state", [state for state in State if state not in NO_NOTE])
    def test_the_receipt_of_a_note_wins_over_all_but_a_lead_and_a_tombstone(self, state: State) -> None:
        after = changed(record(state=state, attempt=5, failing_since=RECEIVED_AT), Merged(of=OTHER_LEAD_ID), attempt=2)

        assert (after.state, after.attempt, after.duplicate_of) == (State.MERGED, 5, OTHER_LEAD_ID)
        assert (after.written_at, after.failing_since) == (AT, None)

    @pytest.mark.parametrize(
        "change",
        [
            Poisoned(reason="plugin_refused", of=OTHER_LEAD_ID),
            Deferred(reason="behind_first", of=OTHER_LEAD_ID, attempt=2, next_try_at=LATER),
            ToFallback(reason="behind_first", of=OTHER_LEAD_ID, next_try_at=LATER),
        ],
    )
    def test_a_later_action_remembers_its_first_lead_over_a_failure_of_another_kind(self, change: Change) -> None:
        behind = changed(record(), change)
        again = changed(replace(behind, state=State.DEFERRED), Deferred(reason="x", attempt=3, next_try_at=LATER))

        assert (behind.duplicate_of, again.duplicate_of) == (OTHER_LEAD_ID, OTHER_LEAD_ID)

    def test_a_receipt_leaves_nothing_of_what_went_wrong_before(self) -> None:
        before = record(
            state=State.DEFERRED,
            reason="throttled",
            detail="429",
            failing_since=RECEIVED_AT,
            duplicate_of=OTHER_LEAD_ID,
        )

        after = changed(before, Written())

        assert (after.reason, after.detail, after.failing_since, after.duplicate_of) == ("", "", None, "")
        assert after.written_at == AT

    def test_the_straight_way_needs_no_line_of_history(self) -> None:
        assert transition(record(), Written(), at=AT) == (
            record(state=State.WRITTEN, written_at=AT, updated_at=AT),
            None,
        )

    def test_a_receipt_for_another_owner_is_told_with_what_was_refused(self) -> None:
        event = told(record(), Written(reason="default_owner", detail="teams(1): lookup_missing"))
        assert (event.event, event.reason, event.detail) == ("written", "default_owner", "teams(1): lookup_missing")

    def test_a_receipt_that_is_assumed_is_told(self) -> None:
        event = told(record(), Written(reason="assumed"))

        assert (event.event, event.state, event.reason) == ("written", State.WRITTEN, "assumed")

    def test_a_receipt_after_a_deferral_is_told(self) -> None:
        assert told(record(state=State.DEFERRED), Written()).event == "written"


STALE = [CHANGES[name] for name in ("duplicate", "kept", "poisoned", "deferred", "to fallback")]


class TestOutcomes:
    @pytest.mark.parametrize("change", STALE)
    def test_any_other_outcome_of_an_old_message_comes_too_late(self, change: Change) -> None:
        assert transition(record(attempt=5), change, at=AT, attempt=4) is None

    @pytest.mark.parametrize("change", STALE)
    def test_an_outcome_of_the_records_own_attempt_counts(self, change: Change) -> None:
        assert changed(record(attempt=5), change, attempt=5).updated_at == AT

    def test_an_outcome_of_a_later_message_brings_its_attempt(self) -> None:
        assert changed(record(attempt=1), Kept(reason="test_lead"), attempt=4).attempt == 4

    def test_a_duplicate_says_of_which_lead(self) -> None:
        after = changed(record(failing_since=RECEIVED_AT), Duplicate(of=OTHER_LEAD_ID))

        assert (after.duplicate_of, after.failing_since) == (OTHER_LEAD_ID, None)

    def test_a_kept_lead_says_by_which_setting(self) -> None:
        after = changed(record(failing_since=RECEIVED_AT), Kept(reason="do_not_contact"))

        assert (after.reason, after.failing_since) == ("do_not_contact", None)

    def test_a_poisoned_lead_says_why(self) -> None:
        after = changed(record(), Poisoned(reason="too_long", detail="firstname"))

        assert (after.reason, after.detail) == ("too_long", "firstname")

    def test_a_deferral_takes_the_attempt_of_its_copy(self) -> None:
        change = Deferred(reason="throttled", detail="429", attempt=3, next_try_at=LATER)

        after = changed(record(attempt=2), change, attempt=2)

        assert (after.attempt, after.next_try_at, after.reason, after.detail) == (3, LATER, "throttled", "429")

    def test_the_first_failure_starts_the_time_of_failing(self) -> None:
        assert changed(record(), CHANGES["deferred"]).failing_since == AT

    def test_a_further_failure_does_not_start_it_again(self) -> None:
        before = record(state=State.DEFERRED, reason="throttled", failing_since=RECEIVED_AT)

        assert changed(before, CHANGES["deferred"]).failing_since == RECEIVED_AT

    @pytest.mark.parametrize(
        ("state", "change"), [(State.DEFERRED, CHANGES["deferred"]), (State.FALLBACK, CHANGES["to fallback"])]
    )
    def test_one_more_failure_for_the_same_reason_is_not_told(self, state: State, change: Change) -> None:
        assert decided(record(state=state, reason="throttled"), change)[1] is None

    @pytest.mark.parametrize(
        ("state", "change"), [(State.DEFERRED, CHANGES["deferred"]), (State.FALLBACK, CHANGES["to fallback"])]
    )
    def test_one_more_failure_for_another_reason_is_told(self, state: State, change: Change) -> None:
        assert told(record(state=state, reason="no_role"), change).reason == "throttled"

    def test_a_lead_that_rests_until_a_person_drains_it_has_no_next_try(self) -> None:
        after = changed(record(), ToFallback(reason="no_dynamics", next_try_at=None))

        assert (after.state, after.next_try_at) == (State.FALLBACK, None)

    def test_a_lead_that_rests_keeps_its_attempt(self) -> None:
        assert changed(record(attempt=7), CHANGES["to fallback"], attempt=7).attempt == 7

    def test_what_the_lead_said_outlives_its_outcomes(self) -> None:
        after = changed(record(), CHANGES["poisoned"])

        assert replace(after, state=State.ACCEPTED, reason="", updated_at=RECEIVED_AT) == record()


class TestRepeats:
    @pytest.mark.parametrize("change", [CHANGES["queued again"], CHANGES["another round"]])
    def test_a_lead_put_again_makes_older_copies_stale(self, change: Change) -> None:
        after = changed(record(attempt=3), change)

        assert (after.attempt, after.next_try_at, after.awaits(3), after.awaits(4)) == (4, LATER, False, True)

    def test_an_overdue_lead_put_again_is_no_line_of_history(self) -> None:
        assert decided(record(), CHANGES["queued again"])[1] is None

    def test_another_round_is_counted_and_told(self) -> None:
        after, event = decided(record(rounds=1), CHANGES["another round"])

        assert after.rounds == 2
        assert event is not None
        assert event.event == "another_round"

    @pytest.mark.parametrize("name", ["queued again", "another round"])
    def test_a_repeat_of_an_attempt_that_somebody_else_has_repeated_comes_too_late(self, name: str) -> None:
        assert transition(record(attempt=3), CHANGES[name], at=AT, attempt=2) is None

    @pytest.mark.parametrize("name", ["queued again", "another round"])
    def test_a_repeat_of_the_records_own_attempt_counts(self, name: str) -> None:
        assert changed(record(attempt=3), CHANGES[name], attempt=3).attempt == 4


class TestReplay:
    BEFORE = record(
        state=State.POISONED,
        reason="too_long",
        detail="firstname",
        attempt=4,
        rounds=3,
        failing_since=RECEIVED_AT,
        next_try_at=None,
    )

    def test_it_starts_the_lead_afresh(self) -> None:
        assert changed(self.BEFORE, Replayed(actor="jane")) == record(attempt=5, next_try_at=AT, updated_at=AT)

    def test_it_is_told_with_who_asked(self) -> None:
        event = told(self.BEFORE, Replayed(actor="jane"))

        assert (event.event, event.state, event.actor) == ("replayed", State.ACCEPTED, "jane")

    def test_a_duplicate_needs_to_be_told_that_it_is_a_lead_of_its_own(self) -> None:
        why = refused(record(state=State.DUPLICATE, duplicate_of=OTHER_LEAD_ID), Replayed(actor="jane"))

        assert why.slug == "duplicate"
        assert OTHER_LEAD_ID in why.detail

    def test_a_duplicate_replayed_anyway_asks_for_no_claim_again(self) -> None:
        after = changed(record(state=State.DUPLICATE, duplicate_of=OTHER_LEAD_ID), CHANGES["replayed anyway"])

        assert (after.own_lead, after.duplicate_of) == (True, "")

    def test_a_note_made_a_lead_is_told_with_its_first_lead(self) -> None:
        merged = record(state=State.MERGED, duplicate_of=OTHER_LEAD_ID, written_at=AT)

        assert told(merged, CHANGES["replayed anyway"]).detail == f"was a note on {OTHER_LEAD_ID}"

    def test_a_lead_of_its_own_stays_one(self) -> None:
        assert changed(record(state=State.POISONED, own_lead=True), Replayed(actor="jane")).own_lead

    def test_rejected_bytes_that_are_a_lead_by_now_become_one(self) -> None:
        posted = payload(LastName="山田")
        before = replace(
            record(state=State.REJECTED), payload=b"\xef\xbb\xbf" + posted.encode(), name="", fingerprint=""
        )

        assert changed(before, Replayed(actor="jane")) == record(
            posted=posted, attempt=2, next_try_at=AT, updated_at=AT
        )

    @pytest.mark.parametrize(
        ("kept", "slug"),
        [
            (None, "payload_missing"),
            (b"\xff", "not_utf8"),
            (b"[]", "not_an_object"),
            ("{", "not_json"),
            ("{}", "nothing_in_it"),
            ("x" * 40_000, "too_large"),
        ],
    )
    def test_what_is_still_no_lead_is_not_replayed(self, kept: str | bytes | None, slug: str) -> None:
        assert refused(record(state=State.REJECTED, payload=kept), Replayed(actor="jane")).slug == slug

    def test_a_lead_that_is_larger_than_a_post_is_replayed_whole(self) -> None:
        posted = payload(Description="x" * 40_000)

        assert changed(record(posted=posted, state=State.POISONED), Replayed(actor="jane")).payload == posted

    @pytest.mark.parametrize("state", [State.ACCEPTED, State.DEFERRED, State.FALLBACK])
    def test_an_open_lead_needs_no_replay(self, state: State) -> None:
        why = refused(record(state=state), Replayed(actor="jane"))

        assert (why.slug, why.detail) == ("not_replayed", f"{LEAD_ID} is open; that cannot be replayed")

    def test_a_written_lead_cannot_be_replayed(self) -> None:
        assert refused(record(state=State.WRITTEN), Replayed(actor="jane")).detail == (
            f"{LEAD_ID} is written; that cannot be replayed"
        )


class TestEdit:
    BEFORE = record(state=State.POISONED, reason="too_long", detail="company", attempt=4, rounds=1, own_lead=True)
    EDIT = Edited(actor="jane", payload=payload(Company="Other", Email="x@example.com"))

    def test_everything_read_from_the_payload_is_read_again(self) -> None:
        after = changed(self.BEFORE, self.EDIT)

        fresh = record(posted=self.EDIT.payload)
        assert (after.payload, after.company, after.email) == (fresh.payload, "Other", "x@example.com")
        assert after.fingerprint == fresh.fingerprint

    def test_where_the_lead_stands_does_not_change(self) -> None:
        after = changed(self.BEFORE, self.EDIT)

        assert (after.state, after.reason, after.detail) == (State.POISONED, "too_long", "company")
        assert (after.attempt, after.rounds, after.own_lead) == (4, 1, True)

    def test_the_old_payload_is_kept_in_the_history(self) -> None:
        event = told(self.BEFORE, self.EDIT)

        assert (event.event, event.actor, event.payload) == ("edited", "jane", payload())

    @pytest.mark.parametrize(
        ("text", "slug"),
        [
            ("", "empty_body"),
            ("{", "not_json"),
            ("{}", "nothing_in_it"),
            (payload(Description="x" * 40_000), "too_large"),
            ("\ud800", "not_utf8"),
        ],
    )
    def test_what_is_no_lead_is_refused_as_intake_would(self, text: str, slug: str) -> None:
        assert refused(self.BEFORE, Edited(actor="jane", payload=text)).slug == slug

    def test_an_edit_may_be_as_large_as_what_it_replaces(self) -> None:
        before = record(posted=payload(Description="x" * 40_000), state=State.POISONED)
        smaller, larger = payload(Description="x" * 39_999), payload(Description="x" * 40_001)

        assert changed(before, Edited(actor="jane", payload=smaller)).payload == smaller
        assert refused(before, Edited(actor="jane", payload=larger)).slug == "too_large"

    def test_a_refusal_does_not_quote_the_text(self) -> None:
        why = refused(self.BEFORE, Edited(actor="jane", payload='{"Email": "jane@example.com" "x"}'))

        assert "jane@example.com" not in str(why)


class TestDiscard:
    def test_it_says_why_and_who(self) -> None:
        after, event = decided(record(state=State.POISONED, reason="too_long", detail="company"), CHANGES["discarded"])

        assert (after.state, after.reason, after.detail) == (State.DISCARDED, "discarded", "spam")
        assert event is not None
        assert (event.event, event.detail, event.actor) == ("discarded", "spam", "jane")

    def test_a_discarded_lead_can_be_brought_back(self) -> None:
        discarded = changed(record(state=State.POISONED), CHANGES["discarded"])

        assert changed(discarded, Replayed(actor="jane")).state is State.ACCEPTED


class TestErasure:
    BEFORE = record(
        state=State.WRITTEN,
        reason="assumed",
        detail="text",
        attempt=3,
        written_at=RECEIVED_AT,
        failing_since=RECEIVED_AT,
        duplicate_of=lead_id(number=9),
        is_test=True,
        version="W/1",
    )

    def test_the_tombstone_holds_nothing_personal(self) -> None:
        assert changed(self.BEFORE, Erased(actor="jane")) == Record(
            lead_id=LEAD_ID,
            state=State.ERASED,
            attempt=4,
            received_at=RECEIVED_AT,
            updated_at=AT,
            written_at=RECEIVED_AT,
            duplicate_of=self.BEFORE.duplicate_of,
            source="AzureMarketplace",
            action="INS",
            offer="contoso.widget",
            is_test=True,
        )

    def test_the_tombstone_ends_late_copies(self) -> None:
        assert not changed(record(), Erased(actor="jane")).awaits(99)

    def test_it_is_told_without_what_was_there(self) -> None:
        event = told(self.BEFORE, Erased(actor="jane"))

        assert (event.event, event.actor, event.reason, event.detail, event.payload) == ("erased", "jane", "", "", None)


def test_a_test_lead_that_was_removed_again_stays_written_and_says_so() -> None:
    written = record(state=State.WRITTEN, is_test=True, written_at=AT)
    decided = transition(written, Removed(actor="jane"), at=LATER)
    assert decided is not None
    after, event = decided
    assert (after.state, after.reason, after.written_at) == (State.WRITTEN, "removed", AT)
    assert event is not None
    assert (event.event, event.actor) == ("removed", "jane")


@pytest.mark.parametrize("change", [Deferred(reason="throttled", attempt=2, next_try_at=LATER), Poisoned(reason="x")])
def test_nothing_makes_a_removed_test_lead_anew(change: Change) -> None:
    removed = record(state=State.WRITTEN, reason="removed", is_test=True)
    assert transition(removed, change, at=LATER) is None
    with pytest.raises(NotAllowed):
        transition(removed, Replayed(actor="jane"), at=LATER)


@pytest.mark.parametrize(
    ("state", "is_test"), [(State.WRITTEN, False), *((state, True) for state in State if state is not State.WRITTEN)]
)
def test_only_a_test_lead_that_dynamics_has_can_be_removed(state: State, is_test: bool) -> None:
    with pytest.raises(NotAllowed):
        transition(record(state=state, is_test=is_test), Removed(actor="jane"), at=LATER)


def test_a_lead_that_a_person_completed_stays_written_and_calls_nobody_any_more() -> None:
    unread = record(state=State.WRITTEN, reason=PERSON_UNREAD, detail="Contact", written_at=AT)
    decided = transition(unread, Completed(actor="jane"), at=LATER)
    assert decided is not None
    after, event = decided
    assert (after.state, after.reason, after.detail) == (State.WRITTEN, "completed", "Contact")
    assert event is not None
    assert (event.event, event.actor) == ("completed", "jane")


@pytest.mark.parametrize("state", State)
def test_that_a_person_looked_is_an_event_and_changes_nothing_else(state: State) -> None:
    seen = record(state=state)
    decided = transition(seen, Revealed(actor="jane"), at=LATER)
    assert decided is not None
    assert decided.event is not None
    assert (decided.after, decided.event.event, decided.event.actor) == (seen, "revealed", "jane")


@pytest.mark.parametrize(
    ("state", "reason"), [(State.WRITTEN, ""), (State.WRITTEN, "assumed"), (State.POISONED, PERSON_UNREAD)]
)
def test_only_a_written_lead_that_could_not_be_read_whole_can_be_completed(state: State, reason: str) -> None:
    with pytest.raises(NotAllowed):
        transition(record(state=state, reason=reason), Completed(actor="jane"), at=LATER)


class TestForgotten:
    @pytest.mark.parametrize("state", sorted(FORGETTABLE))
    def test_a_settled_lead_loses_what_is_personal_and_keeps_the_rest(self, state: State) -> None:
        before = record(state=state, reason="x", duplicate_of=OTHER_LEAD_ID, version="W/1")

        after, event = decided(before, Forgotten())

        assert after == replace(before, payload=None, email="", name="", company="", updated_at=AT)
        assert after.version == "W/1"
        assert event is None

    @pytest.mark.parametrize("state", sorted({*State} - FORGETTABLE))
    def test_what_is_open_or_waits_for_a_person_is_not_forgotten(self, state: State) -> None:
        assert transition(record(state=state), Forgotten(), at=AT) is None

    def test_what_is_forgotten_already_stands(self) -> None:
        once = changed(record(state=State.WRITTEN), Forgotten())

        assert transition(once, Forgotten(), at=LATER) is None

    def test_a_forgotten_lead_is_not_replayed(self) -> None:
        forgotten = changed(record(state=State.DISCARDED), Forgotten())

        assert refused(forgotten, Replayed(actor="jane")).slug == "payload_missing"
