"""Decides which requests may come in: from this machine, with the cookie, and for changes from the console's own pages.

Any page that a browser shows can send requests to 127.0.0.1, and a name of its own can be made to point there. So the
name that was asked for is checked, a cookie has to be there that no other page can know, and a POST has to say that it
comes from the console itself.
"""

import hmac
import secrets
import threading
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from leadpipe.model.errors import LeadpipeError

ENTER = "/enter"
_TOKEN_BYTES = 32
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


class Refused(LeadpipeError):
    """The request may not come in. `status`: what it is answered."""

    def __init__(self, status: HTTPStatus, slug: str, detail: str) -> None:
        super().__init__(slug, detail)
        self.status = status


class Door:
    """Thread-safe. The token of the start address opens it once, and gives the browser the cookie."""

    def __init__(self, port: int) -> None:
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._cookie_name = f"leadpipe_console_{port}"  # cookies do not know ports
        self._cookie = secrets.token_urlsafe(_TOKEN_BYTES)
        self._lock = threading.Lock()
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)

    def require_entry(self, request: Request) -> None:
        """Raises Refused."""
        self._require_host(request)
        if request.path == ENTER:
            return
        if not hmac.compare_digest(request.cookies.get(self._cookie_name, "").encode(), self._cookie.encode()):
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "not_entered",
                "this browser has not come in by the start address, which `leadpipe console` prints; it works once,"
                " and after each use the console prints the next one",
            )
        if request.method not in {"GET", "HEAD"}:
            _require_own_page(request)

    def enter(self, request: Request) -> Response:
        """Takes the token and gives the cookie. Raises Refused for a wrong or used token."""
        with self._lock:
            given = request.args.get("token", "")
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                detail = "this start address has been used, or belongs to an earlier console; take the newest one"
                raise Refused(HTTPStatus.FORBIDDEN, "token_used", f"{detail} that `leadpipe console` printed")
            self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        response = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        response.set_cookie(self._cookie_name, self._cookie, httponly=True, samesite="Strict", path="/")
        return response

    def _require_host(self, request: Request) -> None:
        if request.environ.get("HTTP_HOST", "") not in self._hosts:
            detail = "the console answers to 127.0.0.1 and localhost with its own port, and to no other name"
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "wrong_host", detail)


def _require_own_page(request: Request) -> None:
    """Browsers say where a request comes from; old ones at least which page's address it has."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    own = f"http://{request.environ['HTTP_HOST']}"
    if site != "same-origin" if site is not None else origin != own:
        detail = "the request did not come from a page of the console, so nothing was done"
        raise Refused(HTTPStatus.FORBIDDEN, "cross_site", detail)
