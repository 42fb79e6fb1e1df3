"""What erasing a lead in Dynamics asks for, by what the lead may be there."""

import json
from typing import Any

import pytest

from leadpipe.dataverse.administration import Administration
from leadpipe.dataverse.codes import NO_SUCH_ROW
from leadpipe.dataverse.protocol import API, Answer
from leadpipe.mapping.rules import FileMapping
from leadpipe.model.errors import Refused
from leadpipe.model.record import Record, State
from leadpipe.operations.erasure_dynamics import InDynamics, emptied_columns
from tests.factories import LEAD_ID, OTHER_LEAD_ID, record

ODATA = {"odata-version": "4.0"}
LEAD, NOTE = f"{API}/leads({LEAD_ID})", f"{API}/annotations({LEAD_ID})"


class Organisation:
    """Answers with 204 where it has the row."""

    def __init__(self, *there: str, refuses: bool = False) -> None:
        self.there = {*there}
        self.refuses = refuses
        self.asked: list[tuple[str, str]] = []

    def send(self, method: str, path: str, _body: dict[str, Any] | None) -> Answer:
        self.asked.append((method, path))
        if self.refuses:
            return answer(400, "0x80040265", "a plug-in refused it")
        return answer(204) if path in self.there else answer(404, NO_SUCH_ROW)


def answer(status: int, code: str = "", message: str = "") -> Answer:
    return Answer(status=status, headers=ODATA, body=json.dumps({"error": {"code": code, "message": message}}).encode())


def eraser(organisation: Organisation, *, empty: bool = False) -> InDynamics:
    emptied = emptied_columns(FileMapping(columns={})) if empty else None
    return InDynamics(administration=Administration("https://x.example", organisation.send), emptied=emptied)


@pytest.mark.parametrize(
    ("there", "lead", "done"),
    [
        ({LEAD}, record(state=State.WRITTEN), "deleted"),
        ({NOTE}, record(state=State.WRITTEN), "not there"),  # the note of somebody else's making
        ({LEAD}, None, "deleted"),
        ({NOTE}, record(state=State.ERASED), "note deleted"),
        ({LEAD, NOTE}, record(state=State.WRITTEN, own_lead=True), "deleted, note deleted"),
        ({NOTE}, record(state=State.POISONED, duplicate_of=OTHER_LEAD_ID), "note deleted"),
        ({NOTE}, record(state=State.DUPLICATE, duplicate_of=OTHER_LEAD_ID), "not there"),
        (set(), record(state=State.ERASED), "not there"),
    ],
    ids=range(8),
)
def test_the_lead_goes_and_the_note_that_it_may_have_been(there: set[str], lead: Record | None, done: str) -> None:
    assert eraser(Organisation(*there)).erase(LEAD_ID, lead) == done


def test_emptying_changes_the_row_and_deletes_no_lead() -> None:
    organisation = Organisation(LEAD)
    assert eraser(organisation, empty=True).erase(LEAD_ID, record(state=State.WRITTEN)) == "emptied"
    assert organisation.asked == [("PATCH", LEAD)]
    assert eraser(Organisation(), empty=True).erase(LEAD_ID, None) == "not there"


@pytest.mark.parametrize("empty", [True, False])
def test_what_dynamics_refuses_is_raised_and_a_refused_delete_names_the_other_way(empty: bool) -> None:
    with pytest.raises(Refused) as refused:
        eraser(Organisation(refuses=True), empty=empty).erase(LEAD_ID, None)
    assert ("--empty" in refused.value.detail) is not empty


def test_what_the_forms_require_is_filled_and_the_rest_is_empty() -> None:
    emptied = emptied_columns(FileMapping(columns={}))
    assert {name for name, value in emptied.items() if value} == {"subject", "lastname"}
    assert {"emailaddress1", "description", "address1_line1", "address2_city", "mobilephone"} <= emptied.keys()
