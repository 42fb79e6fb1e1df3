"""Signing in: one Entra token for all threads, asked for by one of them.

msal keeps the token and renews it in time; what it lacks is that only one thread asks.
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import re
import threading
from typing import Any, Protocol
from urllib.parse import urlsplit

import msal
import requests
from msal.exceptions import MsalError

from leadpipe.model.errors import Blocked, DeliveryFailed, Transient
from leadpipe.model.settings import ClientSecret, Dataverse

SIGN_IN_SECONDS = 10
# msal vouches for these itself; any other host is taken at its word, without asking Microsoft about it.
MICROSOFT_HOSTS = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}
)

# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
_TRANSIENT_NUMBERS = frozenset({50033, 50087, 90006, 90012, 90024, 90033, 90055, 90090})
_REASONS = {
    7000215: "secret_wrong",
    7000222: "secret_expired",
    700016: "application_unknown",
    90002: "tenant_unknown",
    900023: "tenant_unknown",
    500011: "organisation_unknown",
    50001: "organisation_unknown",
}


class Tokens(Protocol):
    def token(self) -> str:
        """A bearer token for the organisation. Raises Transient or Blocked."""

    def drop(self, token: str) -> None:
        """Forgets that token, if it still is the current one: Dataverse refused it."""


class EntraTokens:
    """Thread-safe: whoever comes while a token is being asked for waits for that one."""

    def __init__(self, dataverse: Dataverse, sign_in: ClientSecret) -> None:
        self._dataverse = dataverse
        self._sign_in = sign_in
        self._lock = threading.Lock()
        self._application: msal.ConfidentialClientApplication | None = None
        self._current = ""

    def token(self) -> str:
        with self._lock:
            self._current = self._acquired()
            return self._current

    def drop(self, token: str) -> None:
        with self._lock:
            if token == self._current and self._application is not None:
                self._application.remove_tokens_for_client()

    def _acquired(self) -> str:
        try:
            # Building the application asks the sign-in host for its addresses, so it can fail like any request.
            self._application = self._application or self._built()
            answer: dict[str, Any] = self._application.acquire_token_for_client([f"{self._dataverse.url}/.default"])
        except requests.exceptions.SSLError as error:
            raise Blocked("tls", "the sign-in host's certificate is not trusted") from error
        except (requests.RequestException, MsalError, RuntimeError) as error:
            raise Transient("sign_in_unavailable", type(error).__name__) from error
        except OSError as error:
            raise Blocked("tls", "REQUESTS_CA_BUNDLE names no file of certificates") from error
        except ValueError as error:
            raise Blocked("tenant_unknown", "the sign-in host knows no such directory") from error
        if "access_token" not in answer:
            raise refusal(answer)
        return str(answer["access_token"])

    def _built(self) -> msal.ConfidentialClientApplication:
        return msal.ConfidentialClientApplication(
            self._sign_in.client_id,
            client_credential=self._sign_in.secret,
            authority=f"{self._dataverse.authority}/{self._sign_in.tenant_id}",
            instance_discovery=urlsplit(self._dataverse.authority).hostname in MICROSOFT_HOSTS,
            timeout=SIGN_IN_SECONDS,
        )


class NoTokens:
    """Stands in for a way to sign in that this version does not have: its leads wait, with the reason in sight."""

    def token(self) -> str:
        raise Blocked("settings", "this version signs in with DATAVERSE_CLIENT_SECRET only")

    def drop(self, token: str) -> None:
        """Nothing was given out."""


def tokens_for(dataverse: Dataverse) -> Tokens:
    """The organisation's tokens, signed in for as the settings say."""
    if isinstance(dataverse.sign_in, ClientSecret):
        return EntraTokens(dataverse, dataverse.sign_in)
    return NoTokens()


def refusal(answer: dict[str, Any]) -> DeliveryFailed:
    """What an error answer of the sign-in host means; its text is not for logs, its number is."""
    error = str(answer.get("error") or "no_error")
    numbers = [int(number) for number in re.findall(r"AADSTS(\d{1,9})", str(answer.get("error_description") or ""))]
    known = " ".join([*(f"AADSTS{number}" for number in numbers[:1]), error])
    if error in {"temporarily_unavailable", "server_error"} or _TRANSIENT_NUMBERS & {*numbers}:
        return Transient("sign_in_unavailable", known)
    reason = next((_REASONS[number] for number in numbers if number in _REASONS), "sign_in_refused")
    return Blocked(reason, known)
