"""Answers under `/_standin/`: faults, limits, and what was written. Neither throttled nor counted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from devkit.standin.organisation.columns import link_column
from devkit.standin.organisation.config_checks import ConfigError
from devkit.standin.organisation.faults import FaultError
from devkit.standin.organisation.row_store import timestamp
from devkit.standin.replies import json_reply, no_content

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from devkit.standin.organisation.organisation import Organisation
    from devkit.standin.organisation.row_store import Row


def leads(organisation: Organisation, request: Request) -> Response:
    try:
        since = _since(request)
    except ValueError:
        return _refused("since: a time such as 2026-01-31T12:00:00Z is expected")
    if "leadid" not in request.args:
        return json_reply([_lead(lead) for lead in organisation.leads.since(since)])
    lead = organisation.leads.get(request.args["leadid"].lower())
    return json_reply([] if lead is None or lead.created_at < since else [_lead(lead)])


def clear_leads(organisation: Organisation, _request: Request) -> Response:
    """Deletes all leads, and their notes with them."""
    organisation.leads.clear()
    organisation.notes.clear()
    return no_content()


def notes(organisation: Organisation, _request: Request) -> Response:
    """Lists the notes, first written first; `lead` is the id of the one that each is on."""
    found = reversed(organisation.notes.newest())
    return json_reply([{**note.columns, "lead": note.columns.get(link_column("objectid_lead"))} for note in found])


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
    """Changes the configuration. New limits begin with empty windows."""
    try:
        organisation.config = organisation.config.changed(request.get_json(force=True, silent=True))
    except ConfigError as error:
        return _refused(str(error))
    organisation.throttle.forget()
    return config(organisation, request)


def reset_config(organisation: Organisation, request: Request) -> Response:
    """Goes back to the first configuration, and forgets what administrators have made."""
    organisation.config = organisation.first_config
    organisation.made.clear()
    organisation.throttle.forget()
    return config(organisation, request)


def _since(request: Request) -> str:
    if "since" not in request.args:
        return ""
    since = datetime.fromisoformat(request.args["since"].replace(" ", "+"))
    return timestamp(since if since.tzinfo else since.replace(tzinfo=UTC))


def _lead(lead: Row) -> dict[str, Any]:
    return lead.columns | {"leadid": lead.row_id, "created_at": lead.created_at}


def _refused(reason: str) -> Response:
    return json_reply({"error": reason}, 400)
