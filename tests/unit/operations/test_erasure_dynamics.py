"""What erasing a lead in Dynamics asks for, by what the lead may be there."""

import json
from typing import Any

import pytest

from leadpipe.dataverse.administration import Administration
from leadpipe.dataverse.codes import NO_SUCH_ROW, PRIVILEGE_DENIED
from leadpipe.dataverse.protocol import API, Answer
from leadpipe.mapping.rules import FileMapping
from leadpipe.model.errors import Blocked, Refused
from leadpipe.model.record import State
from leadpipe.operations.decisions import Desk
from leadpipe.operations.erasure import Erasing
from leadpipe.operations.erasure_dynamics import InDynamics, emptied_columns
from tests.factories import LEAD_ID, record
from tests.fakes import World

ODATA = {"odata-version": "4.0"}
LEAD, NOTE = f"{API}/leads({LEAD_ID})", f"{API}/annotations({LEAD_ID})"


class Organisation:
    """Answers with 204 where it has the row."""

    def __init__(self, *there: str, forbids: str = "", refuses: bool = False) -> None:
        self.there = {*there}
        self.forbids = forbids
        self.refuses = refuses
        self.asked: list[tuple[str, str]] = []

    def send(self, method: str, path: str, _body: dict[str, Any] | None) -> Answer:
        self.asked.append((method, path))
        if self.refuses:
            return answer(400, "0x80040265", "a plug-in refused it")
        if path == self.forbids:
            return answer(403, PRIVILEGE_DENIED, "the user is missing prvDeleteNote privilege")
        return answer(204) if path in self.there else answer(404, NO_SUCH_ROW)


def answer(status: int, code: str = "", message: str = "") -> Answer:
    return Answer(status=status, headers=ODATA, body=json.dumps({"error": {"code": code, "message": message}}).encode())


def eraser(organisation: Organisation, *, empty: bool = False) -> InDynamics:
    emptied = emptied_columns(FileMapping(columns={})) if empty else None
    return InDynamics(administration=Administration("https://x.example", organisation.send), emptied=emptied)


def erasing_in(organisation: Organisation, *, empty: bool = False) -> tuple[Erasing, World]:
    """The ledger has the lead as written."""
    world = World()
    world.ledger.insert(record(state=State.WRITTEN))
    desk = Desk(actor="olga", now=world.now, ports=world.ports)
    return Erasing(desk=desk, dynamics=eraser(organisation, empty=empty)), world


@pytest.mark.parametrize(
    ("there", "done"),
    [
        ({LEAD}, "deleted"),
        ({LEAD, NOTE}, "deleted, note deleted"),
        ({NOTE}, "note deleted"),
        (set(), "not there"),
    ],
    ids=range(4),
)
def test_a_lead_written_as_a_lead_goes_with_the_note_that_it_was_before(there: set[str], done: str) -> None:
    erasing, world = erasing_in(Organisation(*there))
    assert erasing.erase(LEAD_ID, dry_run=False).state is State.ERASED
    assert erasing.there == {LEAD_ID: done}
    assert world.ledger.read(LEAD_ID).state is State.ERASED


def test_a_note_that_the_administrator_may_not_delete_is_not_reached() -> None:
    erasing, world = erasing_in(Organisation(LEAD, forbids=NOTE))
    with pytest.raises(Blocked, match="missing_privilege"):
        erasing.erase(LEAD_ID, dry_run=False)
    assert erasing.there == {LEAD_ID: "deleted, note not reached"}
    assert world.ledger.read(LEAD_ID).state is State.WRITTEN


def test_emptying_changes_the_row_and_deletes_no_lead() -> None:
    organisation = Organisation(LEAD, NOTE)
    erasing, _ = erasing_in(organisation, empty=True)
    erasing.erase(LEAD_ID, dry_run=False)
    assert organisation.asked == [("PATCH", LEAD), ("DELETE", NOTE)]
    assert erasing.there == {LEAD_ID: "emptied, note deleted"}
    assert eraser(Organisation(), empty=True).erase_lead(LEAD_ID) == "not there"


@pytest.mark.parametrize("empty", [True, False])
def test_what_dynamics_refuses_is_raised_and_a_refused_delete_names_the_other_way(empty: bool) -> None:
    with pytest.raises(Refused) as refused:
        eraser(Organisation(refuses=True), empty=empty).erase_lead(LEAD_ID)
    assert ("--empty" in refused.value.detail) is not empty


def test_what_the_forms_require_is_filled_and_the_rest_is_empty() -> None:
    emptied = emptied_columns(FileMapping(columns={}))
    assert {name for name, value in emptied.items() if value} == {"subject", "lastname"}
    assert {"emailaddress1", "description", "address1_line1", "address2_city", "mobilephone"} <= emptied.keys()
