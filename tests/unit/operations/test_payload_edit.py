"""Changing what was posted, by field and in an editor."""

import json
import os
import sys
from pathlib import Path

import pytest

from leadpipe.model.errors import LeadpipeError, NotAllowed
from leadpipe.model.lead import DOCUMENTED, Lead
from leadpipe.operations.payload_edit import FIELDS, assignment, differences, edited_by_hand, pretty, with_fields
from tests.factories import payload


@pytest.mark.parametrize("name", ["Email", "EMAIL", "userdetails.email", " UserDetails.Email"])
def test_a_field_is_known_by_its_documented_name_in_any_case(name: str) -> None:
    field, value = assignment(f"{name}=a=b")
    changed = Lead.from_payload(with_fields(payload(), {field: value}))
    assert changed == Lead.from_payload(payload(Email="a=b"))


def test_every_field_of_a_lead_can_be_set() -> None:
    changed = Lead.from_payload(with_fields(payload(), dict.fromkeys(FIELDS, "x")))
    assert {getattr(changed, name) for name in DOCUMENTED} == {"x"}


@pytest.mark.parametrize("text", ["Email", "Mail=x", "=x", "UserDetails.OfferTitle=x", ""])
def test_what_is_no_field_is_refused_with_the_ones_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="OfferTitle"):
        assignment(text)


def test_the_spelling_that_was_posted_and_everything_else_stay() -> None:
    posted = '{"userDETAILS": {"EMAIL": "old", "Fax": 1}, "Extra": ["ü"], "email": "not the one"}'
    assert json.loads(with_fields(posted, {"email": "new"})) == {
        "userDETAILS": {"EMAIL": "new", "Fax": 1},
        "Extra": ["ü"],
        "email": "not the one",
    }


def test_of_keys_that_differ_in_case_the_one_that_is_read_is_set() -> None:
    posted = '{"Description": "a", "DESCRIPTION": "b"}'
    assert Lead.from_payload(with_fields(posted, {"description": "c"})).description == "c"


def test_of_equal_keys_an_empty_one_takes_nothing_away() -> None:
    posted = '{"UserDetails": {"FirstName": "Jane", "FirstName": ""}, "UserDetails": null}'
    read = Lead.from_payload(with_fields(posted, {"email": "new"}))
    assert (read.first_name, read.email) == ("Jane", "new")
    assert "Jane" in pretty(posted)


@pytest.mark.parametrize("posted", ['{"OfferTitle": "x"}', '{"UserDetails": null}', '{"UserDetails": "text"}'])
def test_a_lead_without_a_person_gets_one(posted: str) -> None:
    assert Lead.from_payload(with_fields(posted, {"email": "new"})).email == "new"


PERSON = {"FirstName": "Jane", "Email": "old@fabrikam.com", "Phone": "1"}
SHAPES = [
    {"UserDetails": json.dumps(PERSON)},
    {"UserDetails": json.dumps(json.dumps([PERSON]))},
    {"userDetails": json.dumps(PERSON)[:-3]},
    {"UserDetails": [PERSON]},
    {"CustomerInfo": PERSON},
    {"UserDetails": {}, "CustomerInfo": json.dumps(PERSON)},
    {"UserDetails": {"Email": " "}, "customer_info": PERSON},
    {"UserDetails": {"Email": "", "e_mail": "a@fabrikam.com"}, "email": "b@fabrikam.com"},
    {"first_name": "Jane", "email": "old@fabrikam.com", "E-Mail": "older@fabrikam.com"},
    {"TableRow": {"CustomerInfo": json.dumps(PERSON), "OfferDisplayName": "Widget"}},
    {"UserDetails": 7, "OfferDisplayName": "Widget", "description": "x"},
]


@pytest.mark.parametrize("posted", SHAPES, ids=str)
@pytest.mark.parametrize("field", sorted(FIELDS))
@pytest.mark.parametrize("value", ["new@contoso.com", "", " "])
def test_the_value_that_is_set_is_the_one_that_is_read(posted: dict[str, object], field: str, value: str) -> None:
    before = json.dumps({**posted, "LeadSource": "SPZA", "ActionCode": "INS"})
    read = Lead.from_payload(with_fields(before, {field: value}))
    name = next(name for name in DOCUMENTED if name.replace("_", "") == field.rpartition(".")[2])
    assert getattr(read, name) == value.strip()
    others = [other for other in DOCUMENTED if other != name]
    assert [getattr(read, other) for other in others] == [getattr(Lead.from_payload(before), other) for other in others]


