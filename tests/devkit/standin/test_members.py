from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from devkit.standin.organisation.security import PRIVILEGES, ROLE

if TYPE_CHECKING:
    from collections.abc import Iterator

EMPTY = {"application_user": "missing", "roles": [], "solutions": []}
NAME = "Contoso Lead Writer"


class Organisation:
    """An empty organisation in the hands of its administrator."""

    def __init__(self, standin: Any) -> None:
        self.standin = standin
        self.call = standin.administer
        self.client_id = standin.settings["DATAVERSE_CLIENT_ID"]
        self.units = {row["name"]: row["businessunitid"] for row in self.rows("businessunits")}

    def rows(self, path: str, condition: str = "") -> list[dict[str, Any]]:
        query = f"?$filter={condition}" if condition else ""
        found: list[dict[str, Any]] = self.call("GET", path + query).json()["value"]
        return found

    def make_role(self, unit: str = "Contoso", **more: Any) -> Any:
        row = {"name": NAME, "businessunitid@odata.bind": f"/businessunits({self.units[unit]})", **more}
        return self.call("POST", "roles", row)

    def role_in(self, unit: str, name: str = NAME) -> dict[str, Any]:
        rows = self.rows("roles", f"name eq '{name}'")
        return next(row for row in rows if row["_businessunitid_value"] == self.units[unit])

    def add(self, *privileges: str, depth: str = "Basic") -> Any:
        rows = [{"PrivilegeId": PRIVILEGES[name], "Depth": depth} for name in privileges]
        path = f"roles({self.role_in('Contoso')['roleid']})/Microsoft.Dynamics.CRM.AddPrivilegesRole"
        return self.call("POST", path, {"Privileges": rows})

    def make_user(self, unit: str = "Contoso") -> Any:
        bound = f"/businessunits({self.units[unit]})"
        return self.call("POST", "systemusers", {"applicationid": self.client_id, "businessunitid@odata.bind": bound})

    def user_id(self) -> str:
        (user,) = self.rows("systemusers", f"applicationid eq {self.client_id}")
        return str(user["systemuserid"])

    def give(self, role_id: str) -> Any:
        reference = f"{self.standin.url}/api/data/v9.2/roles({role_id})"
        path = f"systemusers({self.user_id()})/systemuserroles_association/$ref"
        return self.call("POST", path, {"@odata.id": reference})

    def disable(self) -> None:
        assert self.call("PATCH", f"systemusers({self.user_id()})", {"isdisabled": True}).status_code == 204

    def set_up(self, unit: str = "Contoso") -> None:
        for answer in (self.make_role(), self.add("prvCreateLead"), self.make_user(unit)):
            assert answer.status_code == 204, answer.text
        assert self.give(self.role_in(unit)["roleid"]).status_code == 204


@pytest.fixture
def organisation(standin: Any) -> Iterator[Organisation]:
    standin.configure(**EMPTY, business_units=["EMEA", "Sales"])
    return Organisation(standin)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_empty_organisation_knows_no_application_until_it_is_set_up(organisation: Organisation) -> None:
    standin = organisation.standin
    assert code(standin.create(lastname="Ito")) == (403, "0x80072560")

    organisation.make_user()
    assert code(standin.create(lastname="Ito")) == (403, "0x80042f09")

    organisation.make_role()
    organisation.give(organisation.role_in("Contoso")["roleid"])
    assert code(standin.create(lastname="Ito")) == (403, "0x80040220")

    organisation.add("prvCreateLead")
    assert standin.create(lastname="Ito").status_code == 204


def test_a_user_of_another_application_is_not_ours(organisation: Organisation) -> None:
    organisation.client_id = str(uuid.uuid4())
    organisation.set_up()

    assert code(organisation.standin.create(lastname="Ito")) == (403, "0x80072560")


def test_a_role_stands_in_every_business_unit_as_a_copy(organisation: Organisation) -> None:
    organisation.make_role(description="for leads")

    rows = organisation.rows("roles", f"name eq '{NAME}'")

    root = organisation.role_in("Contoso")
    assert {row["_businessunitid_value"] for row in rows} == {*organisation.units.values()}
    assert len({row["roleid"] for row in rows}) == 3
    assert {row["_parentrootroleid_value"] for row in rows} == {root["roleid"]}
    assert {row["description"] for row in rows} == {"for leads"}


def test_a_user_takes_the_copy_of_his_own_business_unit_only(organisation: Organisation) -> None:
    organisation.make_role()
    organisation.make_user("EMEA")

    refused = organisation.give(organisation.role_in("Contoso")["roleid"])
    taken = organisation.give(organisation.role_in("EMEA")["roleid"])

    assert (refused.status_code, taken.status_code) == (400, 204)
    assert "the same business unit" in refused.json()["error"]["message"]


def test_a_copy_has_the_privileges_of_its_root(organisation: Organisation) -> None:
    organisation.set_up("EMEA")

    assert organisation.standin.create(lastname="Ito").status_code == 204
    assert organisation.standin.api("GET", "WhoAmI").json()["BusinessUnitId"] == organisation.units["EMEA"]


def test_a_privilege_that_is_added_again_gets_the_new_depth(organisation: Organisation) -> None:
    organisation.make_role()
    organisation.add("prvCreateLead", "prvReadLead", depth="0")
    organisation.add("prvReadLead", depth="Global")

    role = organisation.role_in("Sales")["roleid"]
    found = organisation.call("GET", f"RetrieveRolePrivilegesRole(RoleId={role})").json()["RolePrivileges"]

    assert {row["PrivilegeName"]: row["Depth"] for row in found} == {"prvCreateLead": "Basic", "prvReadLead": "Global"}


