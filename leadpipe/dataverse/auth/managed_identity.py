"""Signing in as the app's managed identity: no secret that could leak or end. The way to choose on Azure.

https://learn.microsoft.com/azure/app-service/overview-managed-identity
"""

import os
import re
from typing import Any

import msal
import requests

from leadpipe.dataverse.auth.authority import NoCache, http_client
from leadpipe.dataverse.auth.tokens import Ask
from leadpipe.model.errors import Blocked, Transient
from leadpipe.model.settings import Dataverse, ManagedIdentity


def by_managed_identity(dataverse: Dataverse, sign_in: ManagedIdentity) -> Ask:
    """Raises Blocked away from Azure, where msal would look for a virtual machine's identity and wait for nothing."""
    if not (os.environ.get("IDENTITY_ENDPOINT") and os.environ.get("IDENTITY_HEADER")):
        raise Blocked("managed_identity_missing", "IDENTITY_ENDPOINT is not set")
    client = msal.ManagedIdentityClient(_identity(sign_in), http_client=_without_proxy(), token_cache=NoCache())

    def ask() -> dict[str, Any]:
        # The resource, where the other ways take a scope.
        return _known(client.acquire_token_for_client(resource=dataverse.url))

    return ask


def _identity(sign_in: ManagedIdentity) -> Any:
    if sign_in.client_id is None:
        return msal.SystemAssignedManagedIdentity()
    return msal.UserAssignedManagedIdentity(client_id=sign_in.client_id)


def _known(answer: dict[str, Any]) -> dict[str, Any]:
    """The endpoint's own errors, which msal hands on as `status, text`; those of Entra behind it go on as they are."""
    text = str(answer.get("error_description") or "")
    status = re.match(r"(\d{3}),", text)
    if "access_token" in answer or "AADSTS" in text or status is None:
        return answer
    if int(status[1]) in {400, 401, 403, 404}:
        raise Blocked("managed_identity_missing", status[1])
    raise Transient("managed_identity_failed", status[1])


def _without_proxy() -> requests.Session:
    """Without a proxy or netrc: the endpoint is the platform's own, and the header it is asked with a secret."""
    client = http_client()
    client.trust_env = False
    client.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    return client
