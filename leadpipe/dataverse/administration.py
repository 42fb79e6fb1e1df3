"""Reads and changes an organisation as its administrator: business units, roles and users, and a person's rows.

Only `leadpipe setup` and `leadpipe erase --dynamics` use this. Each change is one call, and raises Transient, Blocked
or Refused where Dynamics does not accept it.
https://learn.microsoft.com/power-apps/developer/data-platform/webapi/reference/role and .../systemuser
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from leadpipe.dataverse.codes import ID_TAKEN, NO_SUCH_ROW
from leadpipe.dataverse.inspection import depth_of
from leadpipe.dataverse.protocol import API, Answer, error_of, failure_of, json_object, objects_in, read_found

Send = Callable[[str, str, dict[str, Any] | None], Answer]

_ADDRESSES = ("emailaddress1", "emailaddress2", "emailaddress3")
# It owns records, or Entra still has it. Observed, not documented.
_KEPT = frozenset({"0x80048610", "0x80048359"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessUnit:
    """`parent_id` is None for the root."""

    unit_id: str
    name: str
    parent_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role in one business unit: the root's own, or a unit's copy of it."""

    role_id: str
    name: str
    unit_id: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    user_id: str
    name: str
    unit_id: str
    disabled: bool
    note: str  # its nickname


