"""Holds what can be changed from outside while the stand-in runs. Defaults are Microsoft's documented limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation import config_checks as checks
from devkit.standin.organisation.config_checks import ConfigError
from devkit.standin.organisation.security import EVERYTHING, ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

SOLUTION = {
    "uniquename": "MicrosoftMarketplacesLeadIntegrationSolution",
    "friendlyname": "Microsoft Marketplace Lead Writer",
    "version": "1.0.0.0",
    "ismanaged": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Limits are per user and server; `None` is unlimited.

    https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
    """

    requests_per_window: int | None = 6000
    execution_seconds_per_window: float | None = 1200
    concurrent_requests: int | None = 52
    window_seconds: float = 300
    servers: int = 1
    dop_hint: int = 4
    token_lifetime_seconds: int = 3599
    # The application user: active, disabled or missing; its roles; and their privileges: name -> depth.
    application_user: str = "active"
    roles: tuple[str, ...] = (ROLE,)
    privileges: dict[str, str] = field(default_factory=lambda: dict(EVERYTHING))
    solutions: tuple[dict[str, Any], ...] = (SOLUTION,)
    # The business units below the root, by name.
    business_units: tuple[str, ...] = ()
    # Who signs in by device code: the administrator, a user with few privileges, or somebody unknown; and
    # whether that is confirmed without a person, on the page, or declined there.
    person: str = "administrator"
    device_sign_in: str = "confirmed"
    # Registered plug-in steps: `name`, and where they differ from a synchronous one on creating a lead `message`,
    # `table`, `stage`, `mode`, `statecode`, `rank`.
    plugin_steps: tuple[dict[str, Any], ...] = ()
    # Lead columns that differ: name -> {kind, longest, options, required, with_time}, or None for a missing column.
    columns: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    # More rows of other tables that a lead may point to: entity set -> ids.
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # The organisation's own lookups: the name that it is bound by, whose case matters -> the sets it points into.
    lookups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # What users and teams of `rows` are called: id -> {name, email}.
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    # Users and teams that cannot have a lead: id -> `disabled`, or `no_privilege` on leads.
    unfit_owners: dict[str, str] = field(default_factory=dict)
    # Which managed identities the platform gives tokens for: `system`, `user`.
    managed_identities: tuple[str, ...] = ("system", "user")
    # More PEM certificates that are registered with the application.
    certificates: tuple[str, ...] = ()

    def changed(self, changes: Any) -> Config:
        if not isinstance(changes, dict):
            raise ConfigError("an object of settings is expected")
        known = {each.name for each in fields(self)}
        if unknown := sorted(set(changes) - known):
            raise ConfigError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        return replace(self, **{name: _CHECKS[name](name, value) for name, value in changes.items()})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


# An organisation in which leadpipe is not set up.
EMPTY = Config(application_user="missing", roles=(), solutions=())

_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "requests_per_window": checks.whole_or_unlimited,
    "execution_seconds_per_window": checks.number_or_unlimited,
    "concurrent_requests": checks.whole_or_unlimited,
    "window_seconds": checks.number,
    "servers": checks.whole,
    "dop_hint": checks.whole,
    "token_lifetime_seconds": checks.whole,
    "application_user": checks.application_user,
    "roles": checks.texts,
    "privileges": checks.privileges,
    "solutions": checks.objects,
    "business_units": checks.texts,
    "person": checks.person,
    "device_sign_in": checks.device_sign_in,
    "plugin_steps": checks.objects,
    "columns": checks.columns,
    "rows": checks.rows,
    "lookups": checks.lookups,
    "names": checks.names,
    "unfit_owners": checks.unfit_owners,
    "managed_identities": checks.managed_identities,
    "certificates": checks.certificates,
}
