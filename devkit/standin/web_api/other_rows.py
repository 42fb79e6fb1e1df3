"""Makes the rows of other tables that a client reads before it writes: users, roles, solutions, plug-in steps.

They are only read here; roles_and_users changes some of them.
https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.columns import ENTITIES
from devkit.standin.organisation.members import made_up_id
from devkit.standin.organisation.security import PRIVILEGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from devkit.standin.organisation.members import Members, Role, User
    from devkit.standin.organisation.organisation import Organisation

    Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTable:
    """`privilege` is needed to read it; empty if none is."""

    key: str
    privilege: str
    rows: Callable[[Organisation], Rows]


def _users(organisation: Organisation) -> Rows:
    members = organisation.members()
    unfit = organisation.config.unfit_owners
    names = organisation.config.names
    others = [
        _colleague(row_id, unfit.get(row_id), names.get(row_id, {}))
        for row_id in organisation.config.rows.get("systemusers", ())
    ]
    return [*(_user(organisation, members, user) for user in members.users().values()), *others]


def _user(organisation: Organisation, members: Members, user: User) -> dict[str, Any]:
    held = set(members.copies_given(user))
    return {
        "systemuserid": user.user_id,
        "fullname": user.name,
        "domainname": user.account,
        "internalemailaddress": None,
        "applicationid": user.application_id,
        "azureactivedirectoryobjectid": made_up_id("service-principals", user.application_id or user.user_id),
        "isdisabled": user.disabled,
        "accessmode": 4 if user.application_id else 0,
        "islicensed": not user.application_id,
        "nickname": user.columns.get("nickname"),
        "_businessunitid_value": user.business_unit_id,
        "systemuserroles_association": [row for row in _roles(organisation) if row["roleid"] in held],
    }


def _colleague(row_id: str, unfit: str | None, called: Mapping[str, str]) -> dict[str, Any]:
    """Makes a user who may own leads."""
    return {
        "systemuserid": row_id,
        "fullname": called.get("name", "Contoso"),
        "domainname": f"{row_id}@contoso.onmicrosoft.com",
        "internalemailaddress": called.get("email"),
        "isdisabled": unfit == "disabled",
    }


def _roles(organisation: Organisation) -> Rows:
    """Gives each role for every business unit: the root's own, and copies that point to it."""
    members = organisation.members()
    return [_role(members, role, unit) for role in members.roles().values() for unit in members.business_units()]


def _role(members: Members, role: Role, business_unit_id: str) -> dict[str, Any]:
    is_root = business_unit_id == members.root_id
    return {
        "roleid": role.copy_in(business_unit_id, root_id=members.root_id),
        "name": role.name,
        "description": role.columns.get("description"),
        "ismanaged": role.managed,
        "isinherited": role.columns.get("isinherited", 1),
        "_businessunitid_value": business_unit_id,
        "_parentroleid_value": None if is_root else role.role_id,
        "_parentrootroleid_value": role.role_id,
    }


def _business_units(organisation: Organisation) -> Rows:
    members = organisation.members()
    return [
        {
            "businessunitid": unit,
            "name": name,
            "isdisabled": False,
            "_parentbusinessunitid_value": None if unit == members.root_id else members.root_id,
        }
        for unit, name in members.business_units().items()
    ]


def _organizations(organisation: Organisation) -> Rows:
    return [{"organizationid": organisation.identity.organization_id, "name": "contoso", "isauditenabled": False}]


def _solutions(organisation: Organisation) -> Rows:
    return [
        {
            "solutionid": made_up_id("solutions", str(solution.get("uniquename"))),
            "uniquename": "",
            "friendlyname": solution.get("uniquename"),
            "version": "1.0.0.0",
            "ismanaged": True,
            "isvisible": True,
            **solution,
        }
        for solution in organisation.config.solutions
    ]


def _privileges(_organisation: Organisation) -> Rows:
    return [{"privilegeid": each, "name": name} for name, each in PRIVILEGES.items()]


def _targets(entity_set: str) -> Callable[[Organisation], Rows]:
    """Makes rows that a lead may point to, with id, name and, for teams, an e-mail address only."""
    key = f"{ENTITIES[entity_set]}id"

    def row(row_id: str, called: Mapping[str, str]) -> dict[str, Any]:
        address = {"emailaddress": called.get("email")} if entity_set == "teams" else {}
        return {key: row_id, "name": called.get("name", "Contoso"), **address}

    return lambda organisation: [
        row(each, organisation.config.names.get(each, {})) for each in organisation.rows()[entity_set]
    ]


def _steps(organisation: Organisation) -> Rows:
    return [_step(dict(step)) for step in organisation.config.plugin_steps]


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """Makes a step. Stage 20 is before the write, in its transaction; mode 0 is synchronous; state 0 is enabled."""
    name = str(step.get("name", "Contoso.Plugins.OnLead"))
    message, table = step.pop("message", "Create"), step.pop("table", "lead")
    message_id, filter_id = made_up_id("messages", message), made_up_id("filters", message, table)
    return {
        "sdkmessageprocessingstepid": made_up_id("steps", name, message, table),
        "name": name,
        "description": None,
        "stage": 20,
        "mode": 0,
        "rank": 1,
        "statecode": 0,
        "statuscode": 1,
        "ismanaged": False,
        "customizationlevel": 1,
        "asyncautodelete": False,
        "filteringattributes": None,
        "iscustomizable": {"Value": True},
        "ishidden": {"Value": False},
        "_sdkmessageid_value": message_id,
        "_sdkmessagefilterid_value": filter_id,
        "sdkmessageid": {"sdkmessageid": message_id, "name": message},
        "sdkmessagefilterid": {"sdkmessagefilterid": filter_id, "primaryobjecttypecode": table},
        **step,
    }


def _messages(organisation: Organisation) -> Rows:
    used = (row["sdkmessageid"]["name"] for row in _steps(organisation))
    names = dict.fromkeys(("Create", "Update", "Delete", *used))
    return [{"sdkmessageid": made_up_id("messages", name), "name": name} for name in names]


OTHER_TABLES: dict[str, OtherTable] = {
    "systemusers": OtherTable(key="systemuserid", privilege="prvReadUser", rows=_users),
    "roles": OtherTable(key="roleid", privilege="prvReadRole", rows=_roles),
    "businessunits": OtherTable(key="businessunitid", privilege="prvReadBusinessUnit", rows=_business_units),
    "organizations": OtherTable(key="organizationid", privilege="prvReadOrganization", rows=_organizations),
    "solutions": OtherTable(key="solutionid", privilege="prvReadSolution", rows=_solutions),
    "privileges": OtherTable(key="privilegeid", privilege="", rows=_privileges),
    **{
        name: OtherTable(key=f"{ENTITIES[name]}id", privilege="", rows=_targets(name))
        for name in ENTITIES
        if name != "systemusers"
    },
    "sdkmessages": OtherTable(key="sdkmessageid", privilege="prvReadSdkMessageProcessingStep", rows=_messages),
    "sdkmessageprocessingsteps": OtherTable(
        key="sdkmessageprocessingstepid", privilege="prvReadSdkMessageProcessingStep", rows=_steps
    ),
}