def test_a_person_given_as_text_becomes_an_object_by_an_edit_and_is_read() -> None:
    posted = json.dumps({"UserDetails": '{"firstName": "Jane", "Email": "ja'})
    edited = with_fields(posted, {"email": "jane@fabrikam.com", "lastname": "Doe"})
    assert json.loads(edited) == {"UserDetails": {"firstName": "Jane", "Email": "jane@fabrikam.com", "LastName": "Doe"}}
    assert list(differences(posted, edited))[-1] == {"field": "unread", "before": "UserDetails", "after": ""}


def test_a_key_that_stands_at_the_top_is_set_there() -> None:
    edited = with_fields('{"email": "old@fabrikam.com", "last_name": "Doe"}', {"email": "new", "lastname": "Li"})
    assert json.loads(edited) == {"email": "new", "last_name": "Li"}


@pytest.mark.parametrize("posted", ["{", "[1]", b"\xff", None])
def test_what_has_no_fields_is_left_to_the_editor(posted: str | bytes | None) -> None:
    with pytest.raises(NotAllowed, match="editor"):
        with_fields(posted, {"email": "x"})


def test_an_editor_gets_json_with_a_line_for_each_field() -> None:
    assert '    "Email": "jane.doe@fabrikam.com",\n' in pretty(payload())
    assert json.loads(pretty(payload())) == json.loads(payload())


@pytest.mark.parametrize(("posted", "text"), [("{", "{"), (b"\xff{", "\ufffd{"), (None, "")])
def test_an_editor_gets_anything_else_as_it_came(posted: str | bytes | None, text: str) -> None:
    assert pretty(posted) == text


def test_half_a_surrogate_pair_stays_an_escape() -> None:
    assert json.loads(pretty('{"Description": "\\ud83d"}').encode()) == {"Description": "\ud83d"}


def editor(code: str) -> dict[str, str]:
    """An environment whose editor is Python with that code; `file` is what it is given."""
    return {"EDITOR": f'"{sys.executable}" -c "import os, pathlib, sys; file = pathlib.Path(sys.argv[1]); {code}"'}


def test_an_editor_changes_the_text_in_a_file_that_is_gone_afterwards(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    code = (
        f"pathlib.Path({str(seen)!r}).write_text(str(file)); file.write_text(file.read_text() + '!', encoding='utf-8')"
    )
    assert edited_by_hand("text", editor(code)) == "text!"
    assert not Path(seen.read_text()).parent.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows gives every file of a user to that user alone")
def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    edited_by_hand("text", editor(f"pathlib.Path({str(seen)!r}).write_text(oct(file.stat().st_mode & 0o777))"))
    assert seen.read_text() == "0o600"


def test_an_editor_that_fails_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LeadpipeError, match="nothing was changed"):
        edited_by_hand("text", editor("sys.exit(1)"))
    with pytest.raises(LeadpipeError, match="nothing was changed"):
        edited_by_hand("text", {"EDITOR": str(tmp_path / "no-such-editor")})


def test_without_an_editor_it_says_how_to_do_without() -> None:
    with pytest.raises(LeadpipeError, match="--set"):
        edited_by_hand("text", {})


def test_visual_goes_before_editor() -> None:
    with pytest.raises(LeadpipeError, match="visual"):
        edited_by_hand("text", {"VISUAL": "no-such-visual", "EDITOR": "true"})


def test_the_fields_that_differ_are_told_with_both_values() -> None:
    told = list(differences(payload(), payload(Email="new", Phone=None)))
    assert told == [
        {"field": "email", "before": "jane.doe@fabrikam.com", "after": "new"},
        {"field": "phone", "before": "+33 1 23 45 67 89", "after": ""},
    ]
    assert [each["before"] for each in differences(b"\xff", '{"Description": "x"}')] == [""]
