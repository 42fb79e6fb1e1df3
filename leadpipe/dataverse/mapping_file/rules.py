"""Rules: for which leads, which owner, campaign and columns. Every rule that matches applies, the first one first."""

from collections.abc import Mapping
from dataclasses import dataclass

from leadpipe.dataverse.mapping_file.values import Setting
from leadpipe.model.lead import Lead
from leadpipe.model.source import one_source, spellings_of

FIELDS = ("offer", "source", "action", "country")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A text whose case does not count, whole or, where it ended in `*`, as a start."""

    text: str
    is_start: bool = False

    @classmethod
    def of(cls, written: str, field: str = "") -> "Pattern":
        text = written.strip().casefold()
        if text.endswith("*"):
            return cls(text=text.removesuffix("*"), is_start=True)
        return cls(text=one_source(text).casefold() if field == "source" else text)

    def matches(self, said: str) -> bool:
        return said.startswith(self.text) if self.is_start else said == self.text

    def __str__(self) -> str:
        return f"{self.text}*" if self.is_start else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Each field that is named has to match one of its patterns; none named: every lead."""

    patterns: Mapping[str, tuple[Pattern, ...]]

    def matches(self, lead: Lead) -> bool:
        return all(
            any(pattern.matches(said) for pattern in wanted for said in _said(lead, field))
            for field, wanted in self.patterns.items()
        )

    def __str__(self) -> str:
        told = (f"{field} {' or '.join(map(str, wanted)) or '-'}" for field, wanted in self.patterns.items())
        return " and ".join(told) or "every lead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    name: str
    line: int
    when: When
    sets: Mapping[str, Setting]


def _said(lead: Lead, field: str) -> list[str]:
    """An offer goes by its id and by its title, since a lead may have either; a source by each of its spellings."""
    if field == "source":
        return [text.strip().casefold() for text in spellings_of(lead.source)]
    if field != "offer":
        return [str(getattr(lead, field)).strip().casefold()]
    offers = [text for text in (lead.offer.strip().casefold(), lead.offer_title.strip().casefold()) if text]
    return offers or [""]
