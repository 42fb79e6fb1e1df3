"""What of the stand-in can be changed from outside while it runs; the defaults are Microsoft's documented numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from devkit.standin.security import PRIVILEGES


class ConfigError(ValueError):
    """A change that makes no sense; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Limits are per user and server, and `None` is unlimited.

    https://learn.microsoft.com/power-apps/developer/data-platform/api-limits
    """

    requests_per_window: int | None = 6000
    execution_seconds_per_window: float | None = 1200
    concurrent_requests: int | None = 52
    window_seconds: float = 300
    servers: int = 1
    dop_hint: int = 4
    token_lifetime_seconds: int = 3599
    privileges: tuple[str, ...] = tuple(PRIVILEGES)
    # Rows of other tables that a lead may point to, beside those that are always there: entity set -> ids.
    rows: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def changed(self, changes: Any) -> Config:
        if not isinstance(changes, dict):
            raise ConfigError("an object of settings is expected")
        known = {each.name for each in fields(self)}
        if unknown := sorted(set(changes) - known):
            raise ConfigError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        return replace(self, **{name: _checked(name, value) for name, value in changes.items()})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


_UNLIMITED = {"requests_per_window", "execution_seconds_per_window", "concurrent_requests"}
_WHOLE = {"requests_per_window", "concurrent_requests", "servers", "dop_hint", "token_lifetime_seconds"}


def _checked(name: str, value: Any) -> Any:
    if name == "privileges":
        return _checked_privileges(value)
    if name == "rows":
        return _checked_rows(value)
    if value is None and name in _UNLIMITED:
        return None
    kinds = int if name in _WHOLE else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or value <= 0:
        raise ConfigError(f"{name}: a number over 0 is expected")
    return value


def _checked_privileges(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(name in PRIVILEGES for name in value):
        raise ConfigError(f"privileges: a list of any of {', '.join(PRIVILEGES)} is expected")
    return tuple(value)


def _checked_rows(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not all(isinstance(ids, list) for ids in value.values()):
        raise ConfigError("rows: an object of entity set to list of ids is expected")
    return {entity_set: tuple(str(row).lower() for row in ids) for entity_set, ids in value.items()}
