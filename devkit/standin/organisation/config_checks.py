"""Checks changes of the configuration. Each check gives the value as the configuration keeps it."""

from __future__ import annotations

import re
from typing import Any

from cryptography import x509

from devkit.standin.organisation.columns import Kind
from devkit.standin.organisation.security import DEPTHS, PRIVILEGES, Depth

_COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_COLUMN_KEYS = {"kind", "longest", "options", "required", "with_time"}
_NAMES = {"name", "email"}
_UNFIT = ("disabled", "no_privilege")
_IDENTITIES = ("system", "user")


class ConfigError(ValueError):
    """A change is invalid; the text says why."""


def number(name: str, value: Any) -> Any:
    return _over_zero(name, value, (int, float))


def whole(name: str, value: Any) -> Any:
    return _over_zero(name, value, (int,))


def number_or_unlimited(name: str, value: Any) -> Any:
    return None if value is None else number(name, value)


def whole_or_unlimited(name: str, value: Any) -> Any:
    return None if value is None else whole(name, value)


def texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise ConfigError(f"{name}: a list of texts is expected")
    return tuple(value)


def objects(name: str, value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ConfigError(f"{name}: a list of objects is expected")
    return tuple(value)


def application_user(name: str, value: Any) -> str:
    return _one_of(name, value, ("active", "disabled", "missing"))


def person(name: str, value: Any) -> str:
    return _one_of(name, value, ("administrator", "user", "stranger"))


def device_sign_in(name: str, value: Any) -> str:
    return _one_of(name, value, ("confirmed", "on_the_page", "declined", "expired"))


def managed_identities(name: str, value: Any) -> tuple[str, ...]:
    if not set(texts(name, value)) <= set(_IDENTITIES):
        raise ConfigError(f"{name}: a list of any of {', '.join(_IDENTITIES)} is expected")
    return tuple(value)


def privileges(name: str, value: Any) -> dict[str, str]:
    """Reads a list of names, all organisation-wide, or an object of name to depth."""
    depths = dict.fromkeys(value, Depth.GLOBAL.label) if isinstance(value, list) else value
    if not isinstance(depths, dict) or not all(held in PRIVILEGES for held in depths):
        raise ConfigError(f"{name}: a list, or an object with depths, of any of {', '.join(PRIVILEGES)} is expected")
    if not all(depth in DEPTHS for depth in depths.values()):
        raise ConfigError(f"{name}: a depth is one of {', '.join(DEPTHS)}")
    return depths


def rows(name: str, value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not all(isinstance(ids, list) for ids in value.values()):
        raise ConfigError(f"{name}: an object of entity set to list of ids is expected")
    return {entity_set: tuple(str(row).lower() for row in ids) for entity_set, ids in value.items()}


def lookups(name: str, value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not all(_COLUMN_NAME.fullmatch(link.lower()) for link in value):
        raise ConfigError(f"{name}: an object of a lookup's name to a list of entity sets is expected")
    return {link: texts(f"{name}.{link}", sets) for link, sets in value.items()}


def names(name: str, value: Any) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict) or not all(isinstance(each, dict) for each in value.values()):
        raise ConfigError(f"{name}: an object of id to {{name, email}} is expected")
    for row, called in value.items():
        if not set(called) <= _NAMES or not all(isinstance(text, str) for text in called.values()):
            raise ConfigError(f"{name}.{row}: an object of any of {', '.join(sorted(_NAMES))} is expected")
    return {str(row).lower(): called for row, called in value.items()}


def unfit_owners(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(why in _UNFIT for why in value.values()):
        raise ConfigError(f"{name}: an object of id to one of {', '.join(_UNFIT)} is expected")
    return {str(row).lower(): why for row, why in value.items()}


def certificates(name: str, value: Any) -> tuple[str, ...]:
    try:
        for text in texts(name, value):
            x509.load_pem_x509_certificate(text.encode())
    except ValueError as error:
        raise ConfigError(f"{name}: a list of PEM certificates is expected") from error
    return tuple(value)


def columns(name: str, value: Any) -> dict[str, dict[str, Any] | None]:
    """Checks columns. Names end up in addresses, so only those that Dataverse allows are accepted."""
    if not isinstance(value, dict) or not all(_COLUMN_NAME.fullmatch(column) for column in value):
        raise ConfigError(f"{name}: an object of lower-case column names is expected")
    for column, changes in value.items():
        if changes is not None:
            _check_column(f"{name}.{column}", changes)
    return value


def _check_column(name: str, changes: Any) -> None:
    if not isinstance(changes, dict) or not set(changes) <= _COLUMN_KEYS:
        raise ConfigError(f"{name}: an object of any of {', '.join(sorted(_COLUMN_KEYS))} is expected")
    kinds = [kind.value for kind in Kind if kind not in (Kind.LOOKUP, Kind.OWNER)]
    if changes.get("kind", Kind.TEXT.value) not in kinds:
        raise ConfigError(f"{name}: kind is one of {', '.join(kinds)}")
    if "longest" in changes:
        whole(f"{name}.longest", changes["longest"])
    if not isinstance(changes.get("with_time", False), bool):
        raise ConfigError(f"{name}.with_time: true or false is expected")
    options = changes.get("options", {})
    if not isinstance(options, dict) or not all(re.fullmatch(r"-?\d{1,9}", key) for key in options):
        raise ConfigError(f"{name}: options is an object of value to label")


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ConfigError(f"{name}: one of {', '.join(known)} is expected")
    return str(value)


def _over_zero(name: str, value: Any, kinds: tuple[type[Any], ...]) -> Any:
    if isinstance(value, bool) or not isinstance(value, kinds) or value <= 0:
        raise ConfigError(f"{name}: a number over 0 is expected")
    return value
