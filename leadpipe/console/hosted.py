"""The console as the one function of a function app of its own, for people who sign in with Entra.

App Service Authentication stands before that app. It signs people in, and names them in a header that it takes away
from any request of others: where it is off, anybody could send that header, and so nobody is let in.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from io import BytesIO
from urllib.parse import quote, unquote_to_bytes

from werkzeug.wrappers import Request, Response

from leadpipe.console.door import Refused, Visitor, Way, require_host, require_own_page
from leadpipe.console.principal import AppRole, Unreadable, principal_of
from leadpipe.console.site import Console
from leadpipe.model.settings import Settings
from leadpipe.operations.target import Target

AUTHENTICATION = "WEBSITE_AUTH_ENABLED"
PRINCIPAL = "X-MS-CLIENT-PRINCIPAL"
READS_ONLY = f"your role is {AppRole.READ}; what changes a lead is for people with the role {AppRole.OPERATE}"
# Where the console begins: the host's prefix, and the first part of the function's route.
_ROOT = re.compile(r"(?P<root>(?:/[\w-]+)*?/console)(?P<path>/.*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"(?:\w+://[^/?#]*)?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?", re.DOTALL)
_SIGN_OUT = Way(text="Sign out", address="/.auth/logout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as the functions host gives it: `url` whole, `headers` with one value each."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class HostedDoor:
    """Thread-safe. Lets in who has signed in and holds a role; `console_host` is a name beside the app's own."""

    is_hosted = True

    def __init__(self, environment: Mapping[str, str], *, console_host: str = "") -> None:
        self._is_authenticated = environment.get(AUTHENTICATION, "").strip().lower() == "true"
        names = (environment.get("WEBSITE_HOSTNAME", "").strip().lower(), console_host)
        self._hosts = frozenset(filter(None, names))

    def let_in(self, request: Request) -> Visitor | Response:
        if not self._is_authenticated:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "no_authentication",
                f"App Service Authentication is off: {AUTHENTICATION} is not true. Without it anybody could come in"
                " under any name. Deploy the template with consoleClientId, which switches it on (docs/console.md)",
            )
        own = " and ".join(sorted(self._hosts)) or "no name, because WEBSITE_HOSTNAME is not set"
        require_host(request, self._hosts, f"the console answers to {own}; LEADPIPE_CONSOLE_HOST adds a name")
        visitor = _visitor_of(request)
        require_own_page(request, scheme="https")
        return visitor


def _visitor_of(request: Request) -> Visitor:
    """Raises Refused for a person who has not signed in, or holds no role."""
    header = request.headers.get(PRINCIPAL, "")
    if not header:
        back = quote(f"{request.root_path}/")
        way = Way(text="Sign in", address=f"/.auth/login/aad?post_login_redirect_uri={back}")
        detail = f"nobody has signed in: the header {PRINCIPAL} is not there. Sign in with your account of the company"
        raise Refused(HTTPStatus.UNAUTHORIZED, "not_signed_in", detail, way=way)
    try:
        person = principal_of(header)
    except Unreadable as error:
        detail = f"the header {PRINCIPAL} is not as App Service writes it: {error}. Sign out, and in again"
        raise Refused(HTTPStatus.FORBIDDEN, "principal_unreadable", detail, way=_SIGN_OUT) from error
    if AppRole.OPERATE in person.roles:
        return Visitor(actor=person.name)
    if AppRole.READ in person.roles:
        return Visitor(actor=person.name, why_not=READS_ONLY)
    raise Refused(
        HTTPStatus.FORBIDDEN,
        "no_role",
        f"{person.name} has signed in and holds neither the role {AppRole.READ} nor {AppRole.OPERATE}. An administrator"
        " of Entra gives one: Enterprise applications → the console → Users and groups. Then sign out, and in again",
        way=_SIGN_OUT,
    )


def console_of(environment: Mapping[str, str], now: Callable[[], datetime]) -> Console:
    settings = Settings.from_environment(environment)
    door = HostedDoor(environment, console_host=settings.console_host)
    return Console(Target(settings), door=door, now=now, environment=environment)


def answer(asked: Asked, console: Console) -> Reply:
    environ = _environ(asked)
    response = Response(status=HTTPStatus.NOT_FOUND) if environ is None else console.answer(Request(environ))
    headers = {name: value for name, value in response.headers if name.lower() != "content-length"}
    body = b"" if asked.method == "HEAD" else response.get_data()
    return Reply(status=response.status_code, headers=headers, body=body)


def _environ(asked: Asked) -> dict[str, object] | None:
    """As PEP 3333 wants it. None for an address that is not below the console's route."""
    address = _ADDRESS.fullmatch(asked.url)
    place = _ROOT.fullmatch(unquote_to_bytes(address["path"]).decode("latin-1")) if address else None
    if address is None or place is None:
        return None
    return {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": place["root"],
        "PATH_INFO": place["path"] or "/",
        "QUERY_STRING": address["query"] or "",
        "CONTENT_LENGTH": str(len(asked.body)),
        "CONTENT_TYPE": "",
        "SERVER_NAME": "console",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(asked.body),
        **_headers(asked.headers),
    }


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    """X_MS_CLIENT_PRINCIPAL would be taken for X-MS-CLIENT-PRINCIPAL, and App Service may let it pass."""
    usual = {name.upper().replace("-", "_"): value for name, value in given.items() if "_" not in name}
    kept = {name: value for name, value in usual.items() if name not in {"CONTENT_LENGTH", "TRANSFER_ENCODING"}}
    return {name if name == "CONTENT_TYPE" else f"HTTP_{name}": value for name, value in kept.items()}
