"""How msal is told where to sign in, how long an answer may take, and that it shall keep no tokens.

msal believes whatever answers it: it follows redirects, sends the secret to the address that a document names,
remembers for a day what a proxy said, and fails on an odd answer with errors of many kinds. So it asks through a
session of our own, which shows it Entra's answers alone.
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
# To ask once in five minutes harms nobody, and when the host is back the leads go out soon.
LONGEST_PAUSE_ASKED = timedelta(minutes=5)
# A discovery document has a few KiB, a token or a company's metadata some tens of them.
LARGEST_ANSWER_MIB = 1
# msal vouches for these itself; any other host is taken at its word, without asking Microsoft about it.
MICROSOFT_HOSTS = frozenset(
    {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"}
)
# The names that each of Microsoft's clouds goes by, as its own instance discovery lists them.
_CLOUDS = (
    frozenset({"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"}),
    frozenset({"login.microsoftonline.us", "login.usgovcloudapi.net"}),
    frozenset({"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}),
)
# Nothing that one parser of addresses reads otherwise than another, such as a name before the host.
_ADDRESS = re.compile(r"https://([a-zA-Z0-9.-]{1,253})(?::(\d{1,5}))?(?:/[\w.~%/-]*)?(?:\?[\w.~%=&/-]*)?", re.ASCII)
_DISCOVERY = "/.well-known/openid-configuration"
_USER_REALM = "/common/userrealm/"


class NoCache(msal.TokenCache):  # type: ignore[misc] # msal has no types
    """Tokens are kept in one place, which is not msal; and what is not kept is not written to its debug log."""

    def add(self, event: dict[str, Any], now: float | None = None) -> None:
        pass


class SignInSession(DirectSession):
    """What msal asks the sign-in host through, and the account's own sign-in server where a company has one.

    Raises Transient while the host is away, and Blocked for what is not Entra's answer or would leave https.
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
            return response  # of the account's own sign-in server
        document = _document(response)
        if address.path.endswith(_DISCOVERY) and response.status_code == 200:
            require_own_host(document.get("token_endpoint"), self._authority)
        if realm and response.status_code == 404:
            raise Blocked("not_entra", answered(response))  # msal would never ask this host for a realm again
        return response


def authority_options(authority: str, tenant_id: str) -> dict[str, Any]:
    return {
        "authority": f"{authority}/{tenant_id}",
        "instance_discovery": urlsplit(authority).hostname in MICROSOFT_HOSTS,
        "token_cache": NoCache(),
    }


def http_client_for(authority: str) -> requests.Session:
    """In the place of msal's own, which would wait for ever on an answer that does not end.

    Where the authority has a port, as one on this machine has, it is asked for a user's realm there too. msal asks for
    that at the authority's host alone; Microsoft's hosts have no port that it could forget.
    """
    parts, client = urlsplit(authority), SignInSession(authority)
    if parts.port is not None:
        client.mount(f"https://{parts.hostname}{_USER_REALM}", _WithPort(parts.netloc))
    return client


def sign_in_adapter() -> BoundedAdapter:
    """Tries once more where no connection was had, as msal's own does: an idle one may have been closed.

    It never waits as long as an answer asks for: that would hold this thread, and all others behind it.
    """
    retries = Retry(1, read=False, status=0, respect_retry_after_header=False)
    return BoundedAdapter(timeout=SIGN_IN_SECONDS, largest_mib=LARGEST_ANSWER_MIB, max_retries=retries)


def require_own_host(endpoint: Any, authority: str) -> None:
    """Raises Blocked where the secret would go to another host than the one that was named, or without https."""
    found = _ADDRESS.fullmatch(str(endpoint))
    if found is None:
        raise Blocked("not_entra", "its token_endpoint is no plain https address")
    host, port = found[1].lower(), int(found[2] or 443)
    wanted = urlsplit(authority)
    if (host, port) == (wanted.hostname, wanted.port or 443):
        return
    microsofts = next((cloud for cloud in _CLOUDS if host in cloud and port == 443), frozenset())
    if wanted.hostname in microsofts and wanted.port in {None, 443}:
        return
    # Microsoft's own hosts answer so for a directory of another cloud.
    named = f"its token_endpoint is at {found[1]}{f':{port}' if port != 443 else ''}"
    raise Blocked("cloud_wrong" if microsofts else "not_entra", named)


def answered(response: requests.Response) -> str:
    """The answer's status, and the host that it points to, if it does."""
    try:
        host = urlsplit(response.headers.get("Location", "")).hostname or ""
    except ValueError:
        host = ""
    named = f", which points to {host}" if re.fullmatch(r"[a-z0-9.:-]{1,253}", host) else ""
    return f"it answered {response.status_code}{named}"


def is_away(response: requests.Response) -> bool:
    return response.status_code in {408, 429} or response.status_code >= 500


def pause_of(response: requests.Response) -> dict[str, Any]:
    """How long to wait, as Transient takes it: as the answer asks, and no longer than is good for the leads."""
    asked = pause_asked_for(response.headers.get("Retry-After", ""))
    return {"retry_after": min(asked, LONGEST_PAUSE_ASKED) if asked else None}


def _document(response: requests.Response) -> dict[str, Any]:
    """Entra's answer, a JSON object, which msal is given in the form in which it was understood here.

    Raises Transient or Blocked for anything else; msal would write the whole of it into the log.
    """
    document = json_object(response.content)
    if is_away(response):
        number = re.search(r"AADSTS\d{1,9}", str(document.get("error_description")))
        told = f"{answered(response)} {number[0]}" if number else answered(response)
        raise Transient("sign_in_unavailable", told, **pause_of(response))
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
