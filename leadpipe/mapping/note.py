"""The note that a customer's later action becomes: which column of Dynamics each of its fields goes to.

https://learn.microsoft.com/power-apps/developer/data-platform/reference/entities/annotation
"""

from leadpipe.mapping.fields import ACTION_WORDS
from leadpipe.model.lead import Lead
from leadpipe.model.lead_id import received_at
from leadpipe.model.ports import Columns
from leadpipe.model.text import fit, utf16_length

LENGTHS = {"subject": 500, "notetext": 100_000}
_LINE_LENGTH = 200


def note_of(lead: Lead, lead_id: str, of: str) -> Columns:
    """Gives what Dynamics is sent of a later action: a note under its own id, on the lead `of`."""
    offer = lead.offer_title.strip() or lead.offer
    action = ACTION_WORDS.get(lead.action.upper(), lead.action)
    subject = " – ".join(part for part in (action or "Marketplace lead", offer) if part)
    lines = _lines(lead, lead_id, action)
    words = fit(lead.words, LENGTHS["notetext"] - utf16_length(lines) - 2)
    return {
        "annotationid": lead_id,
        "subject": fit(subject, LENGTHS["subject"]),
        "notetext": f"{words}\n\n{lines}" if words else lines,
        "objectid_lead@odata.bind": f"/leads({of})",
    }


def _lines(lead: Lead, lead_id: str, action: str) -> str:
    """What is known of the action, a line each, with what the customer filled in this time."""
    values = (
        ("Action", action),
        ("Offer", lead.offer or lead.offer_title),
        ("Received", f"{received_at(lead_id):%Y-%m-%d %H:%M} UTC"),
        ("Source", lead.source),
        ("Name", lead.name),
        ("E-mail", lead.email),
        ("Phone", lead.phone),
        ("Company", lead.company),
        ("Title", lead.title),
        ("Country", lead.country),
        ("Lead id", lead_id),
    )
    fitted = ((name, fit(" ".join(value.split()), _LINE_LENGTH)) for name, value in values)
    return "\n".join(f"{name}: {value}" for name, value in fitted if value)
