"""Reached from outside under `/_standin/`: faults, limits, and what was written. Never throttled, never counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.config_checks import ConfigError
from devkit.standin.organisation.faults import FaultError
from devkit.standin.organisation.lead_store import Lead, Search, timestamp
from devkit.standin.replies import json_reply, no_content

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from devkit.standin.organisation.organisation import Organisation


def leads(organisation: Organisation, request: Request) -> Response:
    try:
        wanted = _search(request)
    except ValueError:
        return _refused("since: a time such as 2026-01-31T12:00:00Z is expected")
    return json_reply([_lead(lead) for lead in organisation.leads.find(wanted)])


def clear_leads(organisation: Organisation, _request: Request) -> Response:
    organisation.leads.clear()
    return no_content()


def faults(organisation: Organisation, _request: Request) -> Response:
    return json_reply(organisation.faults.to_json())


def add_fault(organisation: Organisation, request: Request) -> Response:
    try:
        fault = organisation.faults.switch_on(request.get_json(force=True, silent=True))
    except FaultError as error:
        return _refused(str(error))
    return json_reply(fault.to_json(), 201)


def clear_faults(organisation: Organisation, _request: Request, fault_id: int | None = None) -> Response:
    organisation.faults.clear(fault_id)
    return no_content()


def requests(organisation: Organisation, _request: Request) -> Response:
    return json_reply(organisation.counts.to_json())


def clear_requests(organisation: Organisation, _request: Request) -> Response:
    organisation.counts.clear()
    return no_content()


def config(organisation: Organisation, _request: Request) -> Response:
    return json_reply(organisation.config.to_json() | {"rows": organisation.rows()})


def change_config(organisation: Organisation, request: Request) -> Response:
    """New limits begin with empty windows."""
    try:
        organisation.config = organisation.config.changed(request.get_json(force=True, silent=True))
    except ConfigError as error:
        return _refused(str(error))
    organisation.throttle.forget()
    return config(organisation, request)


def reset_config(organisation: Organisation, request: Request) -> Response:
    """As it began, without what administrators made since."""
    organisation.config = organisation.first_config
    organisation.made.clear()
    organisation.throttle.forget()
    return config(organisation, request)


def _search(request: Request) -> Search:
    conditions, values = [], []
    if "since" in request.args:
        since = datetime.fromisoformat(request.args["since"].replace(" ", "+"))
        conditions.append("created_at >= ?")
        values.append(timestamp(since if since.tzinfo else since.replace(tzinfo=UTC)))
    if "leadid" in request.args:
        conditions.append("leadid = ?")
        values.append(request.args["leadid"].lower())
    return Search(conditions=conditions, values=values, order="rowid", limit=-1)


def _lead(lead: Lead) -> dict[str, Any]:
    return lead.columns | {"leadid": lead.leadid, "created_at": lead.created_at}


def _refused(reason: str) -> Response:
    return json_reply({"error": reason}, 400)
