"""The mapping as it is read now, and what it makes of one lead."""

from typing import TYPE_CHECKING

from leadpipe.model.errors import InvalidLead, LeadpipeError
from leadpipe.model.lead import Lead, posted_text
from leadpipe.model.lead_id import ENTROPY_BYTES, is_lead_id, new_lead_id
from leadpipe.operations.decisions import known
from leadpipe.operations.decisions import reveal as note_that_it_is_revealed
from leadpipe.operations.mapping.names import looked_up_elsewhere
from leadpipe.operations.mapping.shown import mapping_and_faults, rows_of_lead, rows_of_mapping

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from leadpipe.console.site import Visit


def show(visit: "Visit") -> "Response":
    return _page(visit)


def try_lead(visit: "Visit") -> "Response":
    """What one lead becomes: one of the ledger, or a posted text. Sends nothing."""
    given = visit.posted("lead")
    try:
        lead_id, lead = _lead_of(visit, given)
    except (LeadpipeError, InvalidLead) as error:
        return _page(visit, given=given, fault=error.detail, status=422)
    return _page(visit, given=given, lead=lead, lead_id=lead_id)


def _page(
    visit: "Visit", *, given: str = "", fault: str = "", lead: Lead | None = None, lead_id: str = "", status: int = 200
) -> "Response":
    named = visit.target.settings.mapping_path
    mapping, faults = mapping_and_faults(named)
    return visit.page(
        "mapping.html",
        page="mapping",
        title="Mapping",
        status=status,
        file=named or "",
        faults=faults,
        notes=looked_up_elsewhere(mapping, named, visit.target.settings) if mapping else [],
        rows=[*rows_of_mapping(mapping)] if mapping else [],
        rules=mapping.rules if mapping else (),
        given=given,
        fault=fault,
        lead=lead,
        matching=[rule.name for rule in mapping.matching(lead)] if mapping and lead else [],
        filled=[*rows_of_lead(mapping, lead, lead_id)] if mapping and lead else [],
    )


def _lead_of(visit: "Visit", given: str) -> tuple[str, Lead]:
    """The lead; one of the ledger is shown whole, which its history notes."""
    wanted = given.strip("{}").lower()
    if not is_lead_id(wanted):
        return new_lead_id(visit.at, bytes(ENTROPY_BYTES)), Lead.from_payload(posted_text(given.encode()))
    record = known(wanted, visit.ports.ledger)
    if not isinstance(record.payload, str):
        raise LeadpipeError("no_lead", f"the ledger keeps no lead text of {wanted}")
    lead = Lead.from_payload(record.payload)
    note_that_it_is_revealed(wanted, visit.desk)
    return wanted, lead
