"""Hides personal data in what a page shows, until a person asks for it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from leadpipe.model.lead import Lead
from leadpipe.model.record import Record
from leadpipe.model.text import can_name_somebody
from leadpipe.operations.mapping.shown import Fields

HIDDEN = "•••"
_ADDRESS = re.compile(r"[^@\s]+@((?:[\w-]+\.)+[\w-]+)")
# Of a personal text, a part of that many characters is hidden too: an answer may quote it cut, or within other words.
# In a description, what is shorter than a few words is everybody's language.
_PART = 8
_PART_OF_WORDS = 20


def masked(text: str) -> str:
    """Its first character; of an address also what follows the @."""
    address = _ADDRESS.fullmatch(text)
    if address:
        return f"{text[:1]}{HIDDEN}@{address[1]}"
    return f"{text[:1]}{HIDDEN}" if text else ""


def masked_lead(lead: Lead) -> Lead:
    """The lead with every text masked that can say something about the person.

    Country, company, source, action and offer stay: without them nobody can tell one lead from another.
    """
    return replace(
        lead,
        first_name=_masked_name(lead.first_name),
        last_name=_masked_name(lead.last_name),
        email=_masked_name(lead.email),
        phone=_masked_name(lead.phone),
        title=masked(lead.title.strip()),
        description=_masked_words(lead) if lead.words else lead.description,
    )


def _masked_name(text: str) -> str:
    """What names nobody, such as `N/A`, stays: by it the mapping sees that the marketplace withheld the person."""
    return masked(text.strip()) if can_name_somebody(text) else text


def _masked_words(lead: Lead) -> str:
    words = masked(lead.description.strip())
    return f"{words}\nCampaigns: {masked(lead.campaign)}" if lead.campaign else words


def masked_values(rows: Iterable[Fields], of_masked: Iterable[Fields]) -> Iterator[tuple[Fields, object]]:
    """Each column of the lead, and what can be shown of it: what the same mapping makes of the masked lead.

    So it does not matter how a rule joins or cuts the lead's texts. Only numbers are those of the lead itself.
    """
    shown = {row["column"]: row["value"] for row in of_masked}
    for row in rows:
        value = row["value"]
        yield row, shown.get(row["column"]) or HIDDEN if isinstance(value, str) else value


class Mask:
    """Hides the lead's person in free texts: details and answers of Dynamics, which may quote the lead."""

    def __init__(self, record: Record, lead: Lead | None, *, revealed: bool) -> None:
        words = lead.description.strip() if lead and not revealed else ""
        texts = {text.strip() for text in (() if revealed else _personal(record, lead)) if text.strip()}
        longest_first = sorted({*texts, words} - {""}, key=len, reverse=True)
        self._pattern = _any_of(longest_first)
        # What follows the @ of an address is shown by a mask, so it is not looked for.
        self._parts = _parts((text.partition("@")[0] for text in texts), _PART) | _parts([words], _PART_OF_WORDS)

    def __call__(self, text: object) -> str:
        shown = str(text)
        if self._pattern:
            shown = self._pattern.sub(lambda found: masked(found[0]), shown)
        return self._without_parts(shown)

    def _without_parts(self, text: str) -> str:
        """Puts one mark in the place of all characters that belong to a part of a personal text."""
        hidden = {
            place
            for length in (_PART, _PART_OF_WORDS)
            for start in range(len(text) - length + 1)
            if text[start : start + length].lower() in self._parts
            for place in range(start, start + length)
        }
        marks = ((char, place in hidden, place - 1 in hidden) for place, char in enumerate(text))
        return "".join(
            HIDDEN if is_hidden else char for char, is_hidden, goes_on in marks if not (is_hidden and goes_on)
        )


def _personal(record: Record, lead: Lead | None) -> tuple[str, ...]:
    of_record = (record.email, record.name, *record.name.split())
    if lead is None:
        return of_record
    return (*of_record, lead.first_name, lead.last_name, lead.email, lead.phone, lead.title)


def _any_of(texts: Iterable[str]) -> re.Pattern[str] | None:
    """Matches each text as whole words, in any case: the name Al is not in Albania."""
    patterns = [rf"(?<![^\W_]){re.escape(text)}(?![^\W_])" for text in texts]
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None


def _parts(texts: Iterable[str], length: int) -> frozenset[str]:
    return frozenset(text[start : start + length].lower() for text in texts for start in range(len(text) - length + 1))
