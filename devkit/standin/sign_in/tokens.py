"""Issues access tokens, signed for one audience and a time, and checks them for the Web API."""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt

from devkit.standin.refusal import unauthorized

if TYPE_CHECKING:
    from collections.abc import Collection

    from jwt.types import Options

    from devkit.standin.organisation.identity import Identity

_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """The token's owner: an application, or `person` if set, who signed in through the application."""

    application: str
    person: str


def issue_token(
    identity: Identity, *, audience: str, now: float, lifetime: int, appid: str = "", person: str = ""
) -> str:
    """Issues a token. `appid` is the application, unless it is the stand-in's own."""
    claims = {
        "aud": audience,
        "tid": identity.tenant_id,
        "appid": appid or identity.client_id,
        **({"oid": person} if person else {}),
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + lifetime,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, identity.signing_key, _ALGORITHM)


def check_bearer(identity: Identity, authorization: str | None, *, audiences: Collection[str], now: float) -> Bearer:
    """Checks a token. Dataverse answers 401 without a body for any fault."""
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer":
        raise unauthorized()
    try:
        expires, audience, bearer = _signed_claims(token, identity.signing_key)
    except jwt.InvalidTokenError as error:
        raise unauthorized() from error
    if expires <= now or audience not in audiences:
        raise unauthorized()
    return bearer


@functools.lru_cache(maxsize=1024)
def _signed_claims(token: str, signing_key: str) -> tuple[int, str, Bearer]:
    """Reads a token's claims. Cached, because a client sends the same token thousands of times."""
    options: Options = {"require": ["exp", "aud"], "verify_exp": False, "verify_aud": False}
    claims = jwt.decode(token, signing_key, [_ALGORITHM], options=options)
    bearer = Bearer(application=str(claims.get("appid", "")).lower(), person=str(claims.get("oid", "")))
    return claims["exp"], claims["aud"], bearer
