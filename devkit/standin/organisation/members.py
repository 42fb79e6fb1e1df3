"""Keeps the organisation's business units, users and roles, and who has which role.

The configuration gives the first ones; those that an administrator makes over the Web API are kept in a file. Every
business unit has its own copy of a role, and a user can only have the copy of the user's own unit.
https://learn.microsoft.com/power-platform/admin/security-roles-privileges
"""

from __future__ import annotations

import functools
import json
import threading
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.identity import write_private
from devkit.standin.organisation.security import DEPTHS, EVERYTHING, Depth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from devkit.standin.organisation.config import Config
    from devkit.standin.organisation.identity import Identity

ADMINISTRATOR_ROLE = "System Administrator"
# What any person may read.
_BASIC_ROLE = "Basic User"
_BASIC = dict.fromkeys(("prvReadUser", "prvReadRole", "prvReadBusinessUnit"), Depth.GLOBAL.label)


@dataclass(slots=True, kw_only=True)
class Role:
    """The root business unit's role; `copy_in` gives the others' copies. `privileges`: name -> depth."""

    role_id: str
    name: str
    managed: bool = False
    columns: dict[str, Any] = field(default_factory=dict)
    privileges: dict[str, str] = field(default_factory=dict)

    def copy_in(self, business_unit_id: str, *, root_id: str) -> str:
        if business_unit_id == root_id:
            return self.role_id
        return str(uuid.uuid5(uuid.UUID(self.role_id), business_unit_id))


@dataclass(slots=True, kw_only=True)
class User:
    """An application user has `application_id`, a person has `account`."""

    user_id: str
    business_unit_id: str
    application_id: str | None = None
    account: str | None = None
    name: str = ""
    disabled: bool = False
    columns: dict[str, Any] = field(default_factory=dict)


class Made:
    """Keeps what administrators made. Hold `lock` around reading and the change that depends on it."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._path = path
        self.roles: dict[str, Role] = {}
        self.users: dict[str, User] = {}
        # User -> the copies of roles given to the user.
        self.given: dict[str, list[str]] = {}
        self._read()

    def keep(self) -> None:
        content = {
            "roles": [asdict(role) for role in self.roles.values()],
            "users": [asdict(user) for user in self.users.values()],
            "given": self.given,
        }
        write_private(self._path, json.dumps(content, indent=2))

    def clear(self) -> None:
        with self.lock:
            self.roles, self.users, self.given = {}, {}, {}
            self._path.unlink(missing_ok=True)

    def _read(self) -> None:
        if not self._path.exists():
            return
        content = json.loads(self._path.read_text(encoding="utf-8"))
        self.roles = {role["role_id"]: Role(**role) for role in content["roles"]}
        self.users = {user["user_id"]: User(**user) for user in content["users"]}
        self.given = content["given"]


class Members:
    """The organisation's members at this moment, for one request."""

    def __init__(self, identity: Identity, config: Config, made: Made) -> None:
        self.root_id = identity.business_unit_id
        self._identity = identity
        self._config = config
        self.made = made

    def business_units(self) -> dict[str, str]:
        """Maps ids to names. The first is the root, the others are its children."""
        children = {str(uuid.uuid5(uuid.UUID(self.root_id), name)): name for name in self._config.business_units}
        return {self.root_id: "Contoso", **children}

    def roles(self) -> dict[str, Role]:
        """Maps ids in the root business unit to roles."""
        brought = (
            Role(role_id=made_up_id("roles", name), name=name, managed=True, privileges=self._config.privileges)
            for name in self._config.roles
        )
        always = (
            Role(role_id=made_up_id("roles", name), name=name, managed=True, privileges=privileges)
            for name, privileges in ((ADMINISTRATOR_ROLE, EVERYTHING), (_BASIC_ROLE, _BASIC))
        )
        return {role.role_id: role for role in (*brought, *always, *self.made.roles.values())}

    def role_of_copy(self, copy_id: str) -> tuple[Role, str] | None:
        """Gives the role that this is a copy of, and the copy's business unit."""
        return self._copies.get(copy_id)

    def users(self) -> dict[str, User]:
        there = (*self._configured_users(), *self.made.users.values())
        return {user.user_id: user for user in there}

    def copies_given(self, user: User) -> list[str]:
        """Gives the ids of the copies that the user has."""
        copies = list(self.made.given.get(user.user_id, ()))
        if user.user_id == self._identity.user_id:
            copies += [made_up_id("roles", name) for name in self._config.roles]
        if user.user_id == self._identity.administrator_id:
            copies.append(made_up_id("roles", ADMINISTRATOR_ROLE))
        if user.user_id == self._identity.person_id:
            copies.append(made_up_id("roles", _BASIC_ROLE))
        known = (copy for copy in copies if self.role_of_copy(copy))
        return list(dict.fromkeys(known))

    def privileges(self, user: User) -> dict[str, str]:
        """Gives the widest depth of each privilege over all the user's roles."""
        found = (self.role_of_copy(copy) for copy in self.copies_given(user))
        return _widest(role.privileges for role, _ in filter(None, found))

    @functools.cached_property
    def _copies(self) -> dict[str, tuple[Role, str]]:
        units = self.business_units()
        return {
            role.copy_in(unit, root_id=self.root_id): (role, unit) for role in self.roles().values() for unit in units
        }

    def _configured_users(self) -> list[User]:
        identity, state = self._identity, self._config.application_user
        domain = identity.user_name.rpartition("@")[2]
        people = [
            User(user_id=user_id, business_unit_id=self.root_id, account=f"{name.lower()}@{domain}", name=name)
            for user_id, name in ((identity.administrator_id, "Administrator"), (identity.person_id, "Salesperson"))
        ]
        if state == "missing":
            account = User(
                user_id=identity.account_id, business_unit_id=self.root_id, account=identity.user_name, name="Leads"
            )
            return [*people, account]
        leadpipe = User(
            user_id=identity.user_id,
            business_unit_id=self.root_id,
            application_id=identity.client_id,
            account=identity.user_name,
            name="# leadpipe",
            disabled=state == "disabled",
        )
        return [*people, leadpipe]


@functools.lru_cache(maxsize=1024)
def made_up_id(*parts: str) -> str:
    """Makes an id from a name, the same in every process."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "https://standin.invalid/" + "/".join(parts)))


def _widest(sets: Iterable[Mapping[str, str]]) -> dict[str, str]:
    held: dict[str, str] = {}
    for privileges in sets:
        for name, depth in privileges.items():
            if name not in held or DEPTHS[depth] > DEPTHS[held[name]]:
                held[name] = depth
    return held
