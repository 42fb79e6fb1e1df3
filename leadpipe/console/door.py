"""Decides which requests may come in: here from this machine, with the cookie, and for changes from own pages.

Any page that a browser shows can send requests to 127.0.0.1, and a name of its own can be made to point there. So the
name that was asked for is checked, a cookie has to be there that no other page can know, and a POST has to say that it
comes from the console itself.
"""

import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from werkzeug.wrappers import Request, Response

from leadpipe.model.errors import LeadpipeError

ENTER = "/enter"
_TOKEN_BYTES = 32
_ANSWERS_TO = "the console answers to 127.0.0.1 and localhost with its own port, and to no other name"
# Nothing comes from elsewhere, no script or style stands in a page, nobody shows a page in a frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who looks at a page. `why_not`: why this person may change nothing; empty if the person may."""

    actor: str
    why_not: str = ""


NOBODY = Visitor(actor="", why_not="nobody has come in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a person who was refused can go on."""

    text: str
    address: str


class Refused(LeadpipeError):
    """The request may not come in. `status`: what it is answered."""

    def __init__(self, status: HTTPStatus, slug: str, detail: str, *, way: Way | None = None) -> None:
        super().__init__(slug, detail)
        self.status = status
        self.way = way


class Door(Protocol):
    """`is_hosted`: the console runs where it ends when nobody has looked at it for a while."""

    is_hosted: bool

    def let_in(self, request: Request) -> Visitor | Response:
        """Who comes in, or the door's own answer. Raises Refused."""


class LocalDoor:
    """Thread-safe. The token of the start address opens it once, and gives the browser the cookie.

    `on_entry` is called after each entry.
    """

    is_hosted = False

    def __init__(self, port: int, *, actor: str, on_entry: Callable[[], None] = lambda: None) -> None:
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._cookie_name = f"leadpipe_console_{port}"  # cookies do not know ports
        self._cookie = secrets.token_urlsafe(_TOKEN_BYTES)
        self._visitor = Visitor(actor=actor)
        self._lock = threading.Lock()
        self.on_entry = on_entry
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)

    def let_in(self, request: Request) -> Visitor | Response:
        require_host(request, self._hosts, _ANSWERS_TO)
        if request.path == ENTER:
            return self._enter(request)
        if not hmac.compare_digest(request.cookies.get(self._cookie_name, "").encode(), self._cookie.encode()):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "not_entered",
                "this browser has not come in by the start address, which `leadpipe console` prints; it works once,"
                " and after each use the console prints the next one",
            )
        require_own_page(request, scheme="http")
        return self._visitor

    def _enter(self, request: Request) -> Response:
        """Takes the token and gives the cookie. Raises Refused for a wrong or used token."""
        with self._lock:
            given = request.args.get("token", "")
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                detail = "this start address has been used, or belongs to an earlier console; take the newest one"
                raise Refused(HTTPStatus.FORBIDDEN, "token_used", f"{detail} that `leadpipe console` printed")
            self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        response = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        response.set_cookie(self._cookie_name, self._cookie, httponly=True, samesite="Strict", path="/")
        self.on_entry()
        return response


def require_host(request: Request, hosts: frozenset[str], answers_to: str) -> None:
    """Raises Refused for a name that is none of the console's own."""
    if request.environ.get("HTTP_HOST", "").lower() not in hosts:
        raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "wrong_host", answers_to)


def require_own_page(request: Request, *, scheme: str) -> None:
    """Raises Refused for a POST from elsewhere. Browsers say where one comes from; old ones at least the address."""
    if request.method in {"GET", "HEAD"}:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = f"{scheme}://{request.environ['HTTP_HOST']}"
    if site != "same-origin" if site is not None else origin != own:
        detail = "the request did not come from a page of the console, so nothing was done"
        raise Refused(HTTPStatus.FORBIDDEN, "cross_site", detail)
