"""Answers as the endpoint that Azure gives to an app with a managed identity, api-version 2019-08-01.

https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

from devkit.standin.organisation.faults import Sight, Stage
from devkit.standin.origin import origins
from devkit.standin.replies import json_reply
from devkit.standin.sign_in.refusal import SignInRefusal
from devkit.standin.sign_in.tokens import issue_token

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from devkit.standin.organisation.organisation import Organisation

PATH = "/msi/token"
_VERSION = "2019-08-01"
_NOT_FOUND = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."


def token(organisation: Organisation, request: Request) -> Response:
    header = request.headers.get("X-IDENTITY-HEADER", "")
    if not hmac.compare_digest(header.encode(), organisation.identity.identity_header.encode()):
        return _refused(401, "Unauthorized")
    try:
        organisation.strike(Stage.SIGN_IN, Sight(method=request.method, path=request.path))
    except SignInRefusal as refusal:
        return _refused(refusal.status, f"AADSTS{refusal.number}: {refusal.message}")
    if request.args.get("api-version") != _VERSION:
        return _refused(400, "Unsupported or missing api-version.")
    client_id = _identity(organisation, request.args.get("client_id"))
    if client_id is None:
        return _refused(400, _NOT_FOUND)
    resource = request.args.get("resource", "").removesuffix("/")
    if resource not in origins(request):
        return _refused(500, "An unexpected error occured while fetching the AAD Token.")
    return _granted(organisation, resource, client_id)


def _identity(organisation: Organisation, client_id: str | None) -> str | None:
    """Gives the client id of the requested identity; None if the app does not have it."""
    identity = organisation.identity
    kind, own = ("system", identity.managed_identity_id) if client_id is None else ("user", identity.user_identity_id)
    has_it = kind in organisation.config.managed_identities and client_id in (None, own)
    return own if has_it else None


def _granted(organisation: Organisation, resource: str, client_id: str) -> Response:
    now, lifetime = time.time(), organisation.config.token_lifetime_seconds
    access_token = issue_token(organisation.identity, audience=resource, now=now, lifetime=lifetime, appid=client_id)
    return json_reply(
        {
            "access_token": access_token,
            "expires_on": str(int(now) + lifetime),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": client_id,
        }
    )


def _refused(status: int, message: str) -> Response:
    return json_reply({"statusCode": status, "message": message, "correlationId": None}, status)
