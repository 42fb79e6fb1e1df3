from __future__ import annotations

from typing import Any

import pytest

from devkit.standin.organisation.security import PRIVILEGES


def test_a_missing_privilege_is_refused_by_name_and_id(standin: Any) -> None:
    standin.configure(privileges=["prvReadLead"])

    error = standin.create(lastname="Ito").json()["error"]

    assert error["code"] == "0x80040220"
    assert "is missing prvCreateLead privilege (Id=a41f965b-2619-4c73-8625-da31945cccc7) on OTC=4" in error["message"]
    assert "entity 'lead'" in error["message"]


@pytest.mark.parametrize(
    ("method", "row", "lost"),
    [
        ("GET", None, "prvReadLead"),
        ("PATCH", {"jobtitle": "Cook"}, "prvWriteLead"),
        ("DELETE", None, "prvDeleteLead"),
    ],
)
def test_each_operation_needs_its_own_privilege(standin: Any, method: str, row: Any, lost: str) -> None:
    path = f"leads({standin.created()})"
    standin.configure(privileges=[name for name in PRIVILEGES if name != lost])

    answer = standin.api(method, path, row)

    assert answer.status_code == 403
    assert lost in answer.json()["error"]["message"]


def test_creating_alone_is_enough_for_a_create(standin: Any) -> None:
    standin.configure(privileges=["prvCreateLead"])

    assert standin.create(lastname="Ito").status_code == 204


def test_returning_the_row_needs_the_right_to_read(standin: Any) -> None:
    standin.configure(privileges=["prvCreateLead"])

    answer = standin.api("POST", "leads", {"lastname": "Ito"}, headers={"Prefer": "return=representation"})

    assert "prvReadLead" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("link", "entity_set", "lost"),
    [
        ("campaignid", "campaigns", "prvAppendLead"),
        ("campaignid", "campaigns", "prvAppendToCampaign"),
        ("ownerid", "teams", "prvAssignLead"),
    ],
)
def test_pointing_to_another_row_needs_more(standin: Any, link: str, entity_set: str, lost: str) -> None:
    row = standin.control("GET", "config")["rows"][entity_set][0]
    standin.configure(privileges=[name for name in PRIVILEGES if name != lost])

    answer = standin.create(**{f"{link}@odata.bind": f"/{entity_set}({row})"})

    assert lost in answer.json()["error"]["message"]


def test_the_users_privileges_can_be_asked_for(standin: Any) -> None:
    standin.configure(privileges=["prvCreateLead"])
    user = standin.api("GET", "WhoAmI").json()["UserId"]

    answer = standin.api("GET", f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()").json()

    assert [held["PrivilegeName"] for held in answer["RolePrivileges"]] == ["prvCreateLead"]


def test_privileges_are_told_with_their_depth(standin: Any) -> None:
    standin.configure(privileges={"prvCreateLead": "Basic", "prvReadLead": "Global"})
    user = standin.api("GET", "WhoAmI").json()["UserId"]

    answer = standin.api("GET", f"systemusers({user})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()").json()

    depths = {held["PrivilegeName"]: held["Depth"] for held in answer["RolePrivileges"]}
    assert depths == {"prvCreateLead": "Basic", "prvReadLead": "Global"}


@pytest.mark.parametrize(("depth", "status"), [("Basic", 403), ("Local", 204), ("Deep", 204)])
def test_a_lead_for_somebody_else_needs_depth(standin: Any, depth: str, status: int) -> None:
    team = standin.control("GET", "config")["rows"]["teams"][0]
    standin.configure(privileges={"prvCreateLead": depth, "prvAssignLead": "Global"})

    answer = standin.create(lastname="Ito", **{"ownerid@odata.bind": f"/teams({team})"})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"application_user": "missing"}, "0x80072560"),
        ({"application_user": "disabled"}, "0x80040225"),
        ({"roles": []}, "0x80042f09"),
    ],
)
def test_without_a_user_that_works_nothing_is_answered(standin: Any, changes: Any, code: str) -> None:
    standin.configure(**changes)

    answers = [standin.create(lastname="Ito"), standin.api("GET", "WhoAmI"), standin.api("GET", "systemusers")]

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(403, code)] * 3
