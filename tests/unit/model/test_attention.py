"""What needs a person: a table of every reason in the ledger, and each fact by itself."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.attention import LONGEST_ABOUT, Attention, Facts, attention_of
from leadpipe.model.expiry import Ending
from leadpipe.model.reasons import BLOCKED
from leadpipe.model.record import OPEN, Record, State
from leadpipe.model.settings import Area, Fault
from leadpipe.model.waiting import LONGEST_FAILING, TOO_LONG, is_failing_too_long, is_overdue, tallies_of
from leadpipe.operations.causes import CAUSES
from tests.factories import RECEIVED_AT, lead_id, record, settings

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AT = RECEIVED_AT + 2 * DAY
OPEN_STATES = sorted(OPEN)


def needed(*records: Record, at: datetime = AT, **facts: Any) -> list[Attention]:
    return attention_of(
        Facts(at=at, tallies=tallies_of(records, at), **{"knows_the_sweep": False, **facts}), settings()
    )


def slugs(*records: Record, at: datetime = AT, **facts: Any) -> list[str]:
    return [attention.reason for attention in needed(*records, at=at, **facts)]


def waiting(state: State, reason: str, *, failing: timedelta = MINUTE, late: timedelta = -MINUTE) -> Record:
    """A lead that has been failing so long, and whose next try should have been so long ago."""
    return record(
        lead_id(), state=state, reason=reason, failing_since=AT - failing, next_try_at=AT - late, updated_at=AT - late
    )


# The table


@pytest.mark.parametrize("state", OPEN_STATES)
def test_a_fresh_open_lead_needs_a_person_only_if_it_is_blocked(state: State) -> None:
    for reason in CAUSES:
        assert slugs(waiting(state, reason)) == (["blocked"] if reason in BLOCKED else []), reason


@pytest.mark.parametrize("state", OPEN_STATES)
def test_an_open_lead_that_fails_for_25_hours_needs_a_person_whatever_its_reason(state: State) -> None:
    for reason in CAUSES:
        (attention,) = needed(waiting(state, reason, failing=25 * HOUR))
        assert attention.reason == ("blocked" if reason in BLOCKED else "waiting"), reason
        assert (attention.about, attention.count) == (reason, 1)


@pytest.mark.parametrize("state", OPEN_STATES)
def test_an_open_lead_more_than_an_hour_past_its_time_needs_a_person(state: State) -> None:
    for reason in CAUSES:
        late = waiting(state, reason, late=HOUR + SECOND)
        assert slugs(late) == [*(["blocked"] if reason in BLOCKED else []), "overdue"], reason


@pytest.mark.parametrize("state", OPEN_STATES)
def test_what_fails_for_a_day_and_is_late_too_is_said_as_both(state: State) -> None:
    for reason in CAUSES:
        both = waiting(state, reason, failing=25 * HOUR, late=HOUR + SECOND)
        assert slugs(both) == ["blocked" if reason in BLOCKED else "waiting", "overdue"], reason


@pytest.mark.parametrize("failing", [MINUTE, 25 * HOUR])
def test_a_poisoned_lead_needs_a_person_whatever_its_reason_and_age(failing: timedelta) -> None:
    for reason in CAUSES:
        (attention,) = needed(waiting(State.POISONED, reason, failing=failing, late=9 * DAY))
        assert (attention.reason, attention.about, attention.since) == ("poisoned", reason, RECEIVED_AT)
        assert f"--cause {reason}`" in attention.fix


def test_a_written_lead_that_a_person_has_to_complete_is_incomplete() -> None:
    (attention,) = needed(record(state=State.WRITTEN, reason="person_unread"))
    assert (attention.reason, attention.says) == ("incomplete", "1 written (person_unread)")
    assert "leadpipe complete ID" in attention.fix


def test_plugin_crashed_for_25_hours_needs_a_person_and_says_how_long() -> None:
    (attention,) = needed(waiting(State.FALLBACK, "plugin_crashed", failing=25 * HOUR))
    assert attention.line.startswith("1 fallback (plugin_crashed), failing for 1d 1h: ")
    assert "leadpipe status" in attention.fix
    assert attention.since == AT - 25 * HOUR


def test_a_lead_that_was_accepted_and_never_tried_for_two_hours_needs_a_person() -> None:
    (attention,) = needed(record(), at=RECEIVED_AT + 2 * HOUR)
    assert (attention.reason, attention.says) == ("overdue", "1 open and overdue for 2h 0m")
    assert "`deliver`" in attention.fix
    assert attention.since == RECEIVED_AT


# The two times


@pytest.mark.parametrize("state", OPEN_STATES)
def test_a_day_of_failing_and_an_hour_past_its_time_are_not_yet_too_long(state: State) -> None:
    assert slugs(waiting(state, "throttled", failing=LONGEST_FAILING, late=TOO_LONG)) == []


@pytest.mark.parametrize("state", sorted(frozenset(State) - OPEN))
def test_only_an_open_lead_fails_or_is_overdue(state: State) -> None:
    settled = waiting(state, "throttled", failing=99 * DAY, late=99 * DAY)
    assert not is_failing_too_long(settled, AT)
    assert not is_overdue(settled, AT)


def test_a_lead_without_a_next_try_is_due_from_its_receipt_unless_it_rests() -> None:
    without = record(next_try_at=None)
    assert is_overdue(without, RECEIVED_AT + HOUR + SECOND)
    assert not is_overdue(replace(without, state=State.FALLBACK), AT)


# Resting leads


def resting(number: int, *, late: timedelta, tried: timedelta, failing: timedelta = HOUR) -> Record:
    return record(
        lead_id(number=number),
        state=State.FALLBACK,
        reason="dynamics_unreachable",
        next_try_at=AT - late,
        updated_at=AT - tried,
        failing_since=AT - failing,
    )


def test_resting_leads_behind_a_failing_probe_are_not_overdue() -> None:
    behind = [resting(number, late=5 * HOUR, tried=9 * HOUR) for number in range(2, 9)]
    assert slugs(*behind, resting(1, late=-MINUTE, tried=MINUTE)) == []


def test_resting_leads_are_overdue_if_none_was_tried_for_an_hour() -> None:
    (attention,) = needed(*(resting(number, late=HOUR * number, tried=2 * HOUR) for number in range(2, 5)))
    assert (attention.reason, attention.count, attention.since) == ("overdue", 3, AT - 4 * HOUR)


def test_a_probe_keeps_only_resting_leads_from_being_overdue() -> None:
    queued = waiting(State.DEFERRED, "throttled", late=2 * HOUR)
    (attention,) = needed(resting(2, late=5 * HOUR, tried=MINUTE), queued)
    assert (attention.reason, attention.count) == ("overdue", 1)


def test_resting_leads_behind_a_probe_still_fail_too_long() -> None:
    behind = resting(2, late=5 * HOUR, tried=9 * HOUR, failing=25 * HOUR)
    assert slugs(behind, resting(1, late=-MINUTE, tried=MINUTE)) == ["waiting"]


# Groups


def test_leads_of_one_reason_in_two_states_are_one_attention_with_both_counts() -> None:
    some = [record(lead_id(number=n), state=State.DEFERRED, reason="no_role") for n in range(2)]
    others = [record(lead_id(number=n), state=State.FALLBACK, reason="no_role") for n in range(2, 5)]
    (attention,) = needed(*some, *others, at=RECEIVED_AT)
    assert (attention.says, attention.count) == ("2 deferred, 3 fallback (no_role)", 5)


def test_waiting_leads_of_one_reason_in_two_states_are_one_attention_with_both_counts() -> None:
    old = [waiting(state, "throttled", failing=failing) for state, failing in ((State.DEFERRED, 26 * HOUR),)]
    old += [waiting(State.FALLBACK, "throttled", failing=30 * HOUR), waiting(State.FALLBACK, "throttled")]
    (attention,) = needed(*old)
    assert attention.says == "1 deferred, 1 fallback (throttled), failing for 1d 6h"
    assert (attention.count, attention.since) == (2, AT - 30 * HOUR)


def test_one_reason_in_states_for_different_commands_is_two_attentions_with_two_keys() -> None:
    both = [waiting(State.POISONED, "no_role"), waiting(State.DEFERRED, "no_role")]
    keys = [attention.key for attention in needed(*both)]
    assert sorted(keys) == ["blocked no_role", "poisoned no_role"]


def test_the_largest_group_comes_first() -> None:
    few = [record(lead_id(number=1), state=State.POISONED, reason="too_long")]
    many = [record(lead_id(number=n), state=State.POISONED, reason="duplicate_rule") for n in range(2, 5)]
    assert [attention.about for attention in needed(*few, *many)] == ["duplicate_rule", "too_long"]


@given(st.lists(st.tuples(st.sampled_from(State), st.sampled_from(["", "no_role", "throttled", "too_long"]))))
def test_no_two_attentions_of_leads_have_the_same_key(leads: list[tuple[State, str]]) -> None:
    records = [waiting(state, reason, failing=25 * HOUR, late=2 * HOUR) for state, reason in leads]
    keys = [attention.key for attention in needed(*records)]
    assert len(keys) == len({*keys})


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="`"), min_size=1, max_size=30).map(lambda t: f"§{t}§")


@given(
    st.sampled_from(State),
    st.sampled_from(sorted(CAUSES)),
    st.fixed_dictionaries(dict.fromkeys(("email", "name", "company", "offer", "source", "action", "detail"), TEXTS)),
    st.sampled_from([timedelta(0), 2 * HOUR, 25 * HOUR]),
)
def test_no_text_ever_quotes_a_lead(state: State, reason: str, quoted: dict[str, str], age: timedelta) -> None:
    lead = replace(waiting(state, reason, failing=age, late=age), payload="§payload§", **quoted)
    for attention in needed(lead):
        assert "§" not in f"{attention} {attention.line} {attention.key}"


# Each other fact


def one(**facts: Any) -> Attention:
    (attention,) = needed(**facts)
    return attention


def test_nothing_known_needs_nobody() -> None:
    assert needed() == []


def test_messages_on_the_poison_queue_and_without_a_record_are_counted() -> None:
    assert (one(on_poison_queue=3).reason, one(on_poison_queue=3).count) == ("poison_queue", 3)
    assert one(messages_without_record=1).says == "1 message without a record on the queue leads"
    several = one(messages_without_record=2)
    assert (several.reason, several.says) == (
        "message_without_record",
        "2 messages without a record on the queue leads",
    )


def test_damaged_rows_name_the_first_of_each_table() -> None:
    first, second = needed(damaged={"leadledger": ["a/b", "c/d"], "leadclaims": ["e/f"], "marketplaceleads": []})
    assert (first.key, first.says) == ("damaged_rows leadledger", "2 rows of leadledger are damaged (a/b)")
    assert (second.key, second.says) == ("damaged_rows leadclaims", "1 claim of leadclaims is damaged (e/f)")
    assert one(damaged={"another": ["x"]}).about == "another"


def test_damaged_marks_are_named() -> None:
    assert one(damaged_marks=["watermark", "looking_from"]).reason == "damaged_marks"
    assert "(watermark, looking_from)" in one(damaged_marks=["watermark", "looking_from"]).says


def test_a_mapping_file_that_cannot_be_used_is_attention() -> None:
    assert (
        one(mapping_faults=["no such file"]).reason,
        "no such file" in one(mapping_faults=["no such file"]).says,
    ) == (
        "mapping",
        True,
    )


def test_a_function_that_is_switched_off_is_named_with_its_setting() -> None:
    attention = one(switched_off={"deliver": "AzureWebJobs.deliver.Disabled"})
    assert attention.key == "switched_off deliver"
    assert "AzureWebJobs.deliver.Disabled" in attention.fix


@pytest.mark.parametrize(("days", "wanted"), [(8, []), (7, ["credential"]), (0, ["credential"]), (-3, ["credential"])])
def test_a_credential_is_attention_from_seven_days_before_its_end(days: int, wanted: list[str]) -> None:
    ending = Ending(name="client_secret", on=AT.date() + days * DAY, renew="make a new one")
    assert slugs(ending=ending) == wanted


@pytest.mark.parametrize("area", Area)
def test_a_fault_of_a_setting_is_attention_unless_its_default_counts(area: Area) -> None:
    fault = Fault(area=area, setting="DATAVERSE_URL", problem="is not https")
    found = attention_of(Facts(at=AT, knows_the_sweep=False), settings(faults=(fault,)))
    assert [attention.key for attention in found] == ([] if area is Area.NOTED else ["setting DATAVERSE_URL"])


def test_what_other_modules_found_is_there_as_it_is() -> None:
    other = Attention(reason="canary", says="says", fix="fix")
    assert needed(others=[other]) == [other]


# The sweep


@pytest.mark.parametrize(("ago", "wanted"), [(10 * MINUTE, []), (10 * MINUTE + SECOND, ["sweep_stands_still"])])
def test_a_sweep_that_last_ran_more_than_ten_minutes_ago_stands_still(ago: timedelta, wanted: list[str]) -> None:
    assert slugs(knows_the_sweep=True, swept_at=AT - ago, oldest_lead=AT - DAY) == wanted


def test_a_sweep_that_stands_still_says_how_long() -> None:
    attention = one(knows_the_sweep=True, swept_at=AT - 11 * MINUTE)
    assert attention.says == "the sweep stands still: it last ran 11m 0s ago"
    assert (attention.since, "`sweep`" in attention.fix) == (AT - 11 * MINUTE, True)


@pytest.mark.parametrize(
    ("oldest", "wanted"),
    [(None, []), (AT - 9 * MINUTE, []), (AT - 11 * MINUTE, ["sweep_stands_still"])],
)
def test_a_sweep_that_never_ran_is_attention_once_a_lead_is_ten_minutes_old(
    oldest: datetime | None, wanted: list[str]
) -> None:
    assert slugs(knows_the_sweep=True, oldest_lead=oldest) == wanted


def test_the_sweep_itself_does_not_say_that_it_stands_still() -> None:
    assert slugs(knows_the_sweep=False, swept_at=AT - DAY, oldest_lead=AT - DAY) == []


def test_a_sweep_whose_clock_is_ahead_does_not_stand_still() -> None:
    assert slugs(knows_the_sweep=True, swept_at=AT + HOUR) == []


# Silence


@pytest.mark.parametrize(
    ("last", "gap", "wanted"),
    [
        (None, DAY, []),
        (AT - 9 * DAY, None, []),
        (AT - 3 * DAY, 3 * DAY, []),
        (AT - 3 * DAY - SECOND, 3 * DAY, ["silent"]),
        (AT + HOUR, DAY, []),
    ],
)
def test_no_lead_for_longer_than_usual_is_silence(
    last: datetime | None, gap: timedelta | None, wanted: list[str]
) -> None:
    assert slugs(last_lead=last, usual_gap=gap) == wanted


def test_silence_says_both_times_and_since_when() -> None:
    attention = one(last_lead=AT - 5 * DAY, usual_gap=3 * DAY)
    assert attention.says == "no lead for 5d 0h; the longest usual time without one is 3d 0h"
    assert (attention.since, "send-test" in attention.fix) == (AT - 5 * DAY, True)


def test_posts_with_a_wrong_key_are_counted_and_name_how_to_replay_them() -> None:
    attention = one(wrong_keys=2, wrong_key_at=AT - HOUR)
    assert (attention.reason, attention.count, attention.since) == ("wrong_key", 2, AT - HOUR)
    assert "2 posts with a wrong key" in attention.says
    assert "leadpipe poison replay --state rejected --cause wrong_key" in attention.fix
    assert one(wrong_keys=1).says.startswith("1 post with")


# The key


def test_the_key_ignores_counts_and_times() -> None:
    made = Attention(reason="poisoned", about="x", says="1", fix="f", count=1, since=AT)
    assert made.key == replace(made, says="2", count=2, since=None).key == "poisoned x"
    assert replace(made, about="").key == "poisoned"


@given(st.text(st.characters(), max_size=LONGEST_ABOUT * 2))
def test_any_about_is_well_formed_and_bounded_so_that_a_mark_keeps_its_key(about: str) -> None:
    made = Attention(reason="x", about=about, says="", fix="")
    assert len(made.about.encode("utf-16-le")) <= 2 * LONGEST_ABOUT
    assert replace(made).key == made.key


def test_every_attention_has_a_line_with_its_fix_or_a_place_that_shows_it() -> None:
    for attention in all_there_are():
        shown = attention.reason in {"poisoned", "incomplete", "blocked", "poison_queue", "setting"}
        assert attention.fix
        assert attention.line == (attention.says if shown else f"{attention.says}: {attention.fix}")


@pytest.mark.parametrize(
    ("reconciled", "first", "says"),
    [
        (None, None, ""),
        (None, date(2026, 1, 1), ""),
        (None, date(2025, 10, 1), "yet"),
        (AT - 150 * DAY, date(2020, 1, 1), ""),
        (AT - 151 * DAY, date(2020, 1, 1), "for 151 days"),
    ],
)
def test_a_reconcile_is_due_150_days_after_the_last_one_or_the_first_lead(
    reconciled: datetime | None, first: date | None, says: str
) -> None:
    found = needed(reconciled_at=reconciled, first_day=first)
    assert [each.reason for each in found] == (["not_reconciled"] if says else [])
    assert all(says in each.says and "leadpipe reconcile" in each.line for each in found)


def all_there_are() -> list[Attention]:
    """One of each reason that attention_of itself can give."""
    records = [
        record(lead_id(number=1), state=State.POISONED, reason="too_long"),
        record(lead_id(number=2), state=State.WRITTEN, reason="person_unread"),
        record(lead_id(number=3), state=State.DEFERRED, reason="no_role", next_try_at=AT),
        waiting(State.DEFERRED, "throttled", failing=25 * HOUR, late=2 * HOUR),
    ]
    facts = Facts(
        at=AT,
        tallies=tallies_of(records, AT),
        on_poison_queue=1,
        messages_without_record=1,
        damaged={"leadledger": ["x"]},
        damaged_marks=["watermark"],
        mapping_faults=["x"],
        switched_off={"sweep": "x"},
        ending=Ending(name="client_secret", on=date(2020, 1, 1), renew="x"),
        swept_at=RECEIVED_AT,
        last_lead=RECEIVED_AT,
        usual_gap=DAY,
        wrong_keys=1,
        first_day=date(2020, 1, 1),
    )
    return attention_of(
        facts, settings(faults=(Fault(area=Area.DYNAMICS, setting="DATAVERSE_URL", problem="is not https"),))
    )


def test_each_reason_is_a_slug_and_comes_once_where_everything_is_wrong() -> None:
    found = [attention.reason for attention in all_there_are()]
    assert sorted(found) == sorted({*found})
    assert len(found) == 17
