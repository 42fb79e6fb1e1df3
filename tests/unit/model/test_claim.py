from datetime import timedelta

import pytest

from leadpipe.model.claim import TAKES_NOTES, Claim, Verdict, verdict
from leadpipe.model.record import State
from tests.factories import RECEIVED_AT, lead_id

WINDOW = timedelta(days=7)
MOMENT = timedelta(milliseconds=1)


def claim(after: timedelta = timedelta(0), number: int = 0) -> Claim:
    return Claim(fingerprint="f" * 64, lead_id=lead_id(after, number), received_at=RECEIVED_AT + after)


@pytest.mark.parametrize(
    ("holder_state", "decided"),
    [
        (State.ACCEPTED, Verdict.YIELDS),
        (State.DEFERRED, Verdict.YIELDS),
        (State.FALLBACK, Verdict.YIELDS),
        (State.WRITTEN, Verdict.YIELDS),
        (State.MERGED, Verdict.YIELDS),
        (State.KEPT, Verdict.YIELDS),
        (State.POISONED, Verdict.YIELDS),
        (State.DUPLICATE, Verdict.TAKES_OVER),
        (State.REJECTED, Verdict.TAKES_OVER),
        (State.DISCARDED, Verdict.TAKES_OVER),
        (State.ERASED, Verdict.TAKES_OVER),
        (None, Verdict.TAKES_OVER),
    ],
)
def test_inside_the_window_the_holders_state_decides(holder_state: State | None, decided: Verdict) -> None:
    assert verdict(claim(timedelta(hours=1)), claim(), WINDOW, holder_state) is decided


def test_an_earlier_lead_inside_the_window_is_a_duplicate_too() -> None:
    assert verdict(claim(), claim(timedelta(hours=1)), WINDOW, State.WRITTEN) is Verdict.YIELDS


def test_leads_of_one_millisecond_are_duplicates() -> None:
    assert verdict(claim(number=1), claim(number=2), WINDOW, State.ACCEPTED) is Verdict.YIELDS


def test_the_window_ends_with_its_last_moment() -> None:
    assert verdict(claim(WINDOW), claim(), WINDOW, State.WRITTEN) is Verdict.YIELDS


@pytest.mark.parametrize("holder_state", [*State, None])
def test_a_later_lead_outside_the_window_takes_over(holder_state: State | None) -> None:
    assert verdict(claim(WINDOW + MOMENT), claim(), WINDOW, holder_state) is Verdict.TAKES_OVER


@pytest.mark.parametrize("holder_state", [*State, None])
def test_an_earlier_lead_outside_the_window_goes_on_without_the_claim(holder_state: State | None) -> None:
    assert verdict(claim(), claim(WINDOW + MOMENT), WINDOW, holder_state) is Verdict.GOES_ON


def test_the_stores_tag_does_not_tell_claims_apart() -> None:
    assert claim() == Claim(fingerprint="f" * 64, lead_id=lead_id(), received_at=RECEIVED_AT, version="W/1")


@pytest.mark.parametrize("holder_state", [*State, None])
@pytest.mark.parametrize("earlier", [True, False])
def test_a_customers_first_lead_takes_notes_while_it_is_open_or_written(
    holder_state: State | None, earlier: bool
) -> None:
    one, other = claim(timedelta(hours=1)), claim()
    mine, holder = (other, one) if earlier else (one, other)
    takes_notes = holder_state in {State.ACCEPTED, State.DEFERRED, State.FALLBACK, State.WRITTEN}
    found = verdict(mine, holder, WINDOW, holder_state, holding=TAKES_NOTES)
    assert found is (Verdict.YIELDS if takes_notes else Verdict.TAKES_OVER)
