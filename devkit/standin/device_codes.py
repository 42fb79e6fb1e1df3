"""Sign-in of a person at a terminal: a code is shown there, and confirmed in a browser.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
"""

from __future__ import annotations

import secrets
import string
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup
from werkzeug.wrappers import Response

from devkit.standin.aadsts import SignInRefusal
from devkit.standin.faults import Sight, Stage
from devkit.standin.origin import origin_of
from devkit.standin.replies import json_reply
from devkit.standin.tenant import check_tenant

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from devkit.standin.organisation import Organisation

PATH = "/devicelogin"
LIFETIME_SECONDS = 900
# Entra asks for five; nobody is spared anything here.
_INTERVAL_SECONDS = 1
_PAGE = Markup(
    "<!doctype html><title>Sign in</title><h1>Sign in to the stand-in</h1><p>{said}</p>"
    '<form method="post"><label>Code <input name="code" value="{code}" autofocus></label> '
    "<button>Confirm</button></form>"
)


@dataclass(slots=True, kw_only=True)
class _Asked:
    user_code: str
    scope: str
    confirmed: bool = False


class DeviceCodes:
    """Thread-safe. Codes that were asked for, until they are traded in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}

    def ask(self, scope: str) -> tuple[str, str]:
        """A device code and its user code."""
        device_code = secrets.token_urlsafe(30)
        user_code = "".join(secrets.choice(string.ascii_uppercase) for _ in range(9))
        with self._lock:
            self._asked[device_code] = _Asked(user_code=user_code, scope=scope)
        return device_code, user_code

    def confirm(self, user_code: str) -> bool:
        with self._lock:
            found = [asked for asked in self._asked.values() if asked.user_code == user_code.strip().upper()]
            for asked in found:
                asked.confirmed = True
        return bool(found)

    def trade(self, device_code: str, how: str) -> str:
        """The scope that was asked for. Raises the sign-in error while, or because, there is none to be had."""
        with self._lock:
            asked = self._asked.get(device_code)
            if asked is None:
                raise _error("bad_verification_code", 70016, "The device code is not known.")
            if how == "declined":
                raise _error("authorization_declined", 70018, "The person declined.")
            if how == "expired":
                raise _error("expired_token", 70020, "The device code has expired.")
            if how == "on_the_page" and not asked.confirmed:
                raise _error("authorization_pending", 70016, "The code has not been confirmed yet.")
            return self._asked.pop(device_code).scope


def device_code(organisation: Organisation, request: Request, tenant: str) -> Response:
    organisation.strike(Stage.SIGN_IN, Sight(method=request.method, path=request.path))
    check_tenant(organisation, tenant)
    device, user = organisation.device_codes.ask(request.form.get("scope", ""))
    uri = origin_of(request) + PATH
    return json_reply(
        {
            "device_code": device,
            "user_code": user,
            "verification_uri": uri,
            "expires_in": LIFETIME_SECONDS,
            "interval": _INTERVAL_SECONDS,
            "message": f"To sign in, open {uri} and enter the code {user} to authenticate.",
        }
    )


def page(_organisation: Organisation, request: Request) -> Response:
    return _shown("Enter the code that the command shows.", request.args.get("code", ""))


def confirm(organisation: Organisation, request: Request) -> Response:
    code = request.form.get("code", "")
    if organisation.device_codes.confirm(code):
        return _shown("You are signed in. You may close this page.", "")
    return _shown("There is no such code.", code)


def _shown(said: str, code: str) -> Response:
    return Response(_PAGE.format(said=said, code=code), mimetype="text/html")


def _error(error: str, number: int, text: str) -> SignInRefusal:
    return SignInRefusal(400, error, number, text, None)
