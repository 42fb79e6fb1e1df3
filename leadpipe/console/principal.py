"""Reads who has signed in from the header in which App Service Authentication names the person.

https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ENTRA = "aad"
# The host takes 32 KiB of headers at most.
LONGEST_HEADER = 32 << 10
LONGEST_NAME = 256
# App roles are claims of this type, whatever `role_typ` says.
_ROLES = "roles"
# What a person is called in the leads' history: the first of these that the person has.
_NAMES = (
    "preferred_username",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "upn",
    "name",
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "oid",
)


class AppRole(StrEnum):
    """The app roles of the console's registration in Entra, infra/console-roles.json."""

    READ = "leadpipe.read"
    OPERATE = "leadpipe.operate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    name: str
    roles: frozenset[str]


class Unreadable(ValueError):
    """The header is not what App Service sends. The text quotes nothing of it."""


def principal_of(header: str) -> Principal:
    """Raises Unreadable."""
    document = _document(header)
    if document.get("auth_typ") != ENTRA:
        raise Unreadable("it does not come from a sign-in with Entra")
    claims = [*_claims(document.get("claims"))]
    values = dict(reversed(claims))  # the first of a type
    name = next((name for kind in _NAMES if (name := _fitting(values.get(kind, "")))), "")
    if not name:
        raise Unreadable("it names nobody")
    return Principal(name=name, roles=frozenset(value for kind, value in claims if kind == _ROLES))


def _document(header: str) -> dict[str, Any]:
    if len(header) > LONGEST_HEADER:
        raise Unreadable("it is too long")
    try:
        text = base64.b64decode(header.encode("ascii"), validate=True).decode()
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise Unreadable("it is not JSON text in base64") from error
    if not isinstance(document, dict):
        raise Unreadable("it is not a JSON object")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Which of two values counts must not depend on who reads them."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _claims(claims: object) -> Iterator[tuple[str, str]]:
    for claim in claims if isinstance(claims, list) else [None]:
        kind, value = (claim.get("typ"), claim.get("val")) if isinstance(claim, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(value, str):
            raise Unreadable("its claims are not pairs of texts")
        yield kind, value


def _fitting(name: str) -> str:
    """The name as it may stand in a history; empty if it may not."""
    name = name.strip()
    return name if name.isprintable() and len(name) <= LONGEST_NAME else ""
