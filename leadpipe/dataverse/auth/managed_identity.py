"""Signs in as the app's managed identity: no secret can leak or expire. The best choice on Azure.

https://learn.microsoft.com/azure/app-service/overview-managed-identity
"""

import ipaddress
import os
import re
from typing import Any
from urllib.parse import urlsplit

import msal
import requests

from leadpipe.dataverse.auth.authority import NoCache, answered, is_away, pause_of, sign_in_adapter
from leadpipe.dataverse.auth.tokens import Ask
from leadpipe.dataverse.bounded import DirectSession
from leadpipe.dataverse.protocol import json_object
from leadpipe.model.errors import Blocked, Transient
from leadpipe.model.settings import Dataverse, ManagedIdentity


def by_managed_identity(dataverse: Dataverse, sign_in: ManagedIdentity) -> Ask:
    """Raises Blocked outside Azure. There msal would wait for a virtual machine's identity, which never comes."""
    endpoint = os.environ.get("IDENTITY_ENDPOINT", "")
    if not (endpoint and os.environ.get("IDENTITY_HEADER")):
        raise Blocked("managed_identity_missing", "IDENTITY_ENDPOINT is not set")
    if not _keeps_a_secret(endpoint):
        raise Blocked("managed_identity_missing", "IDENTITY_ENDPOINT is neither https nor on the app's own network")
    client = msal.ManagedIdentityClient(_identity(sign_in), http_client=PlatformSession(), token_cache=NoCache())

    def ask() -> dict[str, Any]:
        try:
            # this call takes a resource; the other sign-ins take a scope
            return _known(client.acquire_token_for_client(resource=dataverse.url))
        except requests.RequestException:
            raise  # some are also a ValueError
        except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            # The answer is an object with values of other types than the platform's.
            raise Transient("managed_identity_failed", type(error).__name__) from error

    return ask


class PlatformSession(DirectSession):
    """Uses no proxy and no netrc: the endpoint is the platform's own, and its header is a secret."""

    def __init__(self) -> None:
        super().__init__(sign_in_adapter())
        self.trust_env = False
        self.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = super().send(request, **options)
        body = json_object(response.content)
        # The platform's own failures. Those of Entra behind it have a number and are read later.
        if is_away(response) and "AADSTS" not in str(body.get("message")):
            raise Transient("managed_identity_failed", str(response.status_code), **pause_of(response))
        if not body:
            raise Transient("managed_identity_failed", answered(response))
        return response


def _keeps_a_secret(endpoint: str) -> bool:
    """Accepts https, and addresses in the app's own network, where the platform uses http."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_own(parts.hostname or ""))


def _is_own(host: str) -> bool:
    try:
        return host == "localhost" or not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _identity(sign_in: ManagedIdentity) -> Any:
    if sign_in.client_id is None:
        return msal.SystemAssignedManagedIdentity()
    return msal.UserAssignedManagedIdentity(client_id=sign_in.client_id)


def _known(answer: dict[str, Any]) -> dict[str, Any]:
    """Reads the endpoint's own errors, which msal gives as `status, text`; those of Entra stay as they are."""
    text = str(answer.get("error_description") or "")
    if "access_token" in answer or "AADSTS" in text:
        return answer
    status = re.match(r"(\d{3}),", text)
    if status is None:
        raise Transient("managed_identity_failed", "the answer holds no token")
    if int(status[1]) in {400, 401, 403, 404}:
        raise Blocked("managed_identity_missing", status[1])
    raise Transient("managed_identity_failed", status[1])
