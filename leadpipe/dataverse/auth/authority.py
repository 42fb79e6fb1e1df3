"""How msal is told where to sign in, and that it shall keep no tokens."""

from typing import Any
from urllib.parse import urlsplit

import msal
import requests
from requests.adapters import HTTPAdapter

SIGN_IN_SECONDS = 10
# msal vouches for these itself; any other host is taken at its word, without asking Microsoft about it.
MICROSOFT_HOSTS = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}
)


class NoCache(msal.TokenCache):  # type: ignore[misc] # msal has no types
    """Tokens are kept in one place, which is not msal; and what is not kept is not written to its debug log."""

    def add(self, event: dict[str, Any], now: float | None = None) -> None:
        pass


def authority_options(authority: str, tenant_id: str) -> dict[str, Any]:
    return {
        "authority": f"{authority}/{tenant_id}",
        "instance_discovery": urlsplit(authority).hostname in MICROSOFT_HOSTS,
        "timeout": SIGN_IN_SECONDS,
        "token_cache": NoCache(),
    }


def http_client_for(authority: str) -> requests.Session | None:
    """None, which is msal's own client, unless the authority has a port, as one on this machine has.

    msal asks for a user's realm at the authority's host alone; Microsoft's hosts have no port that it could forget.
    """
    parts = urlsplit(authority)
    if parts.port is None:
        return None
    client = requests.Session()
    client.mount("https://", TimedOut())
    client.mount(f"https://{parts.hostname}/common/userrealm/", _WithPort(parts.netloc))
    return client


class TimedOut(HTTPAdapter):
    """requests waits for ever unless it is told otherwise at each request, and msal does not tell it."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        return super().send(request, *args, **{**options, "timeout": options.get("timeout") or SIGN_IN_SECONDS})


class _WithPort(TimedOut):
    def __init__(self, netloc: str) -> None:
        super().__init__()
        self._netloc = netloc

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = urlsplit(str(request.url))._replace(netloc=self._netloc).geturl()
        return super().send(request, *args, **options)
