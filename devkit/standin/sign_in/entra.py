"""Answers as Entra: the discovery document and the token endpoint.

A kind of sign-in is an entry in `_GRANTS`; a kind of application credential is a branch in `_authenticate`.
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import hmac
import time
import uuid
from typing import TYPE_CHECKING

import jwt

from devkit.standin.organisation.faults import Sight, Stage
from devkit.standin.origin import origin_of, origins
from devkit.standin.replies import json_reply
from devkit.standin.sign_in import client_assertion as assertion
from devkit.standin.sign_in.refusal import sign_in_error
from devkit.standin.sign_in.tenant import check_tenant
from devkit.standin.sign_in.tokens import issue_token

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.wrappers import Request, Response

    from devkit.standin.organisation.organisation import Organisation

_OPENID_SCOPES = {"openid", "profile", "offline_access"}


def discovery(organisation: Organisation, request: Request, tenant: str) -> Response:
    organisation.strike(Stage.DISCOVERY, Sight(method=request.method, path=request.path))
    check_tenant(organisation, tenant)
    base = f"{origin_of(request)}/{tenant}"
    return json_reply(
        {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
    )


def token(organisation: Organisation, request: Request, tenant: str) -> Response:
    organisation.strike(Stage.SIGN_IN, Sight(method=request.method, path=request.path))
    check_tenant(organisation, tenant)
    form = request.form
    if "grant_type" not in form:
        raise sign_in_error(900144)
    grant = _GRANTS.get(form["grant_type"])
    if grant is None:
        raise sign_in_error(70003)
    return grant(organisation, request, form)


def _client_credentials(organisation: Organisation, request: Request, form: Mapping[str, str]) -> Response:
    _authenticate(organisation, request, form)
    return _granted(organisation, _audience(request, form.get("scope", "")))


def _password(organisation: Organisation, request: Request, form: Mapping[str, str]) -> Response:
    """Signs in by password. The application is a public client here, without a credential.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc
    """
    _check_application(organisation, form)
    if form.get("username", "").lower() != organisation.identity.user_name:
        raise sign_in_error(50034)
    if not _same(form.get("password", ""), organisation.identity.user_password):
        raise sign_in_error(50126)
    audience = _audience(request, _resource_of(form.get("scope", "")))
    return _granted(organisation, audience, person=organisation.identity.account_id)


def _device_code(organisation: Organisation, request: Request, form: Mapping[str, str]) -> Response:
    """Signs in by device code, with one of Microsoft's own applications. The identity token names the person."""
    scope = organisation.device_codes.trade(form.get("device_code", ""), organisation.config.device_sign_in)
    audience = _audience(request, _resource_of(scope))
    identity, client_id = organisation.identity, form.get("client_id", "")
    people = {"administrator": identity.administrator_id, "user": identity.person_id, "stranger": str(uuid.uuid4())}
    person, name = people[organisation.config.person], organisation.config.person
    issuer = f"{origin_of(request)}/{identity.tenant_id}/v2.0"
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": client_id,
        "sub": person,
        "oid": person,
        "tid": identity.tenant_id,
        "preferred_username": f"{name}@{identity.user_name.rpartition('@')[2]}",
        "iat": now,
        "exp": now + 3600,
    }
    more = {"id_token": jwt.encode(claims, identity.signing_key, "HS256"), "scope": scope}
    return _granted(organisation, audience, appid=client_id, person=person, **more)


def _granted(organisation: Organisation, audience: str, appid: str = "", person: str = "", **more: str) -> Response:
    lifetime = organisation.config.token_lifetime_seconds
    access_token = issue_token(
        organisation.identity, audience=audience, now=time.time(), lifetime=lifetime, appid=appid, person=person
    )
    return json_reply(
        {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": access_token,
            **more,
        }
    )


def _resource_of(scope: str) -> str:
    """Gives the scope without the parts that ask for the identity token."""
    return " ".join(each for each in scope.split() if each not in _OPENID_SCOPES)


_GRANTS: dict[str, Callable[[Organisation, Request, Mapping[str, str]], Response]] = {
    "client_credentials": _client_credentials,
    "password": _password,
    "urn:ietf:params:oauth:grant-type:device_code": _device_code,
}


def _authenticate(organisation: Organisation, request: Request, form: Mapping[str, str]) -> None:
    client_id = _check_application(organisation, form)
    if form.get("client_assertion_type") == assertion.TYPE:
        own = (organisation.certificate, *organisation.config.certificates)
        audience = f"{origin_of(request)}{request.path}"
        assertion.check_assertion(
            form.get("client_assertion", ""), client_id=client_id, audience=audience, certificates=own
        )
        return
    if "client_secret" not in form:
        raise sign_in_error(7000218)
    if not _same(form["client_secret"], organisation.identity.client_secret):
        raise sign_in_error(7000215, client_id=client_id)


def _check_application(organisation: Organisation, form: Mapping[str, str]) -> str:
    client_id = form.get("client_id", "")
    if client_id.lower() != organisation.identity.client_id:
        raise sign_in_error(700016, client_id=client_id)
    return client_id


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _audience(request: Request, scope: str) -> str:
    """Gives the resource: the scope without its end, and without a slash before that."""
    if not scope.endswith("/.default") or " " in scope:
        raise sign_in_error(70011)
    resource = scope.removesuffix("/.default").removesuffix("/")
    if resource not in origins(request):
        raise sign_in_error(500011)
    return resource
