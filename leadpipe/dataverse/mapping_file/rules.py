"""Rules: for which leads, which owner, campaign and columns. Every rule that matches applies, the first one first."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

from leadpipe.dataverse.mapping_file.values import Setting
from leadpipe.model.lead import Lead

FIELDS = ("offer", "source", "action", "country")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A text whose case does not count, whole or, where it ended in `*`, as a start."""

    text: str
    is_start: bool = False

    @classmethod
    def of(cls, written: str) -> "Pattern":
        text = written.strip().casefold()
        return cls(text=text.removesuffix("*"), is_start=text.endswith("*"))

    def matches(self, said: str) -> bool:
        return said.startswith(self.text) if self.is_start else said == self.text

    def covers(self, other: "Pattern") -> bool:
        """Whether it matches all that the other one matches."""
        return other.text.startswith(self.text) if self.is_start else self == other

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

    def covers(self, case: Mapping[str, Pattern]) -> bool:
        """Whether it matches every lead that the case does: for each field one pattern."""
        return all(
            field in case and any(pattern.covers(case[field]) for pattern in wanted)
            for field, wanted in self.patterns.items()
        )

    def cases(self) -> list[dict[str, Pattern]]:
        """It as single patterns for each field: `country = [FR, DE]` is two cases."""
        return [dict(zip(self.patterns, chosen, strict=True)) for chosen in product(*self.patterns.values())]

    def __str__(self) -> str:
        told = (f"{field} {' or '.join(map(str, wanted)) or '-'}" for field, wanted in self.patterns.items())
        return " and ".join(told) or "every lead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    name: str
    line: int
    when: When
    sets: Mapping[str, Setting]


def hidden_by(rule: Rule, earlier: list[Rule]) -> list[Rule]:
    """The earlier rules that leave it nothing to say: whatever it matches, they match and set the same columns."""
    hiding: dict[str, Rule] = {}
    for case, column in product(rule.when.cases(), rule.sets):
        first = next((each for each in earlier if column in each.sets and each.when.covers(case)), None)
        if first is None:
            return []
        hiding.setdefault(first.name, first)
    return list(hiding.values())


def _said(lead: Lead, field: str) -> list[str]:
    """An offer goes by its id and by its title, since a lead may have either."""
    if field != "offer":
        return [str(getattr(lead, field)).strip().casefold()]
    offers = [text for text in (lead.offer.strip().casefold(), lead.offer_title.strip().casefold()) if text]
    return offers or [""]
