"""One lead: what happened to it, what Dynamics gets, and what a person can do."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadpipe.console.masking import Mask, masked_lead, masked_values
from leadpipe.console.plans import Choice, Verb, command_of, why_not
from leadpipe.model.errors import LeadpipeError, NotAllowed
from leadpipe.model.lead import Lead
from leadpipe.model.record import OPEN, Record, State
from leadpipe.operations.causes import cause_of
from leadpipe.operations.comebacks import came_back
from leadpipe.operations.decisions import known
from leadpipe.operations.decisions import reveal as note_that_it_is_revealed
from leadpipe.operations.find import history_of, read_unless_damaged
from leadpipe.operations.mapping.shown import Fields, mapping_and_faults, rows_of_lead
from leadpipe.operations.payload_edit import LEAD_FIELDS, PERSON_FIELDS

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit

REFRESH_SECONDS = 5
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
# The documented fields of a post, and where a lead has them.
FIELDS = {name: _WORD.sub("_", name).lower() for name in (*PERSON_FIELDS, *LEAD_FIELDS)}
_EDITABLE = frozenset({State.POISONED, State.REJECTED, State.DISCARDED})
_TITLES = {
    Verb.REPLAY: "Replay",
    Verb.DISCARD: "Discard…",
    Verb.ERASE: "Erase…",
    Verb.COMPLETE: "It is completed",
    Verb.DRAIN: "Deliver now",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """An action. `why_not`: why it cannot be used now; empty if it can."""

    verb: Verb
    title: str
    why_not: str
    command: str
    anyway: bool = False
    at_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    value: str
    origin: str


def show(visit: "Visit", lead_id: str) -> "Response":
    damage: list[str] = []
    record = visit.ports.ledger.read(lead_id, damage=damage)
    if record is None:
        raise LeadpipeError("unknown_lead", f"the ledger has no lead {lead_id}")
    revealed = "reveal" in visit.request.args and visit.console.is_revealed(lead_id, visit.visitor)
    lead = Lead.found_in(record.text)
    mask = Mask(record, lead, revealed=revealed)
    mapping, faults = mapping_and_faults(visit.target.settings.mapping_path)
    shown = lead if revealed or lead is None else masked_lead(lead)
    columns: list[Column] = []
    if lead and shown and mapping:
        columns = [*_columns(rows_of_lead(mapping, lead, lead_id), rows_of_lead(mapping, shown, lead_id))]
    events = history_of(record, visit.ports.ledger.events(lead_id, damage=damage))
    return visit.page(
        "lead.html",
        page="leads",
        title=record.company or lead_id,
        record=record,
        lead=lead,
        mask=mask,
        revealed=revealed,
        has_data=lead is not None or record.payload is not None or bool(record.email or record.name),
        cause=cause_of(record.reason, lead_id) if record.reason else None,
        replayed_at=came_back(record, events),
        events=events,
        columns=columns,
        fields=[*_posted_fields(shown)] if shown else [],
        faults=faults,
        matching=[rule.name for rule in mapping.matching(lead)] if lead and mapping else [],
        posted=_posted(record) if revealed else "",
        holder=_holder_of(visit, record),
        damage=damage,
        buttons=[*_buttons(visit, record)],
        may_edit=record.state in _EDITABLE and record.payload is not None,
        in_dynamics=_link(visit, record),
        is_open=record.state in OPEN,
        refresh=REFRESH_SECONDS if record.state in OPEN else None,
    )


def reveal(visit: "Visit", lead_id: str) -> "Response":
    look(visit, lead_id)
    if visit.posted("next") == "edit":
        return visit.go(f"/leads/{lead_id}/edit")
    return visit.go(f"/leads/{lead_id}", reveal="1")


def look(visit: "Visit", lead_id: str) -> None:
    """Notes in the lead's history who looks, and then shows the personal data for some minutes."""
    note_that_it_is_revealed(lead_id, visit.desk)
    visit.console.reveal(lead_id, visit.visitor)


def _columns(rows: Iterable[Fields], of_shown: Iterable[Fields]) -> Iterator[Column]:
    for row, value in masked_values(rows, of_shown):
        yield Column(name=row["column"], value="" if value is None else str(value), origin=str(row["from"]))


def _posted_fields(shown: Lead) -> Iterator[tuple[str, str]]:
    """Each documented field that was posted."""
    for name, attribute in FIELDS.items():
        if value := getattr(shown, attribute):
            yield name, value


def _posted(record: Record) -> str:
    payload = record.payload
    return payload.decode("utf-8", "backslashreplace") if isinstance(payload, bytes) else payload or ""


def _holder_of(visit: "Visit", record: Record) -> Record | None:
    """The lead that this one repeats, or is a note on."""
    return read_unless_damaged(record.duplicate_of, visit.ports.ledger, damage=[]) if record.duplicate_of else None


def _buttons(visit: "Visit", record: Record) -> Iterator[Button]:
    is_written_too = record.state in {State.DUPLICATE, State.MERGED}
    verbs = [Verb.REPLAY, Verb.DISCARD, Verb.ERASE]
    if record.state is State.FALLBACK:
        verbs.insert(0, Verb.DRAIN)
    if record.state is State.WRITTEN and record.reason == "person_unread":
        verbs.insert(0, Verb.COMPLETE)
    for verb in verbs:
        choice = Choice(verb=verb, lead_ids=(record.lead_id,), anyway=verb is Verb.REPLAY and is_written_too)
        yield Button(
            verb=verb,
            title="Write it too" if choice.anyway else _TITLES[verb],
            why_not=visit.visitor.why_not or why_not(record, choice, visit.desk),
            command=command_of(choice),
            anyway=choice.anyway,
            at_once=verb in {Verb.REPLAY, Verb.COMPLETE, Verb.DRAIN},
        )


def _link(visit: "Visit", record: Record) -> str:
    """The address of the lead in Dynamics, where it is there; of a note, that of the lead that it is on."""
    dataverse = visit.target.settings.dataverse
    if dataverse is None or record.written_at is None:
        return ""
    return f"{dataverse.url}/main.aspx?pagetype=entityrecord&etn=lead&id={record.noted_on or record.lead_id}"


def require(visit: "Visit", lead_id: str) -> Record:
    """The lead's record, for a page that changes it. Raises NotAllowed where it cannot be edited."""
    record = known(lead_id, visit.ports.ledger)
    if record.state not in _EDITABLE or record.payload is None:
        raise NotAllowed(
            "not_edited", f"{lead_id} is {record.state}; only a lead that waits for a person can be edited"
        )
    return record
