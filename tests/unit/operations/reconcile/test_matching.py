"""Which row is which lead, and how sure that is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadpipe.model.change import Forgotten, transition
from leadpipe.model.record import Record, State
from leadpipe.operations.reconcile.export import Row
from leadpipe.operations.reconcile.matching import (
    Certainty,
    Known,
    Offers,
    known_of,
    matched,
    person_of,
    stripped_matches,
)
from tests.factories import RECEIVED_AT, lead_id, payload, record

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EXACT, LIKELY, WEAK = Certainty


def row(after: timedelta = timedelta(0), **fields: Any) -> Row:
    """The row of `lead()`."""
    usual = {
        "email": "jane.doe@fabrikam.com",
        "first_name": "Jane",
        "last_name": "Doe",
        "company": "Fabrikam",
        "offer": "Contoso Widget",
        "action": "Get it now",
    }
    return Row(file="f", line=2, **{"at": RECEIVED_AT + after, "has_time": True, **usual, **fields})


def lead(after: timedelta = timedelta(0), number: int = 0, *, state: State = State.WRITTEN, **posted: Any) -> Known:
    return known_of(record(lead_id(after, number), posted=payload(**posted), state=state))


def how_sure(given: Row, known: Known) -> Certainty | None:
    return next((pair.certainty for pair in matched([given], [known])), None)


def pairs(rows: Sequence[Row], leads: Sequence[Known]) -> set[tuple[int, int]]:
    return {(pair.row, pair.lead) for pair in matched(rows, leads)}


NOBODY = {"email": "", "first_name": "", "last_name": "", "company": ""}
WITHHELD = {"FirstName": "", "LastName": "", "Email": "", "Company": "", "Phone": ""}


@pytest.mark.parametrize(
    ("given", "known", "sure"),
    [
        # the rules of docs/reconcile.md, one after the other
        (row(), lead(), EXACT),
        (row(HOUR), lead(), EXACT),
        (row(offer="contoso.widget"), lead(), EXACT),
        (row(offer="", offer_id="widget"), lead(), EXACT),
        (row(HOUR + MINUTE), lead(), LIKELY),
        (row(offer="Gadget"), lead(), LIKELY),
        (row(offer=""), lead(), LIKELY),
        (row(email=""), lead(), LIKELY),
        (row(), lead(Email=""), LIKELY),
        (row(email="", first_name="Doe,", last_name="Jane"), lead(), LIKELY),
        (row(email="", offer="", company="FABRIKAM."), lead(), LIKELY),
        (row(DAY + MINUTE), lead(), WEAK),
        (row(2 * HOUR, offer="Gadget"), lead(), WEAK),
        (row(6 * DAY, offer="Gadget"), lead(), WEAK),
        (row(5 * HOUR, email=""), lead(), WEAK),
        (row(email="jane@home.example"), lead(), WEAK),
        (row(email="", first_name="", last_name=""), lead(), WEAK),
        (row(**NOBODY), lead(), WEAK),
        # none
        (row(), lead(**WITHHELD), None),
        (row(**NOBODY), lead(**WITHHELD), None),
        (row(8 * DAY), lead(), None),
        (row(5 * HOUR, email="jane@home.example"), lead(), None),
        (row(email="", first_name="Jo"), lead(), None),
        (row(DAY + MINUTE, email=""), lead(), None),
        (row(**NOBODY, offer="Gadget"), lead(), None),
        (row(2 * HOUR, **NOBODY), lead(), None),
        (row(email="", first_name="", last_name="", offer="Gadget"), lead(), None),
    ],
)
def test_each_rule_says_how_sure_it_is(given: Row, known: Known, sure: Certainty | None) -> None:
    assert how_sure(given, known) == sure


@pytest.mark.parametrize(
    "fields",
    [
        {"email": " JANE.DOE@Fabrikam.com "},
        {"email": "Jane.Döe@fabrikam.com", "offer": "CONTOSO  widget"},
        {"email": "jane.doe@fabrikam.com\u00a0", "offer": " contoso-widget"},
    ],
)
def test_case_blanks_and_accents_leave_a_match_exact(fields: dict[str, str]) -> None:
    assert how_sure(row(**fields), lead()) is EXACT


def test_a_name_is_the_same_without_accents_and_in_another_order() -> None:
    assert (
        how_sure(
            row(email="", name="Müller, René", first_name="", last_name=""), lead(FirstName="Rene", LastName="Muller")
        )
        is LIKELY
    )


def test_the_vowel_signs_of_other_scripts_are_no_accents() -> None:
    assert how_sure(row(email="", first_name="की", last_name="", offer=""), lead(FirstName="का", LastName="")) is None


@pytest.mark.parametrize(("days", "sure"), [(0, EXACT), (1, LIKELY), (-1, LIKELY), (2, WEAK), (7, WEAK), (8, None)])
def test_a_row_with_a_day_alone_counts_as_the_whole_day(days: int, sure: Certainty | None) -> None:
    midnight = RECEIVED_AT.replace(hour=0, minute=0, second=0, microsecond=0) + days * DAY
    assert how_sure(row(at=midnight, has_time=False), lead()) == sure


def test_a_row_without_a_date_is_matched_by_its_address_and_never_sure() -> None:
    assert how_sure(row(at=None), lead(300 * DAY)) is WEAK
    assert how_sure(row(at=None, email=""), lead()) is None


def test_several_actions_of_one_customer_find_the_nearest_in_time() -> None:
    rows = [row(), row(20 * MINUTE), row(40 * MINUTE)]
    leads = [lead(41 * MINUTE, 1), lead(1 * MINUTE, 2), lead(21 * MINUTE, 3)]
    assert pairs(rows, leads) == {(0, 1), (1, 2), (2, 0)}
    assert pairs(rows, leads[:2]) == {(0, 1), (2, 0)}


def test_the_same_action_counts_more_than_a_minute() -> None:
    rows = [row(action="Contact me"), row(2 * MINUTE)]
    leads = [lead(1 * MINUTE, 1), lead(3 * MINUTE, 2, ActionCode="PLT", LeadSource="AppSource-PLT|contoso.widget")]
    assert pairs(rows, leads) == {(0, 1), (1, 0)}


def test_a_surer_match_takes_the_lead_from_a_nearer_one() -> None:
    rows = [row(offer="Gadget"), row(30 * MINUTE)]
    assert pairs(rows, [lead()]) == {(1, 0)}


def test_a_lead_counts_before_a_rejected_post_of_the_same_customer() -> None:
    rejected = lead(number=1, state=State.REJECTED)
    assert pairs([row()], [rejected, lead(30 * MINUTE, 2)]) == {(0, 1)}
    assert pairs([row(), row(MINUTE)], [rejected, lead(30 * MINUTE, 2)]) == {(0, 0), (1, 1)}


def test_a_lead_without_its_personal_data_is_never_matched_as_a_person() -> None:
    assert matched([row()], [stripped()]) == []


def stripped(after: timedelta = timedelta(0), number: int = 0) -> Known:
    settled = record(lead_id(after, number), state=State.WRITTEN)
    forgotten = transition(settled, Forgotten(), at=RECEIVED_AT)
    assert forgotten is not None
    known = known_of(forgotten.after)
    assert known.is_stripped
    return known


def test_rows_that_may_be_stripped_leads_are_found_by_offer_and_time() -> None:
    leads = [stripped(number=1), stripped(3 * HOUR, 2)]
    rows = [row(3 * HOUR), row(HOUR), row(2 * DAY), row(4 * HOUR)]
    assert {*stripped_matches(rows, leads)} == {(0, 1), (1, 0)}


def test_a_stripped_lead_is_one_undated_row_at_most_and_dated_rows_come_first() -> None:
    rows = [row(at=None), row(at=None, email=""), row(9 * DAY), row(at=None, email="x@y.example")]
    assert stripped_matches(rows, [stripped(number=1), stripped(DAY, 2)]) == [(0, 0), (1, 1)]
    assert stripped_matches([row(at=None), row()], [stripped()]) == [(1, 0)]
    assert stripped_matches(rows, []) == []


@pytest.mark.parametrize(
    ("offer", "others", "same"),
    [
        ("Contoso Widget", [], True),
        ("Widget 2", [], None),  # nothing says which title the record's id has
        ("", [lead()], None),
        ("Widget 2", [lead()], False),  # the id came with another title
        ("Widget 2", [lead(OfferTitle="Widget 2")], True),  # and with this one
        ("Gadget", [lead(LeadSource="AppSource-PLT|contoso.gadget", OfferTitle="Gadget")], False),
    ],
)
def test_the_offer_that_a_stripped_lead_kept_is_compared(offer: str, others: list[Known], same: bool | None) -> None:
    given = row(at=None, offer=offer)
    assert Offers.of(others).same(person_of(given), stripped()) is same
    assert stripped_matches([given], [stripped()], Offers.of(others)) == ([] if same is False else [(0, 0)])


def test_a_record_that_kept_a_title_is_compared_by_it() -> None:
    titled = known_of(record(state=State.ERASED, offer="Contoso Gadget", email="", name="", company="", payload=None))
    assert stripped_matches([row(at=None)], [titled]) == []


def test_an_undated_row_takes_the_stripped_lead_of_its_own_offer_first() -> None:
    other = replace(
        stripped(number=1), offer="x", person=replace(stripped().person, titles=frozenset({"x"}), ids=frozenset({"x"}))
    )
    assert stripped_matches([row(at=None)], [other, stripped(number=2)]) == [(0, 1)]


def test_a_stripped_lead_of_a_known_other_offer_is_no_match() -> None:
    other = replace(stripped(), person=replace(stripped().person, titles=frozenset({"gadget"}), ids=frozenset({"x"})))
    assert stripped_matches([row(), row(at=None)], [other]) == []


def test_an_erased_lead_counts_as_stripped_and_a_rejected_post_does_not() -> None:
    erased = record(state=State.ERASED, email="", name="", company="", payload=None)
    assert known_of(erased).is_stripped
    assert not known_of(replace(erased, state=State.REJECTED)).is_stripped


def test_a_record_whose_payload_is_no_lead_is_compared_by_its_columns() -> None:
    damaged: Record = record(payload="{", state=State.POISONED)
    assert how_sure(row(offer="contoso.widget"), known_of(damaged)) is EXACT
    assert how_sure(row(offer="Gadget"), known_of(damaged)) is LIKELY


SPANS = st.integers(-3 * 24 * 60, 3 * 24 * 60).map(lambda minutes: minutes * MINUTE)
ROWS = st.lists(st.builds(row, SPANS, email=st.sampled_from(["jane.doe@fabrikam.com", "", "x@y.example"])), max_size=6)
LEADS = st.lists(
    st.builds(lead, SPANS, Email=st.sampled_from(["jane.doe@fabrikam.com", "", "x@y.example"])), max_size=6
)


@given(rows=ROWS, leads=LEADS)
def test_no_row_has_two_leads_and_no_pair_is_left_that_could_be_made(rows: list[Row], leads: list[Known]) -> None:
    found = matched(rows, leads)
    used_rows, used_leads = {pair.row for pair in found}, {pair.lead for pair in found}
    assert len(found) == len(used_rows) == len(used_leads)
    free_rows = [each for number, each in enumerate(rows) if number not in used_rows]
    free_leads = [each for number, each in enumerate(leads) if number not in used_leads]
    assert matched(free_rows, free_leads) == []
    assert all(pair.certainty is how_sure(rows[pair.row], leads[pair.lead]) for pair in found)


def test_hundreds_of_leads_of_one_customer_find_their_own_rows() -> None:
    rows = [row(number * MINUTE) for number in range(300)]
    leads = [lead(number * MINUTE, number) for number in range(300)]
    assert pairs(rows, leads) == {(number, number) for number in range(300)}
