"""Signs a person in at a terminal, which shows a code to be confirmed in a browser.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from werkzeug.wrappers import Response

from devkit.standin.organisation.faults import Sight, Stage
from devkit.standin.origin import origin_of
from devkit.standin.replies import json_reply
from devkit.standin.sign_in.tenant import check_tenant

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from devkit.standin.organisation.organisation import Organisation

PATH = "/devicelogin"
LIFETIME_SECONDS = 900
# Entra asks for five; here the wait would serve nothing.
_INTERVAL_SECONDS = 1
_PAGE = Markup(
    "<!doctype html><title>Sign in</title><h1>Sign in to the stand-in</h1><p>{said}</p>"
    '<form method="post"><label>Code <input name="code" value="{code}" autofocus></label> '
    "<button>Confirm</button></form>"
)


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
