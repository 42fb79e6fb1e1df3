"""Sets up msal: where to sign in, how long an answer may take, and that it keeps no tokens.

msal trusts any answer: it follows redirects, sends the secret to the address that a document names, caches a proxy's
answer for a day, and raises errors of many kinds at a malformed one. So it gets a session of ours, which passes on
only answers of Entra.
"""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msal
import requests
from urllib3 import Retry

from leadpipe.dataverse.bounded import BoundedAdapter, DirectSession
from leadpipe.dataverse.protocol import json_object, pause_asked_for
from leadpipe.model.errors import Blocked, Transient

SIGN_IN_SECONDS = 10
# Asking every five minutes does no harm, and leads go out soon after the host is back.
LONGEST_PAUSE_ASKED = timedelta(minutes=5)
# A discovery document has a few KiB, a token or a company's metadata some tens of them.
LARGEST_ANSWER_MIB = 1
# msal knows these hosts. Any other is trusted as set, without asking Microsoft about it.
MICROSOFT_HOSTS = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}
)
# The hosts of each of Microsoft's clouds, as its own instance discovery lists them.
_CLOUDS = (
    frozenset({"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"}),
    frozenset({"login.microsoftonline.us", "login.usgovcloudapi.net"}),
    frozenset({"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}),
)
# Excludes what URL parsers read differently, such as a user name before the host.
_ADDRESS = re.compile(r"https://([a-zA-Z0-9.-]{1,253})(?::(\d{1,5}))?(?:/[\w.~%/-]*)?(?:\?[\w.~%=&/-]*)?", re.ASCII)
_DISCOVERY = "/.well-known/openid-configuration"
_USER_REALM = "/common/userrealm/"


class NoCache(msal.TokenCache):  # type: ignore[misc] # msal has no types
    """Keeps nothing in msal: tokens are kept elsewhere, and msal writes what it keeps to its debug log."""

    def add(self, event: dict[str, Any], now: float | None = None) -> None:
        pass


class SignInSession(DirectSession):
    """Sends msal's requests to the sign-in host, and to the company's own sign-in server if it has one.

    Raises Transient while the host is away, and Blocked for an answer that is not Entra's or would leave https.
    """

    def __init__(self, authority: str) -> None:
        super().__init__(sign_in_adapter())
        self._authority = authority

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        address = urlsplit(str(request.url))
        if address.scheme != "https":
            raise Blocked("not_entra", f"it names {address.hostname} without https")
        response = super().send(request, **options)
        authority, realm = urlsplit(self._authority), address.path.startswith(_USER_REALM)
        if address.netloc != authority.netloc and not (realm and address.hostname == authority.hostname):
            return response  # from the company's own sign-in server
        document = _document(response)
        if address.path.endswith(_DISCOVERY) and response.status_code == 200:
            require_own_host(document.get("token_endpoint"), self._authority)
        if realm and response.status_code == 404:
            raise Blocked("not_entra", answered(response))  # otherwise msal would never ask this host for a realm again
        return response


def authority_options(authority: str, tenant_id: str) -> dict[str, Any]:
    return {
        "authority": f"{authority}/{tenant_id}",
        "instance_discovery": urlsplit(authority).hostname in MICROSOFT_HOSTS,
        "token_cache": NoCache(),
    }


def http_client_for(authority: str) -> requests.Session:
    """Replaces msal's own client, which would wait forever on an answer that does not end.

    An authority with a port, such as one on this machine, is asked for a user's realm at that port too; msal would
    drop the port.
    """
    parts, client = urlsplit(authority), SignInSession(authority)
    if parts.port is not None:
        client.mount(f"https://{parts.hostname}{_USER_REALM}", _WithPort(parts.netloc))
    return client


def sign_in_adapter() -> BoundedAdapter:
    """Tries once more if there was no connection, as msal does: an idle one may have been closed.

    Never sleeps for Retry-After, which would block this thread and all that wait for the token.
    """
    retries = Retry(1, read=False, status=0, respect_retry_after_header=False)
    return BoundedAdapter(timeout=SIGN_IN_SECONDS, largest_mib=LARGEST_ANSWER_MIB, max_retries=retries)


def require_own_host(endpoint: Any, authority: str) -> None:
    """Raises Blocked if the secret would go to another host than the one that is set, or without https."""
    found = _ADDRESS.fullmatch(str(endpoint))
    if found is None:
        raise Blocked("not_entra", "its token_endpoint is not a plain https address")
    host, port = found[1].lower(), int(found[2] or 443)
    wanted = urlsplit(authority)
    if (host, port) == (wanted.hostname, wanted.port or 443):
        return
    microsofts = next((cloud for cloud in _CLOUDS if host in cloud and port == 443), frozenset())
    if wanted.hostname in microsofts and wanted.port in {None, 443}:
        return
    # Microsoft's hosts answer like this for a directory of another cloud.
    named = f"its token_endpoint is at {found[1]}{f':{port}' if port != 443 else ''}"
    raise Blocked("cloud_wrong" if microsofts else "not_entra", named)


def answered(response: requests.Response) -> str:
    """Describes the answer: its status, and the host that it points to if any."""
    try:
        host = urlsplit(response.headers.get("Location", "")).hostname or ""
    except ValueError:
        host = ""
    named = f", which points to {host}" if re.fullmatch(r"[a-z0-9.:-]{1,253}", host) else ""
    return f"it answered {response.status_code}{named}"


def is_away(response: requests.Response) -> bool:
    return response.status_code in {408, 429} or response.status_code >= 500


def pause_of(response: requests.Response) -> dict[str, Any]:
    """Gives Transient the pause that the answer asks for, at most LONGEST_PAUSE_ASKED."""
    asked = pause_asked_for(response.headers.get("Retry-After", ""))
    return {"retry_after": min(asked, LONGEST_PAUSE_ASKED) if asked else None}


def _document(response: requests.Response) -> dict[str, Any]:
    """Reads Entra's answer, a JSON object, and replaces the body by what was read, so that msal reads the same.

    Raises Transient or Blocked for anything else, which msal would log whole.
    """
    document = json_object(response.content)
    if is_away(response):
        number = re.search(r"AADSTS\d{1,9}", str(document.get("error_description")))
        detail = f"{answered(response)} {number[0]}" if number else answered(response)
        raise Transient("sign_in_unavailable", detail, **pause_of(response))
    if not document or response.status_code < 200 or 300 <= response.status_code < 400:
        raise Blocked("not_entra", answered(response))
    response.encoding = "utf-8"
    response._content = json.dumps(document).encode()  # noqa: SLF001 - where requests itself keeps it
    return document


class _WithPort(BoundedAdapter):
    def __init__(self, netloc: str) -> None:
        super().__init__(timeout=SIGN_IN_SECONDS, largest_mib=LARGEST_ANSWER_MIB)
        self._netloc = netloc

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = urlsplit(str(request.url))._replace(netloc=self._netloc).geturl()
        return super().send(request, *args, **options)
