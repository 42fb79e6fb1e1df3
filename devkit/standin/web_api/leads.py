"""The `leads` set of the Web API: create, read, change, delete.

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/create-entity-web-api and the pages beside it
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from devkit.standin.organisation.faults import Stage
from devkit.standin.organisation.lead_columns import OWNERS, entity_of
from devkit.standin.organisation.lead_store import Lead, Written
from devkit.standin.organisation.security import APPEND_TO, Depth, check_owner
from devkit.standin.refusal import Refusal
from devkit.standin.replies import json_reply, no_content
from devkit.standin.web_api.lead_row import created_row, readable, revised_row
from devkit.standin.web_api.lead_validation import Changes, checked, parse_guid, read_body
from devkit.standin.web_api.query_options import search_of, selected

if TYPE_CHECKING:
    from devkit.standin.web_api.gate import Call


def create(call: Call) -> Response:
    call.require("prvCreateLead")
    changes = _changes(call, creating=True)
    leadid = _chosen_id(changes.columns.pop("leadid", None))
    _work(call, writes=True)
    if _insert(call, leadid, changes) is Written.EXISTS:
        raise _duplicate()
    return _written(call, leadid, created=True)


def upsert(call: Call, key: str) -> Response:
    """PATCH: If-Match allows only a change, If-None-Match only a new row, neither allows both."""
    leadid = parse_guid(key)
    if call.request.headers.get("If-None-Match") == "*":
        return _create_only(call, leadid)
    wanted = call.request.headers.get("If-Match")
    done = _update(call, leadid)
    if done is Written.STALE:
        raise _stale()
    if done is Written.MISSING and wanted is not None:
        raise _missing(leadid)
    if done is Written.MISSING:
        return _create_only(call, leadid)
    return _written(call, leadid, created=False)


def read(call: Call, key: str) -> Response:
    leadid = parse_guid(key)
    call.require("prvReadLead")
    known = call.organisation.readable()
    columns = selected(call.request.args, known)
    call.strike(Stage.WORK)
    lead = call.organisation.leads.get(leadid)
    if lead is None:
        raise _missing(leadid)
    if call.request.headers.get("If-None-Match") == _etag(lead):
        return Response(status=304)
    context = f"{call.api}/$metadata#leads{_context_columns(columns)}/$entity"
    return json_reply({"@odata.context": context, **readable(lead, columns, known)})


def search(call: Call) -> Response:
    call.require("prvReadLead")
    known = call.organisation.readable()
    columns, wanted = selected(call.request.args, known), search_of(call.request.args, known)
    call.strike(Stage.WORK)
    answer: dict[str, Any] = {"@odata.context": f"{call.api}/$metadata#leads{_context_columns(columns)}"}
    if call.request.args.get("$count") == "true":
        answer["@odata.count"] = call.organisation.leads.count(wanted)
    answer["value"] = [readable(lead, columns, known) for lead in call.organisation.leads.find(wanted)]
    return json_reply(answer)


def count(call: Call) -> Response:
    call.require("prvReadLead")
    wanted = search_of(call.request.args, call.organisation.readable())
    call.strike(Stage.WORK)
    return Response(str(call.organisation.leads.count(wanted)), mimetype="text/plain")


def delete(call: Call, key: str) -> Response:
    leadid = parse_guid(key)
    call.require("prvDeleteLead")
    _work(call, writes=True)
    done = call.organisation.leads.delete(leadid, version=_wanted_version(call))
    if done is Written.STALE:
        raise _stale()
    if done is Written.MISSING:
        raise _missing(leadid)
    call.strike(Stage.COMMITTED)
    return no_content()


def _create_only(call: Call, leadid: str) -> Response:
    call.require("prvCreateLead")
    changes = _changes(call, creating=True)
    changes.columns.pop("leadid", None)
    _work(call, writes=True)
    if _insert(call, leadid, changes) is Written.EXISTS:
        raise _duplicate()
    return _written(call, leadid, created=True)


def _insert(call: Call, leadid: str, changes: Changes) -> Written:
    return call.organisation.leads.create(leadid, created_row(leadid, changes, call.identity.user_id))


def _update(call: Call, leadid: str) -> Written:
    leads = call.organisation.leads
    if leads.get(leadid) is None:
        return Written.MISSING
    call.require("prvWriteLead")
    changes = _changes(call, creating=False)
    _work(call, writes=True)
    return leads.update(leadid, lambda columns: revised_row(columns, changes), version=_wanted_version(call))


def _changes(call: Call, *, creating: bool) -> Changes:
    organisation = call.organisation
    row = read_body(call.request.get_data())
    changes = checked(row, creating=creating, columns=organisation.columns(), links=organisation.links())
    for reference in changes.links.values():
        _check_link(call, reference.entity_set, reference.row_id)
    return changes


def _check_link(call: Call, entity_set: str, row_id: str) -> None:
    organisation = call.organisation
    if not organisation.knows_row(entity_set, row_id):
        raise Refusal(404, "0x80040217", f"Entity '{entity_of(entity_set)}' With Id = {row_id} Does Not Exist")
    if entity_set in APPEND_TO:
        call.require("prvAppendLead")
        call.require(APPEND_TO[entity_set])
    elif entity_set in OWNERS and row_id != call.identity.user_id:
        # A lead of somebody else's is beyond the user's own rows.
        call.require("prvAssignLead", depth=Depth.LOCAL)
        call.require("prvCreateLead", depth=Depth.LOCAL)
        check_owner(row_id, organisation.config.unfit_owners.get(row_id))


def _work(call: Call, *, writes: bool) -> None:
    call.strike(Stage.WORK)
    if writes:
        call.strike(Stage.WRITE)


def _written(call: Call, leadid: str, *, created: bool) -> Response:
    call.strike(Stage.COMMITTED)
    if "return=representation" in call.request.headers.get("Prefer", ""):
        answer = read(call, leadid)
        answer.status_code = 201 if created else 200
        answer.headers["Preference-Applied"] = "return=representation"
        return answer
    answer = no_content()
    answer.headers["OData-EntityId"] = f"{call.api}/leads({leadid})"
    return answer


def _chosen_id(leadid: str | None) -> str:
    return str(uuid.uuid4()) if leadid in (None, str(uuid.UUID(int=0))) else str(leadid)


def _wanted_version(call: Call) -> int | None:
    wanted = call.request.headers.get("If-Match")
    if wanted in (None, "*"):
        return None
    found = re.fullmatch(r'W/"(\d+)"', str(wanted))
    return int(found[1]) if found else -1


def _etag(lead: Lead) -> str:
    return f'W/"{lead.version}"'


def _context_columns(columns: list[str] | None) -> str:
    return "" if columns is None else f"({','.join(columns)})"


def _duplicate() -> Refusal:
    return Refusal(412, "0x80040237", "A record with matching key values already exists.")


def _missing(leadid: str) -> Refusal:
    return Refusal(404, "0x80040217", f"Entity 'Lead' With Id = {leadid} Does Not Exist")


def _stale() -> Refusal:
    return Refusal(
        412, "0x80060882", "The version of the existing record doesn't match the RowVersion property provided."
    )