class Administration:
    """Thread-safe as far as `send` is."""

    def __init__(self, url: str, send: Send) -> None:
        self._url = url
        self._send = send

    def my_id(self) -> str:
        """Gives the administrator's id. Raises what keeps the administrator out."""
        return str(self._seen("WhoAmI").get("UserId", ""))

    def business_units(self) -> list[BusinessUnit]:
        rows = self._rows("businessunits?$select=name,_parentbusinessunitid_value")
        return [
            BusinessUnit(
                unit_id=row["businessunitid"], name=str(row["name"]), parent_id=row.get("_parentbusinessunitid_value")
            )
            for row in rows
        ]

    def roles(self, name: str) -> list[Role]:
        """Finds the role of that name, once for each business unit."""
        chosen = "$select=name,description,_businessunitid_value"
        return [_role(row) for row in self._rows(f"roles?{chosen}&$filter={_equal('name', name)}")]

    def roles_of(self, user_id: str) -> list[Role]:
        chosen = "$select=name,description,_businessunitid_value"
        return [_role(row) for row in self._rows(f"systemusers({user_id})/systemuserroles_association?{chosen}")]

    def users_with(self, role_id: str) -> list[str]:
        """Gives the ids of the users with this role or copy of a role."""
        return [
            row["systemuserid"] for row in self._rows(f"roles({role_id})/systemuserroles_association?$select=fullname")
        ]

    def privilege_ids(self, names: Iterable[str]) -> dict[str, str]:
        """Maps names, as asked for, to ids. Privileges that the organisation does not have are left out."""
        asked = {name.lower(): name for name in names}
        rows = self._rows(f"privileges?$select=name&$filter={'%20or%20'.join(_equal('name', name) for name in asked)}")
        return {asked[row["name"].lower()]: row["privilegeid"].lower() for row in rows if row["name"].lower() in asked}

    def append_to_privilege(self, entity_set: str) -> str:
        """Names the privilege that lets rows point at rows of that table.

        For an unknown table it gives a privilege that the organisation does not have either, and that names the table.
        https://learn.microsoft.com/power-apps/developer/data-platform/webapi/reference/securityprivilegemetadata
        """
        chosen = f"$select=EntitySetName,Privileges&$filter={_equal('EntitySetName', entity_set)}"
        privileges = [each for row in self._rows(f"EntityDefinitions?{chosen}") for each in row.get("Privileges") or ()]
        names = (str(each.get("Name")) for each in privileges if each.get("PrivilegeType") == "AppendTo")
        return next(names, f"prvAppendTo for {entity_set}")

    def privileges_of_role(self, role_id: str) -> dict[str, str]:
        """Maps ids to depths: Basic, Local, Deep or Global."""
        return self._depths(f"RetrieveRolePrivilegesRole(RoleId={role_id})")

    def privileges_of_user(self, user_id: str) -> dict[str, str]:
        """Maps ids to depths, over all roles and teams."""
        return self._depths(f"systemusers({user_id})/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()")

    def user_of_application(self, client_id: str) -> User | None:
        return self._user(quote(f"applicationid eq {client_id}"))

    def user_of_account(self, name: str) -> User | None:
        return self._user(_equal("domainname", name))

    def make_role(self, name: str, description: str, unit_id: str) -> None:
        """Makes a role without privileges. Dynamics makes the copies of the other units.

        `isinherited` 1 is "Direct User (Basic) access level and Team privileges", so that the role works through a
        team too.
        """
        row = {
            "name": name,
            "description": description,
            "isinherited": 1,
            "businessunitid@odata.bind": f"/businessunits({unit_id})",
        }
        self._done("POST", "roles", row)

    def add_privileges(self, role_id: str, depths: Mapping[str, str]) -> None:
        """`depths` maps ids to depths. A privilege that the role already has gets the new depth."""
        privileges = [{"PrivilegeId": each, "Depth": depth} for each, depth in depths.items()]
        self._done("POST", f"roles({role_id})/Microsoft.Dynamics.CRM.AddPrivilegesRole", {"Privileges": privileges})

    def delete_role(self, role_id: str) -> None:
        self._done("DELETE", f"roles({role_id})", gone_is_done=True)

    def make_application_user(self, client_id: str, unit_id: str, note: str) -> None:
        """Names the business unit, without which Dynamics fails with an error that explains nothing."""
        row = {
            "applicationid": client_id,
            "nickname": note,
            "businessunitid@odata.bind": f"/businessunits({unit_id})",
        }
        self._done("POST", "systemusers", row)

    def set_disabled(self, user_id: str, *, disabled: bool) -> None:
        self._done("PATCH", f"systemusers({user_id})", {"isdisabled": disabled})

    def delete_user(self, user_id: str) -> bool:
        """Deletes a disabled user. False: Dynamics keeps it because it still owns something, such as leads."""
        answer = self._send("DELETE", f"{API}/systemusers({user_id})", None)
        if error_of(answer)[0] in _KEPT:
            return False
        if answer.status not in {200, 204, 404}:
            raise failure_of(answer)
        return True

    def give_role(self, user_id: str, role_id: str) -> None:
        """Gives the role's copy of the user's own business unit. It is not a failure if the user has it already."""
        answer = self._send(
            "POST",
            f"{API}/systemusers({user_id})/systemuserroles_association/$ref",
            {"@odata.id": f"{self._url}{API}/roles({role_id})"},
        )
        if answer.status not in {200, 204} and error_of(answer)[0] != ID_TAKEN:
            raise failure_of(answer)

    def take_role(self, user_id: str, role_id: str) -> None:
        path = f"systemusers({user_id})/systemuserroles_association({role_id})/$ref"
        self._done("DELETE", path, gone_is_done=True)

    def leads_with(self, address: str) -> list[str]:
        """Gives the ids of the leads with that whole e-mail address, in any case of letters."""
        condition = "%20or%20".join(_equal(column, address) for column in _ADDRESSES)
        return [str(row["leadid"]).lower() for row in self._rows(f"leads?$select=leadid&$filter={condition}")]

    def delete_row(self, entity_set: str, row_id: str) -> bool:
        """Deletes the row; False if there is none."""
        return read_found(self._send("DELETE", f"{API}/{entity_set}({row_id})", None))

    def change_lead(self, lead_id: str, columns: Mapping[str, Any]) -> bool:
        """Writes the columns; False if there is no such lead."""
        answer = self._send("PATCH", f"{API}/leads({lead_id})", {**columns})
        if error_of(answer)[0] == NO_SUCH_ROW:
            return False
        if answer.status not in {200, 204}:
            raise failure_of(answer)
        return True

    def _user(self, condition: str) -> User | None:
        chosen = "$select=fullname,isdisabled,nickname,_businessunitid_value"
        rows = self._rows(f"systemusers?{chosen}&$filter={condition}")
        return next((_user(row) for row in rows), None)

    def _depths(self, path: str) -> dict[str, str]:
        rows = objects_in(self._seen(path).get("RolePrivileges"))
        return {str(row.get("PrivilegeId")).lower(): depth_of(row) for row in rows}

    def _rows(self, path: str) -> list[dict[str, Any]]:
        return objects_in(self._seen(path).get("value"))

    def _seen(self, path: str) -> dict[str, Any]:
        answer = self._send("GET", f"{API}/{path}", None)
        if answer.status != 200:
            raise failure_of(answer)
        return json_object(answer.body)

    def _done(self, method: str, path: str, body: dict[str, Any] | None = None, *, gone_is_done: bool = False) -> None:
        answer = self._send(method, f"{API}/{path}", body)
        gone = gone_is_done and answer.status == 404 and error_of(answer)[0] == NO_SUCH_ROW
        if answer.status not in {200, 201, 204} and not gone:
            raise failure_of(answer)


def _role(row: Mapping[str, Any]) -> Role:
    return Role(
        role_id=row["roleid"],
        name=str(row.get("name")),
        unit_id=str(row.get("_businessunitid_value")),
        description=str(row.get("description") or ""),
    )


def _user(row: Mapping[str, Any]) -> User:
    return User(
        user_id=row["systemuserid"],
        name=str(row.get("fullname") or ""),
        unit_id=str(row.get("_businessunitid_value")),
        disabled=row.get("isdisabled") is True,
        note=str(row.get("nickname") or ""),
    )


def _equal(column: str, text: str) -> str:
    quoted = text.replace("'", "''")
    return quote(f"{column} eq '{quoted}'")
