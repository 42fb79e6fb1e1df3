"""The default mapping: which column of Dynamics a lead's field goes to.

Column lengths: https://learn.microsoft.com/dynamics365/customer-engagement/developer/entities/lead
"""

from typing import Any

from leadpipe.model.lead import Lead
from leadpipe.model.text import shortened, utf16_length, without_controls

Columns = dict[str, Any]

LEAD_SOURCE_WEB = 8
LENGTHS = {
    "subject": 300,
    "firstname": 50,
    "lastname": 50,
    "companyname": 100,
    "jobtitle": 100,
    "emailaddress1": 100,
    "telephone1": 50,
    "address1_country": 80,
    "description": 2000,
}
# What the customer did, https://learn.microsoft.com/partner-center/referrals/commercial-marketplace-get-customer-leads
ACTION_WORDS = {
    "INS": "Installation",
    "PLT": "Contact me",
    "DNC": "Do not contact",
    "CREATE": "Purchase",
    "STARTTESTDRIVE": "Test drive",
}
_FOOTER_VALUE_LENGTH = 200


def columns_of(lead: Lead, lead_id: str) -> Columns:
    """What Dynamics is sent: each text fits its column, empty columns are left out."""
    texts = {
        "subject": _subject(lead),
        "firstname": lead.first_name,
        "lastname": _first_of(lead.last_name, lead.company, lead.email, lead.phone) or lead.placeholder,
        "companyname": lead.company,
        "jobtitle": lead.title,
        "emailaddress1": lead.email,
        "telephone1": lead.phone,
        "address1_country": lead.country,
        "description": _description(lead, lead_id),
    }
    fitted = {column: fit(text, LENGTHS[column]) for column, text in texts.items()}
    filled = {column: text for column, text in fitted.items() if text}
    return {"leadid": lead_id, **filled, "leadsourcecode": LEAD_SOURCE_WEB, **do_not_contact(lead)}


def fit(text: str, units: int) -> str:
    """The text as the column takes it: trimmed, without refused characters, not longer than it may be."""
    return shortened(without_controls(text).strip(), units).rstrip()


def _subject(lead: Lead) -> str:
    product = _first_of(lead.offer_title, lead.offer) or "Marketplace lead"
    action = ACTION_WORDS.get(lead.action.upper(), lead.action)
    return " – ".join(part for part in (product, action, _first_of(lead.company, lead.name)) if part)


def _description(lead: Lead, lead_id: str) -> str:
    """The customer's words, shortened where needed so that what follows them always fits."""
    told = (
        ("Source", lead.source),
        ("Action", lead.action),
        ("Offer", lead.offer or lead.offer_title),
        ("Personal data", "withheld by the marketplace" if lead.is_withheld else ""),
        ("Not read", ", ".join(lead.unread)),
        ("Lead id", lead_id),
    )
    fitted = ((name, fit(" ".join(value.split()), _FOOTER_VALUE_LENGTH)) for name, value in told)
    footer = "\n".join(f"{name}: {value}" for name, value in fitted if value)
    words = fit(lead.words, LENGTHS["description"] - utf16_length(footer) - 2)
    return f"{words}\n\n{footer}" if words else footer


def do_not_contact(lead: Lead) -> Columns:
    """What keeps people from writing to or calling somebody who asked not to be."""
    if not lead.is_do_not_contact:
        return {}
    return dict.fromkeys(("donotemail", "donotbulkemail", "donotphone", "donotpostalmail", "donotfax"), True)


def _first_of(*texts: str) -> str:
    return next((text.strip() for text in texts if without_controls(text).strip()), "")
