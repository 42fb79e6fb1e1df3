"""Answers the functions of the Web API about the caller and the organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devkit.standin.organisation.security import privileges_of
from devkit.standin.refusal import Refusal
from devkit.standin.replies import json_reply

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from devkit.standin.web_api.gate import Call


_VERSION = "9.2.24014.00198"


def who_am_i(call: Call) -> Response:
    identity = call.identity
    return json_reply(
        {
            "@odata.context": f"{call.api}/$metadata#Microsoft.Dynamics.CRM.WhoAmIResponse",
            "BusinessUnitId": identity.business_unit_id,
            "UserId": identity.user_id,
            "OrganizationId": identity.organization_id,
        }
    )


def retrieve_version(call: Call) -> Response:
    return json_reply(
        {
            "@odata.context": f"{call.api}/$metadata#Microsoft.Dynamics.CRM.RetrieveVersionResponse",
            "Version": _VERSION,
        }
    )


def retrieve_current_organization(call: Call, **_access: str) -> Response:
    identity, origin = call.organisation.identity, call.api.split("/api/")[0]
    return json_reply(
        {
            "@odata.context": f"{call.api}/$metadata#Microsoft.Dynamics.CRM.RetrieveCurrentOrganizationResponse",
            "Detail": {
                "OrganizationId": identity.organization_id,
                "FriendlyName": "Stand-in",
                "OrganizationVersion": _VERSION,
                "EnvironmentId": identity.organization_id,
                "TenantId": identity.tenant_id,
                "Geo": "EUR",
                "UrlName": "standin",
                "UniqueName": "standin",
                "State": "Enabled",
                "Endpoints": {"Count": 1, "Keys": ["WebApplication"], "Values": [f"{origin}/"]},
            },
        }
    )


def retrieve_user_privileges(call: Call, key: str) -> Response:
    """Lists the caller's privileges or, with the right to read users, another user's."""
    user = call.organisation.members().users().get(key.lower())
    if user is None:
        raise Refusal(404, "0x80040217", f"Entity 'systemuser' With Id = {key} Does Not Exist")
    if user.user_id != call.identity.user_id:
        call.require("prvReadUser")
    return json_reply(
        {
            "@odata.context": f"{call.api}/$metadata#Microsoft.Dynamics.CRM.RetrieveUserPrivilegesResponse",
            "RolePrivileges": privileges_of(call.organisation.members().privileges(user), user.business_unit_id),
        }
    )


def retrieve_role_privileges(call: Call, key: str) -> Response:
    call.require("prvReadRole")
    found = call.organisation.members().role_of_copy(key.lower())
    if found is None:
        raise Refusal(404, "0x80040217", f"Entity 'role' With Id = {key} Does Not Exist")
    role, business_unit_id = found
    return json_reply(
        {
            "@odata.context": f"{call.api}/$metadata#Microsoft.Dynamics.CRM.RetrieveRolePrivilegesRoleResponse",
            "RolePrivileges": privileges_of(role.privileges, business_unit_id),
        }
    )