def test_a_privilege_can_be_taken_out(organisation: Organisation) -> None:
    organisation.set_up()
    path = f"roles({organisation.role_in('Contoso')['roleid']})/Microsoft.Dynamics.CRM.RemovePrivilegeRole"

    organisation.call("POST", path, {"PrivilegeId": PRIVILEGES["prvCreateLead"]})

    assert "prvCreateLead" in organisation.standin.create(lastname="Ito").json()["error"]["message"]


def test_one_application_has_one_user(organisation: Organisation) -> None:
    organisation.make_user()

    assert code(organisation.make_user("EMEA")) == (400, "0x8004f511")


def test_a_user_without_a_business_unit_fails_without_a_word(organisation: Organisation) -> None:
    answer = organisation.call("POST", "systemusers", {"applicationid": organisation.client_id})

    assert code(answer) == (500, "0x80040216")


def test_a_disabled_user_does_not_come_in_and_takes_no_role(organisation: Organisation) -> None:
    organisation.set_up()
    organisation.disable()

    assert code(organisation.standin.create(lastname="Ito")) == (403, "0x80040225")
    assert code(organisation.give(organisation.role_in("Contoso")["roleid"])) == (403, "0x80040225")


def test_a_user_goes_only_once_it_is_disabled_and_owns_nothing(organisation: Organisation) -> None:
    organisation.set_up()
    lead = organisation.standin.created()
    path = f"systemusers({organisation.user_id()})"

    assert "is not disabled" in organisation.call("DELETE", path).json()["error"]["message"]
    organisation.disable()
    assert code(organisation.call("DELETE", path)) == (400, "0x80048610")
    organisation.call("DELETE", f"leads({lead})")

    assert organisation.call("DELETE", path).status_code == 204
    assert organisation.rows("systemusers", f"applicationid eq {organisation.client_id}") == []


def test_a_role_is_taken_from_a_user(organisation: Organisation) -> None:
    organisation.set_up()
    role = organisation.role_in("Contoso")["roleid"]
    assert len(organisation.rows(f"roles({role})/systemuserroles_association")) == 1

    taken = organisation.call(
        "DELETE", f"systemusers({organisation.user_id()})/systemuserroles_association({role})/$ref"
    )

    assert taken.status_code == 204
    assert organisation.rows(f"roles({role})/systemuserroles_association") == []
    assert code(organisation.standin.create(lastname="Ito")) == (403, "0x80042f09")


def test_a_deleted_role_is_nobodys(organisation: Organisation) -> None:
    organisation.set_up()

    assert organisation.call("DELETE", f"roles({organisation.role_in('Contoso')['roleid']})").status_code == 204
    assert code(organisation.standin.create(lastname="Ito")) == (403, "0x80042f09")


def test_microsofts_role_is_managed_and_not_to_be_changed(organisation: Organisation) -> None:
    organisation.standin.configure(roles=[ROLE])
    role = organisation.role_in("Contoso", ROLE)["roleid"]

    answer = organisation.call("DELETE", f"roles({role})")

    assert (answer.status_code, "managed" in answer.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "row", "privilege"),
    [
        ("POST", "roles", {"name": NAME}, "prvCreateRole"),
        ("POST", "systemusers", {}, "prvCreateUser"),
        ("GET", "privileges", None, ""),
        ("GET", "businessunits", None, ""),
    ],
)
def test_a_person_without_the_right_only_looks(
    organisation: Organisation, method: str, path: str, row: Any, privilege: str
) -> None:
    organisation.standin.configure(person="user")

    answer = organisation.call(method, path, row)

    assert answer.status_code == (403 if privilege else 200)
    assert privilege in answer.text


def test_a_stranger_is_no_member(organisation: Organisation) -> None:
    organisation.standin.configure(person="stranger")

    assert code(organisation.call("GET", "WhoAmI")) == (403, "0x80072560")


def test_the_account_of_an_empty_organisation_has_no_role(organisation: Organisation) -> None:
    way = organisation.standin.ways["user_password"]
    form = {
        "grant_type": "password",
        "username": way["DATAVERSE_USERNAME"],
        "password": way["DATAVERSE_PASSWORD"],
        "client_secret": None,
    }
    token = organisation.standin.sign_in(**form).json()["access_token"]

    answer = organisation.standin.api("GET", "WhoAmI", headers={"Authorization": f"Bearer {token}"})

    assert code(answer) == (403, "0x80042f09")


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("roles", {"name": NAME, "businessunitid@odata.bind": "/teams(x)"}),
        ("roles", {"name": NAME, "colour": "red"}),
        ("systemusers", {"applicationid": "x", "businessunitid@odata.bind": "/businessunits(y)"}),
    ],
)
def test_what_makes_no_sense_is_refused(organisation: Organisation, path: str, row: Any) -> None:
    assert organisation.call("POST", path, row).status_code == 400


def test_a_role_without_its_name_or_with_a_taken_one_is_refused(organisation: Organisation) -> None:
    organisation.make_role()

    assert organisation.make_role(name="").status_code == 400
    assert code(organisation.make_role()) == (412, "0x80040237")


def test_a_depth_that_there_is_not_is_refused(organisation: Organisation) -> None:
    organisation.make_role()

    assert code(organisation.add("prvCreateLead", depth="Deepest")) == (400, "0x80048d19")


def test_what_was_set_up_outlives_a_restart_and_not_a_reset(own_standin: Any) -> None:
    with own_standin("--empty") as standin:
        Organisation(standin).set_up()
    with own_standin("--empty") as standin:
        assert standin.create(lastname="Ito").status_code == 204
        standin.control("DELETE", "config")
        assert code(standin.create(lastname="Ito")) == (403, "0x80072560")
