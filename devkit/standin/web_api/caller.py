"""Finds the organisation's user for a token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from devkit.standin.organisation.security import no_application_user, no_role, user_disabled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devkit.standin.organisation.identity import Identity
    from devkit.standin.organisation.members import User
    from devkit.standin.organisation.organisation import Organisation
    from devkit.standin.sign_in.tokens import Bearer


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """`identity` is the organisation's, with this user instead of the usual one. `privileges`: name -> depth."""

    identity: Identity
    privileges: Mapping[str, str]


def admitted(organisation: Organisation, bearer: Bearer) -> Caller:
    """Gives the caller of a request. Raises Dataverse's answer to one without access."""
    members = organisation.members()
    user = _user_of(organisation.identity, members.users(), bearer)
    if user is None:
        raise no_application_user()
    identity = replace(organisation.identity, user_id=user.user_id, business_unit_id=user.business_unit_id)
    if user.disabled:
        raise user_disabled(identity)
    if not members.copies_given(user):
        raise no_role(identity)
    return Caller(identity=identity, privileges=members.privileges(user))


def _user_of(identity: Identity, users: Mapping[str, User], bearer: Bearer) -> User | None:
    """Finds the user. If the configuration has an application user, every application and the account are that one."""
    if bearer.person and bearer.person != identity.account_id:
        return users.get(bearer.person)
    if identity.user_id in users:
        return users[identity.user_id]
    if bearer.person:
        return users.get(bearer.person)
    return next((user for user in users.values() if user.application_id == bearer.application), None)
