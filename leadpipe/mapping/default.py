"""The default mapping: which column of Dynamics each of a lead's fields goes to."""

from string import Template

from leadpipe.mapping.fields import ACTION_WORDS
from leadpipe.mapping.lead_table import COLUMNS, Kind
from leadpipe.mapping.values import Constant, MappedColumn, Text, Value
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Columns
from leadpipe.model.text import fit, utf16_length, without_controls

# The default mapping as a mapping file would write it, as far as such a file can.
_TEXTS = {
    "subject": "$offer_title, else $offer, else Marketplace lead – $action_words – $company, else $name",
    "firstname": "$first_name",
    "lastname": "$last_name, else $company, else $email, else $phone, else (withheld)",
    "companyname": "$company",
    "jobtitle": "$title",
    "emailaddress1": "$email",
    "telephone1": "$phone",
    "address1_country": "$country",
    "description": "$description, then Source: $source, Action: $action, Offer: $offer, Lead id: $lead_id",
}
LENGTHS = {name: COLUMNS[name].longest for name in _TEXTS}
DO_NOT_CONTACT = ("donotemail", "donotbulkemail", "donotphone", "donotpostalmail", "donotfax")
LEAD_SOURCE_WEB = 8
_FOOTER_VALUE_LENGTH = 200


def columns_of(lead: Lead, lead_id: str) -> Columns:
    """Gives what Dynamics is sent: each text is cut to its column, empty columns are left out."""
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


def _subject(lead: Lead) -> str:
    product = _first_of(lead.offer_title, lead.offer) or "Marketplace lead"
    action = ACTION_WORDS.get(lead.action.upper(), lead.action)
    return " – ".join(part for part in (product, action, _first_of(lead.company, lead.name)) if part)


def _description(lead: Lead, lead_id: str) -> str:
    """Joins the customer's words and the footer; only the words are shortened, so the footer always fits."""
    values = (
        ("Source", lead.source),
        ("Action", lead.action),
        ("Offer", lead.offer or lead.offer_title),
        ("Personal data", "withheld by the marketplace" if lead.is_withheld else ""),
        ("Not read", ", ".join(lead.unread)),
        ("Lead id", lead_id),
    )
    fitted = ((name, fit(" ".join(value.split()), _FOOTER_VALUE_LENGTH)) for name, value in values)
    footer = "\n".join(f"{name}: {value}" for name, value in fitted if value)
    words = fit(lead.words, LENGTHS["description"] - utf16_length(footer) - 2)
    return f"{words}\n\n{footer}" if words else footer


def do_not_contact(lead: Lead) -> Columns:
    """Sets the columns that forbid contact, if the customer asked not to be contacted."""
    if not lead.is_do_not_contact:
        return {}
    return dict.fromkeys(DO_NOT_CONTACT, True)


def _first_of(*texts: str) -> str:
    return next((text.strip() for text in texts if without_controls(text).strip()), "")


def default_columns() -> dict[str, MappedColumn]:
    """Gives what the default mapping sets, as a mapping file would write it. The line is 0: there is no file."""
    web = next(label for label, number in COLUMNS["leadsourcecode"].options.items() if number == LEAD_SOURCE_WEB)
    yes = Constant(kind=Kind.YES_NO, value=True)
    values: dict[str, Value] = {
        **{name: Text(template=Template(text), longest=LENGTHS[name]) for name, text in _TEXTS.items()},
        "leadsourcecode": Constant(kind=Kind.OPTION, value=LEAD_SOURCE_WEB, label=web),
        **dict.fromkeys(DO_NOT_CONTACT, yes),
    }
    return {name: MappedColumn(column=name, value=value, line=0) for name, value in values.items()}
