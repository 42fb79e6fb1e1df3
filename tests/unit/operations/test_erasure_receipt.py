"""What the receipt of an erasure says, and what it does not."""

import json
from datetime import timedelta

import pytest

from leadpipe.model.record import State
from leadpipe.operations.addresses import Standing
from leadpipe.operations.decisions import Outcome, Result
from leadpipe.operations.erasure import AddressMatch, Place
from leadpipe.operations.erasure_receipt import Receipt, proof_of
from tests.factories import LEAD_ID, RECEIVED_AT

ADDRESS = "jane@fabrikam.com"


def receipt(*outcomes: Outcome) -> Receipt:
    made = Receipt(began_at=RECEIVED_AT, account="contoso", organisation="", address=proof_of(ADDRESS))
    match = AddressMatch(lead_id=LEAD_ID, state=State.WRITTEN, standing=Standing.OWN, places=(Place.LEAD,))
    for outcome in outcomes:
        made.add(Result(lead_id=LEAD_ID, outcome=outcome, detail=f"about {ADDRESS}"), match, "", RECEIVED_AT)
    return made


def test_it_says_what_was_done_when_and_where_and_quotes_nobody() -> None:
    fields = receipt(Outcome.ERASED).fields(ended_at=RECEIVED_AT + timedelta(seconds=5), stopped=False)
    assert "jane" not in json.dumps(fields)
    assert fields["leads"] == [
        {
            "lead_id": LEAD_ID,
            "outcome": "erased",
            "reason": "",
            "found": ["in the lead"],
            "state_before": "written",
            "dynamics": "not asked for",
            "at": "2026-03-14T09:26:53+00:00",
        }
    ]
    assert (fields["storage_account"], fields["began_at"], fields["ended_at"]) == (
        "contoso",
        "2026-03-14T09:26:53+00:00",
        "2026-03-14T09:26:58+00:00",
    )


@pytest.mark.parametrize(
    ("outcomes", "stopped", "complete"),
    [
        ([], False, True),
        ([Outcome.ERASED, Outcome.MENTIONS], False, True),
        ([Outcome.ERASED, Outcome.FAILED], False, False),
        ([Outcome.REFUSED], False, False),
        ([Outcome.ERASED], True, False),
    ],
)
def test_it_is_complete_if_all_that_was_chosen_is_erased(
    outcomes: list[Outcome], stopped: bool, complete: bool
) -> None:
    assert receipt(*outcomes).fields(ended_at=RECEIVED_AT, stopped=stopped)["complete"] is complete
    assert receipt(*outcomes).fields(ended_at=None, stopped=False)["complete"] is False


def test_whoever_knows_the_address_can_make_its_hash_again_and_nobody_else_is_it() -> None:
    proof = proof_of(ADDRESS)
    salt = bytes.fromhex(proof["salt"])
    assert proof_of(" Jane@Fabrikam.com", salt) == proof
    assert proof_of("joe@fabrikam.com", salt)["scrypt"] != proof["scrypt"]
    assert proof_of(ADDRESS)["scrypt"] != proof["scrypt"]
