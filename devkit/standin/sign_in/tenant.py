"""Refuses a sign-in to another directory than the stand-in's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devkit.standin.sign_in.refusal import sign_in_error

if TYPE_CHECKING:
    from devkit.standin.organisation.organisation import Organisation


def check_tenant(organisation: Organisation, tenant: str) -> None:
    """Checks the directory. With `organizations` Entra finds it by the domain of the user's name."""
    if tenant == "organizations":
        return
    if tenant.lower() != organisation.identity.tenant_id:
        raise sign_in_error(90002)
