"""Edit and replay: a form over the posted fields, checked before anything is written, old and new side by side."""

from typing import TYPE_CHECKING

from leadpipe.console.views.lead import FIELDS, look, require
from leadpipe.model.change import Edited
from leadpipe.model.errors import NotAllowed
from leadpipe.model.lead import Lead
from leadpipe.model.record import Record
from leadpipe.operations.decisions import check as checked
from leadpipe.operations.decisions import edit, replay
from leadpipe.operations.payload_edit import differences, pretty, with_fields

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit

_EMPTY = "the box is empty; a lead that nobody wants is discarded instead"


def show(visit: "Visit", lead_id: str) -> "Response":
    record = require(visit, lead_id)
    if not visit.console.is_revealed(lead_id, visit.visitor):
        return _ask(visit, record)
    return _form(visit, record)


def check(visit: "Visit", lead_id: str) -> "Response":
    """Shows what would change, and saves nothing."""
    record = require(visit, lead_id)
    if visit.posted("look"):
        look(visit, lead_id)
    if not visit.console.is_revealed(lead_id, visit.visitor):
        return _ask(visit, record)
    if visit.posted("as") == "text" and not visit.posted("text"):
        return _form(visit, record, fault=_EMPTY, status=422)
    try:
        payload = _edited(visit, record)
        checked(record, Edited(actor=visit.visitor.actor, payload=payload), visit.desk)
    except NotAllowed as error:
        return _form(visit, record, fault=error.detail, status=422)
    changes = [*differences(record.payload, payload)]
    if payload == record.payload:
        return _form(visit, record, fault="nothing is changed yet")
    return visit.page(
        "edit_check.html", page="leads", title="Edit a lead", record=record, payload=payload, changes=changes
    )


def save(visit: "Visit", lead_id: str) -> "Response":
    """Saves the new text, and sends the lead again where that was asked for."""
    record = require(visit, lead_id)
    edit(record, _with_line_feeds(visit.request.form.get("payload", "")), visit.desk)
    if visit.posted("then") == "replay":
        replay(lead_id, visit.desk)
    return visit.go(f"/leads/{lead_id}")


def _ask(visit: "Visit", record: Record) -> "Response":
    """Asks before anything personal is shown. What was typed already goes along."""
    typed = [*visit.request.form.items()]
    return visit.page("edit_ask.html", page="leads", title="Edit a lead", record=record, typed=typed)


def _form(visit: "Visit", record: Record, *, fault: str = "", status: int = 200) -> "Response":
    """The fields, or the text where it has none or the person wants it."""
    lead = Lead.found_in(record.text)
    as_text = lead is None or "text" in (visit.given("as"), visit.posted("as"))
    given = visit.request.form
    fields = [] if lead is None else [(name, getattr(lead, attribute)) for name, attribute in FIELDS.items()]
    return visit.page(
        "edit.html",
        page="leads",
        title="Edit a lead",
        status=status,
        record=record,
        as_text=as_text,
        fields=[(name, given.get(name, value)) for name, value in fields],
        text=given.get("text") or pretty(record.payload),
        fault=fault,
    )


def _edited(visit: "Visit", record: Record) -> str:
    """The text with the changes of the form. Only fields that were changed are set."""
    if visit.posted("as") == "text":
        text = _with_line_feeds(visit.request.form.get("text", "")).strip()
        return str(record.payload) if text == pretty(record.payload).strip() else text
    lead = Lead.found_in(record.text)
    values = {name: _with_line_feeds(visit.request.form.get(name, "")) for name in FIELDS}
    before = {name: _with_line_feeds(str(getattr(lead, attribute, ""))) for name, attribute in FIELDS.items()}
    changed = {name.lower(): value for name, value in values.items() if value != before[name]}
    return with_fields(record.payload, changed) if changed else str(record.payload)


def _with_line_feeds(text: str) -> str:
    """Forms send line ends as two characters."""
    return text.replace("\r\n", "\n")
