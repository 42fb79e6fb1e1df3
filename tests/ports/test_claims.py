"""How claims behave, be it the fake or the table."""

import threading
from dataclasses import replace
from datetime import timedelta

from leadpipe.model.claim import Claim
from leadpipe.model.ports import Claims
from tests.factories import RECEIVED_AT, lead, lead_id

FINGERPRINT = "ab" * 32
MINE = Claim(fingerprint=FINGERPRINT, lead_id=lead_id(), received_at=RECEIVED_AT)
OTHER = replace(MINE, lead_id=lead_id(timedelta(days=9)), received_at=RECEIVED_AT + timedelta(days=9))


def test_the_first_to_ask_holds_the_fingerprint(claims: Claims) -> None:
    assert claims.take(MINE) == MINE


def test_who_asks_again_still_holds_it(claims: Claims) -> None:
    claims.take(MINE)
    assert claims.take(MINE) == MINE


def test_the_second_is_told_who_holds_it(claims: Claims) -> None:
    claims.take(MINE)
    assert claims.take(OTHER) == MINE


def test_different_fingerprints_are_held_side_by_side(claims: Claims) -> None:
    claims.take(MINE)
    other = replace(OTHER, fingerprint="cd" * 32)
    assert claims.take(other) == other


def test_the_customer_of_a_lead_is_claimed_beside_its_fingerprint(claims: Claims) -> None:
    first = replace(MINE, fingerprint=lead().fingerprint())
    of_customer = replace(MINE, fingerprint=lead().customer())
    assert (claims.take(first), claims.take(of_customer)) == (first, of_customer)
    later = replace(OTHER, fingerprint=lead(action_code="PLT").customer())
    assert claims.take(later) == of_customer
    assert claims.take_over(claims.take(later), later)
    assert claims.take(first) == first


def test_a_claim_can_be_taken_over_by_who_read_it(claims: Claims) -> None:
    claims.take(MINE)
    assert claims.take_over(claims.take(OTHER), OTHER)
    assert claims.take(MINE) == OTHER


def test_a_claim_that_changed_since_it_was_read_cannot_be_taken_over(claims: Claims) -> None:
    claims.take(MINE)
    seen = claims.take(OTHER)
    third = replace(OTHER, lead_id=lead_id(timedelta(days=9), 2))
    assert claims.take_over(seen, third)
    assert not claims.take_over(seen, OTHER)
    assert claims.take(MINE) == third


def test_of_many_at_once_exactly_one_holds(claims: Claims) -> None:
    holders: list[str] = []

    def take(number: int) -> None:
        holders.append(claims.take(replace(MINE, lead_id=lead_id(number=number))).lead_id)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(holders) == 12
    assert len({*holders}) == 1
