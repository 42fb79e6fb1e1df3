"""How msal is told where to sign in, how long an answer may take, and that it shall keep no tokens."""

from typing import Any
from urllib.parse import urlsplit

import msal
import requests
from urllib3 import Retry

from leadpipe.dataverse.bounded import BoundedAdapter

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
        "token_cache": NoCache(),
    }


def http_client() -> requests.Session:
    """In the place of msal's own, which would wait for ever on an answer that does not end."""
    client = requests.Session()
    for scheme in ("http://", "https://"):
        client.mount(scheme, sign_in_adapter())
    return client


def sign_in_adapter() -> BoundedAdapter:
    # As in msal's own: an idle connection may have been closed, and trying once more is better than nothing.
    return BoundedAdapter(timeout=SIGN_IN_SECONDS, max_retries=Retry(1, read=False))


def http_client_for(authority: str) -> requests.Session:
    """Where the authority has a port, as one on this machine has, it is asked for a user's realm there too.

    msal asks for that at the authority's host alone; Microsoft's hosts have no port that it could forget.
    """
    parts, client = urlsplit(authority), http_client()
    if parts.port is not None:
        client.mount(f"https://{parts.hostname}/common/userrealm/", _WithPort(parts.netloc))
    return client


class _WithPort(BoundedAdapter):
    def __init__(self, netloc: str) -> None:
        super().__init__(timeout=SIGN_IN_SECONDS)
        self._netloc = netloc

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = urlsplit(str(request.url))._replace(netloc=self._netloc).geturl()
        return super().send(request, *args, **options)
