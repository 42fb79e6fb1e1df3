"""Checks sign-in and limits of each request, picks its server, and adds the headers of every answer.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/compose-http-requests-handle-errors
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.affinity import COOKIE
from devkit.standin.organisation.faults import Sight, Stage
from devkit.standin.organisation.security import DEPTHS, Depth, privilege_denied
from devkit.standin.origin import origin_of, origins
from devkit.standin.refusal import Refusal
from devkit.standin.sign_in.tokens import Bearer, check_bearer
from devkit.standin.web_api.caller import Caller, admitted
from devkit.standin.web_api.validation import read_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request, Response

    from devkit.standin.organisation.identity import Identity
    from devkit.standin.organisation.organisation import Organisation


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that has passed the gate."""

    organisation: Organisation
    request: Request
    caller: Caller
    # The body for faults to match. Whether it is valid is checked later.
    columns: dict[str, Any]

    def strike(self, stage: Stage, *, privilege: str | None = None) -> None:
        sight = Sight(method=self.request.method, path=self.request.path, columns=self.columns, privilege=privilege)
        self.organisation.strike(stage, sight)

    def require(self, privilege: str, *, depth: Depth = Depth.BASIC) -> None:
        """Refuses a caller without the privilege. BASIC depth is enough for the user's own rows."""
        self.strike(Stage.PRIVILEGE, privilege=privilege)
        held = self.caller.privileges
        if privilege not in held or DEPTHS[held[privilege]] < depth:
            raise privilege_denied(self.identity, privilege, held=len(held))

    @property
    def identity(self) -> Identity:
        """Gives the organisation's ids, with the caller as the user."""
        return self.caller.identity

    @property
    def api(self) -> str:
        return origin_of(self.request) + "/".join(self.request.path.split("/")[:4])


def pass_gate(organisation: Organisation, request: Request, answer: Callable[[Call], Response]) -> Response:
    """Checks sign-in before the limits, so that unknown callers use up none."""
    bearer = check_bearer(
        organisation.identity, request.headers.get("Authorization"), audiences=origins(request), now=time.time()
    )
    cookie = request.cookies.get(COOKIE)
    server = organisation.servers.pick(cookie, organisation.config.servers)
    response = _limited(organisation, server, lambda: answer(_call(organisation, request, bearer)))
    if cookie != server:
        response.set_cookie(COOKIE, server, path="/", secure=True, httponly=True)
    return response


def _call(organisation: Organisation, request: Request, bearer: Bearer) -> Call:
    columns = _columns_of(request)
    for stage in (Stage.ARRIVAL, Stage.ACCESS):
        organisation.strike(stage, Sight(method=request.method, path=request.path, columns=columns))
    return Call(organisation=organisation, request=request, columns=columns, caller=admitted(organisation, bearer))


def _limited(organisation: Organisation, server: str, answer: Callable[[], Response]) -> Response:
    limits: dict[str, str] = {}
    try:
        with organisation.throttle.admitted(server, organisation.config) as limits:
            response = answer()
    except Refusal as refusal:
        response = refusal.response()
    request_id = str(uuid.uuid4())
    response.headers.extend(
        limits | {"OData-Version": "4.0", "x-ms-service-request-id": request_id, "REQ_ID": request_id}
    )
    return response


def _columns_of(request: Request) -> dict[str, Any]:
    body = request.get_data()
    try:
        return read_body(body) if body else {}
    except Refusal:
        return {}
