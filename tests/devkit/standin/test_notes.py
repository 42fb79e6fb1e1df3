"""The stand-in's notes: on a lead's timeline, with their own privileges, gone with their lead."""

import uuid
from typing import Any

import pytest
import requests

from tests.standin_process import Standin

NOBODY = "99999999-0000-cccc-1111-dddd2222eeee"


def note(standin: Standin, lead_id: str, **columns: Any) -> requests.Response:
    row = {"annotationid": str(uuid.uuid4()), "subject": "Contact me", "objectid_lead@odata.bind": f"/leads({lead_id})"}
    return standin.api("POST", "annotations", {**row, **columns})


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def without(standin: Standin, *names: str, **depths: str) -> None:
    held = standin.control("GET", "config")["privileges"]
    standin.configure(privileges={name: depth for name, depth in {**held, **depths}.items() if name not in names})


def test_a_note_is_created_once_under_its_own_id_and_names_its_lead(standin: Standin) -> None:
    lead_id, note_id = standin.created(), str(uuid.uuid4())
    made = note(standin, lead_id, annotationid=note_id, notetext="Please call.")
    assert (made.status_code, note_id in made.headers["OData-EntityId"]) == (204, True)
    assert code_of(note(standin, lead_id, annotationid=note_id)) == (412, "0x80040237")
    read = standin.api("GET", f"annotations({note_id})?$select=_objectid_value,notetext").json()
    assert (read["annotationid"], read["_objectid_value"], read["notetext"]) == (note_id, lead_id, "Please call.")
    assert standin.notes() == {note_id: lead_id}


@pytest.mark.parametrize("state", [(1, 3), (2, 4)])
def test_a_qualified_or_disqualified_lead_still_takes_notes(standin: Standin, state: tuple[int, int]) -> None:
    lead_id = standin.created()
    closed = {"statecode": state[0], "statuscode": state[1]}
    assert standin.api("PATCH", f"leads({lead_id})", closed).status_code == 204
    assert note(standin, lead_id).status_code == 204


def test_a_note_on_a_lead_that_is_not_there_is_refused_and_made_nowhere(standin: Standin) -> None:
    answer = note(standin, NOBODY)
    assert code_of(answer) == (404, "0x80040217")
    assert answer.json()["error"]["message"] == f"Entity 'lead' With Id = {NOBODY} Does Not Exist"
    assert standin.notes() == {}


def test_with_a_deleted_lead_go_its_notes_and_no_others(standin: Standin) -> None:
    gone, stays = standin.created(), standin.created()
    assert [note(standin, lead_id).status_code for lead_id in (gone, stays)] == [204, 204]
    assert standin.api("DELETE", f"leads({gone})").status_code == 204
    assert [*standin.notes().values()] == [stays]


@pytest.mark.parametrize("missing", ["prvCreateNote", "prvAppendNote", "prvAppendToLead"])
def test_without_a_privilege_the_answer_names_it(standin: Standin, missing: str) -> None:
    lead_id = standin.created()
    without(standin, missing)
    answer = note(standin, lead_id)
    assert code_of(answer) == (403, "0x80040220")
    assert f"is missing {missing} privilege" in answer.json()["error"]["message"]


def test_without_the_privilege_no_note_is_read(standin: Standin) -> None:
    without(standin, "prvReadNote")
    assert code_of(standin.api("GET", f"annotations({NOBODY})")) == (403, "0x80040220")


def test_a_lead_of_another_owner_takes_more_than_the_users_own_level(standin: Standin) -> None:
    own, others = standin.created(), standin.created()
    jane = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
    standin.configure(rows={"systemusers": [jane]})
    given = standin.api("PATCH", f"leads({others})", {"ownerid@odata.bind": f"/systemusers({jane})"})
    assert given.status_code == 204
    without(standin, prvAppendToLead="Basic")
    assert note(standin, own).status_code == 204
    assert code_of(note(standin, others)) == (403, "0x80040220")


@pytest.mark.parametrize(("column", "longest"), [("subject", 500), ("notetext", 100_000)])
def test_a_text_that_is_too_long_is_refused(standin: Standin, column: str, longest: int) -> None:
    lead_id = standin.created()
    assert note(standin, lead_id, **{column: "x" * longest}).status_code == 204
    assert code_of(note(standin, lead_id, **{column: "x" * (longest + 1)})) == (400, "0x80044331")


def test_the_page_shows_a_note_with_its_lead_as_text(standin: Standin) -> None:
    note(standin, standin.created(), subject="<b>Contact me</b>", notetext="Please <i>call</i>.")
    page = standin.session.get(standin.url).text
    assert "note: &lt;b&gt;Contact me&lt;/b&gt;" in page
    assert "Please &lt;i&gt;call&lt;/i&gt;." in page
