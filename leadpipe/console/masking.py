"""Hides personal data in what a page shows, until a person asks for it."""

import re
from collections.abc import Iterable

from leadpipe.model.errors import InvalidLead
from leadpipe.model.lead import Lead
from leadpipe.model.record import Record

HIDDEN = "•••"


def masked(text: str) -> str:
    """Its first character; of an address also what follows the @."""
    before, at, domain = text.partition("@")
    if at and " " not in text:
        return f"{before[:1]}{HIDDEN}@{domain}"
    return f"{text[:1]}{HIDDEN}" if text else ""


class Mask:
    """Hides the lead's person wherever the person is named: in columns, details and answers of Dynamics."""

    def __init__(self, record: Record, lead: Lead | None, *, revealed: bool) -> None:
        texts = () if revealed else _personal(record, lead)
        longest_first = sorted({text.strip() for text in texts if text.strip()}, key=len, reverse=True)
        self._pattern = _any_of(longest_first)

    def __call__(self, text: object) -> str:
        shown = str(text)
        return self._pattern.sub(lambda found: masked(found[0]), shown) if self._pattern else shown


def lead_of(record: Record) -> Lead | None:
    """The lead as it is read now; None where no payload that is a lead was kept."""
    try:
        return Lead.from_payload(record.text) if record.text else None
    except InvalidLead:
        return None


def _personal(record: Record, lead: Lead | None) -> tuple[str, ...]:
    of_record = (record.email, record.name, *record.name.split())
    if lead is None:
        return of_record
    return (*of_record, lead.first_name, lead.last_name, lead.email, lead.phone, lead.title, lead.description)


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    """Matches each text as whole words, in any case: the name Al is not in Albania."""
    patterns = [rf"(?<!\w){re.escape(text)}(?!\w)" for text in texts]
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None
