"""Lists every address that the stand-in answers, and turns a request into a response."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule

from devkit.standin.control import endpoints as control
from devkit.standin.control.page import page
from devkit.standin.organisation.request_counts import DATA, SIGN_IN
from devkit.standin.organisation.tables import TABLES
from devkit.standin.refusal import NoReply, Refusal, not_supported
from devkit.standin.sign_in import device_code_page as device_codes
from devkit.standin.sign_in import entra, managed_identity, user_realm
from devkit.standin.web_api import metadata, who_am_i, writable_tables
from devkit.standin.web_api import other_tables as other_api
from devkit.standin.web_api import roles_and_users as member_api
from devkit.standin.web_api.gate import pass_gate
from devkit.standin.web_api.other_rows import OTHER_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.wrappers import Request, Response

    from devkit.standin.organisation.organisation import Organisation

_API = "/api/data/<any('v9.0','v9.1','v9.2'):version>"
_CONTROL = "control"


@dataclass(frozen=True, slots=True)
class _Target:
    area: str
    kind: str
    answer: Callable[..., Response]


def _rule(method: str, path: str, target: _Target) -> Rule:
    return Rule(path, endpoint=target, methods=[method])


def _data(method: str, path: str, answer: Callable[..., Response]) -> Rule:
    """Requests are counted under `path` without its placeholders."""
    kind = path.replace("<key>", "id").removeprefix("/")
    return _rule(method, _API + path, _Target(DATA, kind, answer))


def _control(method: str, path: str, answer: Callable[..., Response]) -> Rule:
    return _rule(method, path, _Target(_CONTROL, path, answer))


def _unsupported(_call: object, **_arguments: str) -> Response:
    raise not_supported("This message")


def _writable(name: str) -> list[Rule]:
    return [
        _data("POST", f"/{name}", partial(writable_tables.create, entity_set=name)),
        _data("GET", f"/{name}", partial(writable_tables.search, entity_set=name)),
        _data("GET", f"/{name}/$count", partial(writable_tables.count, entity_set=name)),
        _data("GET", f"/{name}(<key>)", partial(writable_tables.read, entity_set=name)),
        _data("PATCH", f"/{name}(<key>)", partial(writable_tables.upsert, entity_set=name)),
        _data("DELETE", f"/{name}(<key>)", partial(writable_tables.delete, entity_set=name)),
        _data("POST", f"/{name}/Microsoft.Dynamics.CRM.CreateMultiple", _unsupported),
        _data("POST", f"/{name}/Microsoft.Dynamics.CRM.UpsertMultiple", _unsupported),
    ]


_ROUTES = Map(
    [
        _control("GET", "/", page),
        _control("GET", "/_standin/leads", control.leads),
        _control("DELETE", "/_standin/leads", control.clear_leads),
        _control("GET", "/_standin/notes", control.notes),
        _control("GET", "/_standin/faults", control.faults),
        _control("POST", "/_standin/faults", control.add_fault),
        _control("DELETE", "/_standin/faults", control.clear_faults),
        _control("DELETE", "/_standin/faults/<int:fault_id>", control.clear_faults),
        _control("GET", "/_standin/requests", control.requests),
        _control("DELETE", "/_standin/requests", control.clear_requests),
        _control("GET", "/_standin/config", control.config),
        _control("POST", "/_standin/config", control.change_config),
        _control("DELETE", "/_standin/config", control.reset_config),
        _rule("GET", "/<tenant>/v2.0/.well-known/openid-configuration", _Target(SIGN_IN, "discovery", entra.discovery)),
        _rule("POST", "/<tenant>/oauth2/v2.0/token", _Target(SIGN_IN, "token", entra.token)),
        _rule("POST", "/<tenant>/oauth2/v2.0/devicecode", _Target(SIGN_IN, "device_code", device_codes.device_code)),
        _control("GET", device_codes.PATH, device_codes.page),
        _control("POST", device_codes.PATH, device_codes.confirm),
        _rule("GET", "/common/userrealm/<user>", _Target(SIGN_IN, "user_realm", user_realm.user_realm)),
        _rule("GET", managed_identity.PATH, _Target(SIGN_IN, "managed_identity", managed_identity.token)),
        *(rule for name in TABLES for rule in _writable(name)),
        _data("POST", "/$batch", _unsupported),
        _data("GET", "/WhoAmI", who_am_i.who_am_i),
        _data("GET", "/WhoAmI()", who_am_i.who_am_i),
        _data("GET", "/RetrieveVersion", who_am_i.retrieve_version),
        _data("GET", "/RetrieveVersion()", who_am_i.retrieve_version),
        _data(
            "GET",
            "/systemusers(<key>)/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()",
            who_am_i.retrieve_user_privileges,
        ),
        _data("GET", "/RetrieveCurrentOrganization(<access>)", who_am_i.retrieve_current_organization),
        _data("GET", "/RetrieveRolePrivilegesRole(RoleId=<key>)", who_am_i.retrieve_role_privileges),
        _data("GET", "/systemusers(<key>)/systemuserroles_association", other_api.roles_of_user),
        _data("GET", "/roles(<key>)/systemuserroles_association", other_api.users_with_role),
        _data("POST", "/systemusers(<key>)/systemuserroles_association/$ref", member_api.give_role),
        _data("DELETE", "/systemusers(<key>)/systemuserroles_association(<role>)/$ref", member_api.take_role),
        _data("POST", "/systemusers", member_api.create_user),
        _data("PATCH", "/systemusers(<key>)", member_api.update_user),
        _data("DELETE", "/systemusers(<key>)", member_api.delete_user),
        _data("POST", "/roles", member_api.create_role),
        _data("DELETE", "/roles(<key>)", member_api.delete_role),
        _data("POST", "/roles(<key>)/Microsoft.Dynamics.CRM.AddPrivilegesRole", member_api.add_privileges),
        _data("POST", "/roles(<key>)/Microsoft.Dynamics.CRM.RemovePrivilegeRole", member_api.remove_privilege),
        *(_data("GET", f"/{name}", partial(other_api.search, entity_set=name)) for name in OTHER_TABLES),
        *(_data("GET", f"/{name}(<key>)", partial(other_api.read, entity_set=name)) for name in OTHER_TABLES),
        _data("GET", "/<entity_set>(<key>)", other_api.read_own),
        _data("GET", "/EntityDefinitions", metadata.entities),
        _data("GET", "/EntityDefinitions(<key>)", metadata.entity),
        _data("GET", "/EntityDefinitions(<key>)/Keys", metadata.keys),
        _data("GET", "/EntityDefinitions(<key>)/Attributes", metadata.attributes),
        _data(
            "GET",
            "/EntityDefinitions(<key>)/Attributes/Microsoft.Dynamics.CRM.<cast>AttributeMetadata",
            metadata.attributes,
        ),
        _data("GET", "/EntityDefinitions(<key>)/Attributes(<name>)", metadata.attribute),
        _data(
            "GET",
            "/EntityDefinitions(<key>)/Attributes(<name>)/Microsoft.Dynamics.CRM.<cast>AttributeMetadata",
            metadata.attribute,
        ),
        _data("GET", "/EntityDefinitions(<key>)/ManyToOneRelationships", metadata.lookups),
    ],
    strict_slashes=False,
    merge_slashes=False,
)

_ADAPTER = _ROUTES.bind("")


def answer(organisation: Organisation, request: Request) -> Response:
    """Turns everything into a response, except NoReply."""
    target, arguments = _target(request)
    if target.area == _CONTROL:
        return _answered(lambda: target.answer(organisation, request, **arguments))
    with organisation.counts.counted(target.area, request.method, target.kind) as status:
        response = _answered(lambda: _outside(organisation, request, target, arguments))
        status.append(response.status_code)
    return response


def _outside(organisation: Organisation, request: Request, target: _Target, arguments: dict[str, Any]) -> Response:
    if target.area == SIGN_IN:
        return target.answer(organisation, request, **arguments)
    arguments.pop("version", None)
    return pass_gate(organisation, request, lambda call: target.answer(call, **arguments))


def _answered(respond: Callable[[], Response]) -> Response:
    try:
        return respond()
    except Refusal as refusal:
        return refusal.response()
    except NoReply:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort, and the client deserves an answer
        _report(error)
        return Refusal(500, "0x80040216", "An unexpected error occurred.").response()


def _report(error: Exception) -> None:
    """Prints where it happened and the exception's type, but not its text, which may quote a lead."""
    where = "".join(traceback.format_tb(error.__traceback__))
    print(f"{type(error).__name__}\n{where}", file=sys.stderr, flush=True)


def _target(request: Request) -> tuple[_Target, dict[str, Any]]:
    try:
        target, arguments = _ADAPTER.match(request.path, request.method)
    except HTTPException as error:
        return _nowhere(request, wrong_method=isinstance(error, MethodNotAllowed)), {}
    return target, dict(arguments)


def _nowhere(request: Request, *, wrong_method: bool) -> _Target:
    if not request.path.startswith("/api/data/"):
        return _Target(_CONTROL, "other", lambda *_, **__: _refuse(Refusal(404, "", "Nothing is here.")))
    segment = request.path.split("/")[4:5]
    refusal = (
        Refusal(404, "", f"No HTTP resource was found that matches the request URI '{request.path}'.")
        if wrong_method
        else Refusal(404, "0x8006088a", f"Resource not found for the segment '{''.join(segment).split('(')[0]}'.")
    )
    return _Target(DATA, "other", lambda *_, **__: _refuse(refusal))


def _refuse(refusal: Refusal) -> Response:
    raise refusal
