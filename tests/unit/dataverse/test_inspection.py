"""What an organisation's answers say of us and of its lead table."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from leadpipe.dataverse.inspection import Column, Inspection, NotReadable, column_of, privileges_of
from leadpipe.dataverse.protocol import Answer
from leadpipe.model.errors import Blocked, Transient

ME = "aaaabbbb-0000-cccc-1111-dddd2222eeee"


def answer(status: int = 200, body: object = None) -> Answer:
    return Answer(status=status, headers={}, body=json.dumps(body or {}).encode())


def error(status: int, code: str) -> Answer:
    return answer(status, {"error": {"code": code, "message": "made up"}})


def answering(given: Answer | dict[str, Answer]) -> Inspection:
    """By what the path has in it, or always the same."""

    def get(path: str) -> Answer:
        if isinstance(given, Answer):
            return given
        return next(found for part, found in given.items() if part in path)

    return Inspection(get)


def test_who_we_are_is_read() -> None:
    me = answering(answer(body={"UserId": ME, "OrganizationId": "org"})).whoami()
    assert (me.user_id, me.organization_id) == (ME, "org")


@pytest.mark.parametrize(
    ("given", "kind", "slug"),
    [
        (error(403, "0x80072560"), Blocked, "no_application_user"),
        (error(403, "0x80042f09"), Blocked, "no_role"),
        (answer(503), Transient, "dynamics_error"),
        (answer(404), Blocked, "not_dynamics"),
        (answer(200, {"hello": "world"}), Blocked, "not_dynamics"),
    ],
)
def test_who_are_we_fails_as_a_lead_would(given: Answer, kind: type[Exception], slug: str) -> None:
    with pytest.raises(kind) as raised:
        answering(given).whoami()
    assert getattr(raised.value, "slug", "") == slug


LOOKS: list[Callable[[Inspection], Any]] = [
    Inspection.version,
    Inspection.lead_columns,
    Inspection.synchronous_steps,
    Inspection.microsofts_solution,
    lambda inspection: inspection.user(ME),
    lambda inspection: inspection.privileges(ME),
    lambda inspection: inspection.row("campaigns(1)"),
]


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("status", [403, 404, 501])
def test_what_the_role_may_not_read_is_told_from_what_is_wrong(look: Callable[[Inspection], Any], status: int) -> None:
    if look is LOOKS[-1] and status == 404:
        return
    with pytest.raises(NotReadable):
        look(answering(error(status, "0x80040220")))


@pytest.mark.parametrize("look", LOOKS[:-1])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"value": 1}', b'{"value": [1]}', b'{"RolePrivileges": [1]}']
)
def test_an_answer_of_another_shape_breaks_nothing(look: Callable[[Inspection], Any], body: bytes) -> None:
    look(answering(Answer(status=200, headers={}, body=body)))


def test_a_bound_row_is_there_or_it_is_not() -> None:
    assert answering(answer(body={"name": "Autumn"})).row("campaigns(1)") == {"name": "Autumn"}
    assert answering(answer(404)).row("campaigns(1)") is None


def test_a_privilege_is_known_by_its_name_or_by_its_published_id() -> None:
    found = privileges_of(
        [
            {"PrivilegeName": "prvReadLead", "PrivilegeId": "x", "Depth": "Global"},
            {"PrivilegeId": "A41F965B-2619-4C73-8625-DA31945CCCC7", "Depth": "0"},
        ]
    )
    assert found == {"prvReadLead": "Global", "prvCreateLead": "Basic"}


def test_a_column_has_its_length_and_its_options() -> None:
    text = {"LogicalName": "subject", "IsValidForCreate": True, "MaxLength": 300}
    choice = {"LogicalName": "leadsourcecode", "OptionSet": {"Options": [{"Value": 8}, {"Value": 9}]}}
    assert column_of(text) == Column(name="subject", on_create=True, longest=300)
    assert column_of(choice).options == {8, 9}
    assert not column_of({"LogicalName": "fullname", "IsValidForCreate": False}).on_create


TURNED = {
    "TrueOption": {"Value": 1, "Label": {"LocalizedLabels": [{"Label": "No"}]}},
    "FalseOption": {"Value": 0, "Label": {"LocalizedLabels": [{"Label": "Yes"}]}},
}


def test_the_columns_of_all_kinds_are_put_together() -> None:
    given = {
        "StringAttribute": answer(body={"value": [{"LogicalName": "subject", "MaxLength": 300}]}),
        "MemoAttribute": answer(body={"value": []}),
        "StatusAttribute": answer(body={"value": []}),
        "BooleanAttribute": answer(body={"value": [{"LogicalName": "evaluatefit", "OptionSet": TURNED}]}),
        "DateTimeAttribute": answer(
            body={
                "value": [
                    {"LogicalName": "estimatedclosedate", "DateTimeBehavior": {"Value": "DateOnly"}},
                    {"LogicalName": "lastonholdtime", "DateTimeBehavior": {"Value": "UserLocal"}},
                    {"LogicalName": "createdon", "DateTimeBehavior": None},
                ]
            }
        ),
        "PicklistAttribute": answer(
            body={"value": [{"LogicalName": "leadsourcecode", "OptionSet": {"Options": [{"Value": 8}]}}]}
        ),
        "Attributes?": answer(
            body={
                "value": [
                    {"LogicalName": "subject", "IsValidForCreate": True},
                    {"LogicalName": "leadsourcecode", "IsValidForCreate": False},
                    {"LogicalName": "donotfax", "IsValidForCreate": True},
                ]
            }
        ),
    }
    columns = answering(given).lead_columns()
    assert columns["subject"].longest == 300
    assert (columns["leadsourcecode"].options, columns["leadsourcecode"].on_create) == ({8}, False)
    assert columns["donotfax"] == Column(name="donotfax", on_create=True)
    assert columns["evaluatefit"].labels == {1: {"No"}, 0: {"Yes"}}
    dates = ("estimatedclosedate", "lastonholdtime", "createdon")
    assert [columns[name].with_time for name in dates] == [False, True, None]


def test_users_are_found_by_name_and_disabled_ones_only_where_there_is_no_other() -> None:
    rows = [{"systemuserid": "gone", "isdisabled": True}, {"systemuserid": "here", "isdisabled": False}]
    assert answering(answer(body={"value": rows})).users_called("O'Neill") == ["here"]
    assert answering(answer(body={"value": rows[:1]})).users_called("O'Neill") == ["gone"]
    given = {quote("fullname eq 'O''Neill' or internalemailaddress"): answer(body={"value": rows})}
    assert answering(given).users_called("O'Neill") == ["here"]
    assert answering(answer(body={"value": [{"teamid": "emea"}]})).teams_called("EMEA") == ["emea"]


def test_a_plug_in_that_runs_later_or_is_switched_off_does_not_count() -> None:
    steps = [
        {"name": "now", "mode": 0, "statecode": 0},
        {"name": "later", "mode": 1, "statecode": 0},
        {"name": "off", "mode": 0, "statecode": 1},
    ]
    assert answering(answer(body={"value": steps})).synchronous_steps() == ["now"]


def test_microsofts_solution_is_there_with_its_version_or_not() -> None:
    row = {"uniquename": "MicrosoftMarketplacesLeadIntegrationSolution", "version": "1.0.0.0"}
    assert answering(answer(body={"value": [row]})).microsofts_solution() == "1.0.0.0"
    assert answering(answer(body={"value": [{"uniquename": "Other", "version": "2"}]})).microsofts_solution() is None
