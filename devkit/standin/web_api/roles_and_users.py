"""Changes roles, their privileges, users, and who has which role, for an administrator.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/reference/role and .../systemuser
Where no page documents a refusal's code, it is the general one for an invalid argument.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.members import Role, User
from devkit.standin.organisation.security import DEPTHS, PRIVILEGES, user_disabled
from devkit.standin.refusal import Refusal
from devkit.standin.replies import no_content
from devkit.standin.web_api.validation import parse_guid, read_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Response

    from devkit.standin.web_api.gate import Call

_ROLE_COLUMNS = {"name", "description", "isinherited"}
_USER_COLUMNS = {"firstname", "lastname", "internalemailaddress", "nickname", "isdisabled", "applicationid"}
_REFERENCE = re.compile(r"(?:.*/)?(?P<set>[a-z]+)\((?P<id>[0-9a-fA-F-]{36})\)")
_BUSINESS_UNIT = "businessunitid@odata.bind"


def create_role(call: Call) -> Response:
    call.require("prvCreateRole")
    body = _body(call, _ROLE_COLUMNS | {_BUSINESS_UNIT, "roleid"})
    members = call.organisation.members()
    if _business_unit(call, body) != members.root_id:
        raise _invalid("A role of another business unit than the root is not supported by this stand-in.")
    if not body.get("name"):
        raise _invalid("The role has no name.")
    with members.made.lock:
        if any(role.name.lower() == body["name"].lower() for role in members.roles().values()):
            raise Refusal(412, "0x80040237", "A record with matching key values already exists.")
        role_id = str(body.get("roleid") or uuid.uuid4())
        columns = {name: value for name, value in body.items() if name in _ROLE_COLUMNS}
        members.made.roles[role_id] = Role(role_id=role_id, name=body["name"], columns=columns)
        members.made.keep()
    return _created(call, f"roles({role_id})")


def delete_role(call: Call, key: str) -> Response:
    call.require("prvDeleteRole")
    role = _own_role(call, key)
    made = call.organisation.made
    with made.lock:
        del made.roles[role.role_id]
        made.keep()
    return no_content()


def add_privileges(call: Call, key: str) -> Response:
    """Adds privileges. One that the role has already gets the new depth."""
    call.require("prvWriteRole")
    role = _own_role(call, key)
    wanted = [_privilege(each) for each in _body(call, {"Privileges"}).get("Privileges") or ()]
    with call.organisation.made.lock:
        role.privileges.update(wanted)
        call.organisation.made.keep()
    return no_content()


def remove_privilege(call: Call, key: str) -> Response:
    call.require("prvWriteRole")
    role = _own_role(call, key)
    name = _privilege_name(str(_body(call, {"PrivilegeId"}).get("PrivilegeId")))
    with call.organisation.made.lock:
        role.privileges.pop(name, None)
        call.organisation.made.keep()
    return no_content()


def create_user(call: Call) -> Response:
    """Creates an application user. People come from the directory."""
    call.require("prvCreateUser")
    body = _body(call, _USER_COLUMNS | {_BUSINESS_UNIT, "systemuserid"})
    if _BUSINESS_UNIT not in body:
        # Observed, not documented.
        raise Refusal(500, "0x80040216", "An unexpected error occurred.")
    unit, application_id = _business_unit(call, body), parse_guid(str(body.get("applicationid", "")))
    members = call.organisation.members()
    with members.made.lock:
        if any(user.application_id == application_id for user in members.users().values()):
            raise Refusal(400, "0x8004f511", "Another user already exists with the same application ID.")
        user_id = str(body.get("systemuserid") or uuid.uuid4())
        members.made.users[user_id] = User(
            user_id=user_id,
            business_unit_id=unit,
            application_id=application_id,
            account=f"{application_id}@{call.identity.tenant_id}",
            name="# " + str(body.get("lastname") or "application"),
            columns={name: value for name, value in body.items() if name in _USER_COLUMNS},
        )
        members.made.keep()
    return _created(call, f"systemusers({user_id})")


def update_user(call: Call, key: str) -> Response:
    call.require("prvDisableUser")
    user = _made_user(call, key)
    body = _body(call, _USER_COLUMNS)
    with call.organisation.made.lock:
        user.disabled = bool(body.get("isdisabled", user.disabled))
        call.organisation.made.keep()
    return no_content()


def delete_user(call: Call, key: str) -> Response:
    """Deletes a user that is disabled and owns nothing."""
    call.require("prvDeleteUser")
    user, made = _made_user(call, key), call.organisation.made
    if not user.disabled:
        raise _invalid(
            f"User with SystemUserId={user.user_id} is not disabled. Please disable the user in the organization "
            "before attempting to delete."
        )
    if any(lead.columns.get("_ownerid_value") == user.user_id for lead in call.organisation.leads.newest()):
        raise Refusal(400, "0x80048610", "Can't delete a user which owns records. Reassign or delete the records.")
    with made.lock:
        made.users.pop(user.user_id, None)
        made.given.pop(user.user_id, None)
        made.keep()
    return no_content()


def give_role(call: Call, key: str) -> Response:
    """Gives a role's copy of the user's own business unit, unless the user is disabled."""
    call.require("prvAssignRole")
    user = _enabled_user(call, key)
    copy_id = _reference(str(_body(call, {"@odata.id"}).get("@odata.id")), "roles")
    found = call.organisation.members().role_of_copy(copy_id)
    if found is None:
        raise _missing("role", copy_id)
    if found[1] != user.business_unit_id:
        raise _invalid("The user and the role do not belong to the same business unit.")
    return _given(call, user, lambda given: given if copy_id in given else [*given, copy_id])


def take_role(call: Call, key: str, role: str) -> Response:
    call.require("prvAssignRole")
    user = _enabled_user(call, key)
    if role.lower() not in call.organisation.members().copies_given(user):
        raise _missing("role", role)
    return _given(call, user, lambda given: [each for each in given if each != role.lower()])


def _given(call: Call, user: User, change: Callable[[list[str]], list[str]]) -> Response:
    made = call.organisation.made
    with made.lock:
        made.given[user.user_id] = change(made.given.get(user.user_id, []))
        made.keep()
    return no_content()


def _enabled_user(call: Call, key: str) -> User:
    user = _user(call, key)
    if user.disabled:
        raise user_disabled(call.identity)
    return user


def _user(call: Call, key: str) -> User:
    user = call.organisation.members().users().get(key.lower())
    if user is None:
        raise _missing("systemuser", key)
    return user


def _made_user(call: Call, key: str) -> User:
    """Finds a user made over the Web API. Those of the configuration are changed there."""
    user = _user(call, key)
    if user.user_id not in call.organisation.made.users:
        raise _invalid("Only users that were made over the Web API can be changed in this stand-in.")
    return user


def _own_role(call: Call, key: str) -> Role:
    """Finds a role that may be changed: neither a managed one nor a copy."""
    found = call.organisation.members().role_of_copy(key.lower())
    if found is None:
        raise _missing("role", key)
    role, unit = found
    if role.managed or unit != call.organisation.members().root_id:
        raise _invalid("A managed role, or a role that is inherited from a parent, cannot be changed.")
    return role


def _business_unit(call: Call, body: dict[str, Any]) -> str:
    unit = _reference(str(body.get(_BUSINESS_UNIT)), "businessunits")
    if unit not in call.organisation.members().business_units():
        raise _missing("businessunit", unit)
    return unit


def _privilege(row: Any) -> tuple[str, str]:
    """Reads a privilege. Its depth is a name or a number, as text."""
    depth = str(row.get("Depth"))
    label = next((label for label, value in DEPTHS.items() if depth in (label, str(int(value)))), None)
    if label is None:
        raise Refusal(400, "0x80048d19", f"Cannot convert the literal '{depth}' to the expected type 'PrivilegeDepth'.")
    return _privilege_name(str(row.get("PrivilegeId"))), label


def _privilege_name(privilege_id: str) -> str:
    for name, each in PRIVILEGES.items():
        if each == privilege_id.lower():
            return name
    raise _missing("privilege", privilege_id)


def _body(call: Call, known: set[str]) -> dict[str, Any]:
    body = read_body(call.request.get_data())
    if unknown := sorted(name for name in set(body) - known if not name.startswith("@odata.type")):
        raise Refusal(400, "0x80048d19", f"Invalid property '{unknown[0]}' was found in entity or action.")
    return body


def _reference(text: str, entity_set: str) -> str:
    found = _REFERENCE.fullmatch(text)
    if found is None or found["set"] != entity_set:
        raise Refusal(400, "0x80048d19", "The reference is not one to a row of the expected set.")
    return found["id"].lower()


def _created(call: Call, path: str) -> Response:
    answer = no_content()
    answer.headers["OData-EntityId"] = f"{call.api}/{path}"
    return answer


def _missing(entity: str, key: str) -> Refusal:
    return Refusal(404, "0x80040217", f"Entity '{entity}' With Id = {key} Does Not Exist")


def _invalid(text: str) -> Refusal:
    return Refusal(400, "0x80040203", text)
