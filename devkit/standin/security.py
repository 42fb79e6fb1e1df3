"""The application user and its role: which privilege is missing, and in what words Dataverse says so.

https://learn.microsoft.com/power-apps/developer/data-platform/security-concepts
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from devkit.standin.refusal import Refusal

if TYPE_CHECKING:
    from devkit.standin.identity import Identity

# The first five ids are those that Microsoft publishes; the others are made up, since an organisation has them but no
# page lists them.
PRIVILEGES = {
    "prvCreateLead": "a41f965b-2619-4c73-8625-da31945cccc7",
    "prvReadLead": "a8ecac53-09e8-4a13-b598-8d8c87bc3d33",
    "prvAppendLead": "387d6489-cfcc-47d7-98af-5b7946d7691d",
    "prvAppendToLead": "5e8d193d-184d-44be-92d8-0f3845d7a9eb",
    "prvAssignLead": "7755e1bc-6f11-465e-8ed0-a1616c5d32c4",
} | {
    name: str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://standin.invalid/privileges/{name}"))
    for name in ("prvWriteLead", "prvDeleteLead", "prvAppendToCampaign", "prvAppendToTransactionCurrency")
}


def privilege_denied(identity: Identity, privilege: str, *, held: int) -> Refusal:
    return Refusal(
        403,
        "0x80040220",
        f"Principal user (Id={identity.user_id}, type=8, roleCount=1, privilegeCount={held}, accessMode=4), is missing "
        f"{privilege} privilege (Id={PRIVILEGES.get(privilege, uuid.UUID(int=0))}) on OTC=4 for entity 'lead' "
        f"(LocalizedName='Lead'). context.Caller={identity.user_id}. Consider adding missed privilege to one of the "
        "principal (user/team) roles.",
    )


def no_application_user() -> Refusal:
    return Refusal(403, "0x80072560", "The user is not a member of the organization.")


def no_role(identity: Identity) -> Refusal:
    return Refusal(
        403,
        "0x80042f09",
        f"User with SystemUserId={identity.user_id} in OrganizationContext={identity.organization_id} is not assigned "
        "any security role.",
    )


def user_disabled(identity: Identity) -> Refusal:
    return Refusal(
        403, "0x80040225", f"The specified user(Id = {identity.user_id}) is disabled. Consider enabling this user."
    )


def privileges_of(names: tuple[str, ...], business_unit_id: str) -> list[dict[str, str]]:
    """As RetrieveUserPrivileges answers them, organisation-wide."""
    return [
        {
            "Depth": "Global",
            "PrivilegeId": PRIVILEGES[name],
            "BusinessUnitId": business_unit_id,
            "PrivilegeName": name,
        }
        for name in names
    ]
