"""Defines privileges and depths, and Dataverse's answers when one is missing or too shallow.

https://learn.microsoft.com/power-apps/developer/data-platform/security-concepts
"""

from __future__ import annotations

import uuid
from enum import IntEnum
from typing import TYPE_CHECKING

from devkit.standin.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devkit.standin.organisation.identity import Identity


class Depth(IntEnum):
    """How far a privilege reaches: the user's own rows, the business unit's, those below it too, all."""

    BASIC = 0
    LOCAL = 1
    DEEP = 2
    GLOBAL = 3

    @property
    def label(self) -> str:
        return self.name.title()


DEPTHS = {depth.label: depth for depth in Depth}

# Microsoft publishes these ids. Those of _OTHERS are made up, since no page lists them.
_PUBLISHED = {
    "prvCreateLead": "a41f965b-2619-4c73-8625-da31945cccc7",
    "prvReadLead": "a8ecac53-09e8-4a13-b598-8d8c87bc3d33",
    "prvAppendLead": "387d6489-cfcc-47d7-98af-5b7946d7691d",
    "prvAppendToLead": "5e8d193d-184d-44be-92d8-0f3845d7a9eb",
    "prvAssignLead": "7755e1bc-6f11-465e-8ed0-a1616c5d32c4",
    "prvReadAsyncOperation": "e84acc8f-0c61-43e3-a716-20964a483bdf",
    "prvWriteAsyncOperation": "4440769e-8d79-41fc-ae45-cd65480ffdba",
    "prvAppendAsyncOperation": "25523f7c-7b1d-4844-8d2d-50767d6faa94",
    "prvCreateUserEntityUISettings": "8d2aa266-8fee-43a4-85e7-2aa1aaab5259",
    "prvReadUserEntityUISettings": "8d2aa266-8fee-43a4-85e7-2aa1aaab525a",
    "prvWriteUserEntityUISettings": "8d2aa266-8fee-43a4-85e7-2aa1aaab525b",
}
_OTHERS = (
    "prvWriteLead",
    "prvDeleteLead",
    "prvCreateNote",
    "prvReadNote",
    "prvWriteNote",
    "prvDeleteNote",
    "prvAppendNote",
    "prvAssignNote",
    "prvAppendToCampaign",
    "prvAppendToTransactionCurrency",
    "prvAppendToAccount",
    "prvAppendToContact",
    "prvAppendToIncident",
    "prvAppendToOpportunity",
    "prvAppendToActivity",
    "prvAppendToSLA",
    "prvAppendToAsyncOperation",
    "prvOverrideCreatedOnCreatedBy",
    "prvReadUser",
    "prvReadRole",
    "prvReadBusinessUnit",
    "prvReadOrganization",
    "prvReadSolution",
    "prvReadSdkMessageProcessingStep",
    "prvReadEntity",
    "prvReadAttribute",
    "prvCreateUser",
    "prvWriteUser",
    "prvDeleteUser",
    "prvDisableUser",
    "prvCreateRole",
    "prvWriteRole",
    "prvDeleteRole",
    "prvAssignRole",
)
PRIVILEGES = _PUBLISHED | {
    name: str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://standin.invalid/privileges/{name}")) for name in _OTHERS
}
# Entity set -> the privilege that pointing at its rows takes.
APPEND_TO = {
    "leads": "prvAppendToLead",
    "campaigns": "prvAppendToCampaign",
    "transactioncurrencies": "prvAppendToTransactionCurrency",
    "accounts": "prvAppendToAccount",
    "contacts": "prvAppendToContact",
    "incidents": "prvAppendToIncident",
    "opportunities": "prvAppendToOpportunity",
    "campaignresponses": "prvAppendToActivity",
    "slas": "prvAppendToSLA",
}
# What it takes to set overriddencreatedon.
OVERRIDE_CREATED_ON = "prvOverrideCreatedOnCreatedBy"
EVERYTHING = dict.fromkeys(PRIVILEGES, Depth.GLOBAL.label)

ROLE = "Microsoft Marketplace Lead Writer"


def privilege_denied(identity: Identity, privilege: str, *, held: int) -> Refusal:
    """Its text always names the lead table, whatever the privilege is about."""
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


def check_owner(owner_id: str, unfit: str | None) -> None:
    """Refuses an owner who may not read leads or is disabled."""
    if unfit == "no_privilege":
        raise Refusal(
            403,
            "0x80040231",
            f"Principal with id {owner_id} does not have ReadAccess right(s) for record of entity 'lead'.",
        )
    if unfit == "disabled":
        raise Refusal(
            403, "0x80040225", f"The specified user(Id = {owner_id}) is disabled. Consider enabling this user."
        )


def privileges_of(held: Mapping[str, str], business_unit_id: str) -> list[dict[str, str]]:
    """Lists privileges as RetrieveUserPrivileges does."""
    return [
        {
            "Depth": depth,
            "PrivilegeId": PRIVILEGES[name],
            "BusinessUnitId": business_unit_id,
            "PrivilegeName": name,
        }
        for name, depth in held.items()
    ]
