"""Chooses a lead's owner, campaign and columns by rules. Every rule that matches applies; the first one wins."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leadpipe.mapping.default import columns_of, default_columns, do_not_contact
from leadpipe.mapping.fields import Fields
from leadpipe.mapping.lead_table import NEVER_EMPTY
from leadpipe.mapping.rating import RatingColumn
from leadpipe.mapping.values import MappedColumn, Sent
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Columns
from leadpipe.model.source import one_source, spellings_of

FIELDS = ("offer", "source", "action", "country")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Compares without regard to case: the whole text, or the start where the pattern was written with a final `*`."""

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
    """Each named field has to match one of its patterns. Without a field, every lead matches."""

    patterns: Mapping[str, tuple[Pattern, ...]]

    def matches(self, lead: Lead) -> bool:
        return all(
            any(pattern.matches(said) for pattern in wanted for said in _said(lead, field))
            for field, wanted in self.patterns.items()
        )

    def __str__(self) -> str:
        texts = (f"{field} {' or '.join(map(str, wanted)) or '-'}" for field, wanted in self.patterns.items())
        return " and ".join(texts) or "every lead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    name: str
    line: int
    when: When
    sets: Mapping[str, MappedColumn]


def _said(lead: Lead, field: str) -> list[str]:
    """What patterns are compared with. A lead may have an offer's id or its title; a source has several spellings."""
    if field == "source":
        return [text.strip().casefold() for text in spellings_of(lead.source)]
    if field != "offer":
        return [str(getattr(lead, field)).strip().casefold()]
    offers = [text for text in (lead.offer.strip().casefold(), lead.offer_title.strip().casefold()) if text]
    return offers or [""]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledColumn:
    """One column of one lead. `mapped` is None for the default mapping's own, `value` for a column left out."""

    column: str
    value: Sent | None
    mapped: MappedColumn | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """Immutable. `columns` are for every lead; of the rules that match and set a column the first wins.

    `rating`: the columns for Microsoft's rating, which no posted lead has.
    """

    file: str = ""
    columns: Mapping[str, MappedColumn]
    rules: tuple[Rule, ...] = ()
    rating: Mapping[str, RatingColumn] = field(default_factory=dict)

    def columns_of(self, lead: Lead, lead_id: str) -> Columns:
        return {each.column: each.value for each in self.fill(lead, lead_id) if each.value is not None}

    def matching(self, lead: Lead) -> list[Rule]:
        return [rule for rule in self.rules if rule.when.matches(lead)]

    def fill(self, lead: Lead, lead_id: str) -> list[FilledColumn]:
        """Every column of the lead, including those that the file leaves out."""
        default = columns_of(lead, lead_id)
        found = {column: FilledColumn(column=column, value=value) for column, value in default.items()}
        fields = Fields(lead, lead_id)
        for column, (mapped, rule) in self._chosen(lead).items():
            value = mapped.value.of(fields.with_default(default.get(column)))
            if value is not None or column not in NEVER_EMPTY:
                found[column] = FilledColumn(column=mapped.sent_as, value=value, mapped=mapped, rule=rule)
        # No mapping may undo "do not contact".
        kept = {column: FilledColumn(column=column, value=value) for column, value in do_not_contact(lead).items()}
        return [*(found | kept).values()]

    def _chosen(self, lead: Lead) -> dict[str, tuple[MappedColumn, Rule | None]]:
        chosen: dict[str, tuple[MappedColumn, Rule | None]] = {}
        chosen |= {name: (each, None) for name, each in self.columns.items()}
        for rule in reversed(self.matching(lead)):
            chosen |= {name: (each, rule) for name, each in rule.sets.items()}
        return chosen


def own_columns(mapping: FileMapping) -> list[MappedColumn]:
    """All that the file may set, for every lead and by each rule."""
    return [*mapping.columns.values(), *(each for rule in mapping.rules for each in rule.sets.values())]


def columns_in_use(mapping: FileMapping) -> list[MappedColumn]:
    """All that may ever be sent: the file's own, and the default's where the file sets nothing for every lead."""
    kept = {name: each for name, each in default_columns().items() if name not in mapping.columns}
    return [*kept.values(), *own_columns(mapping)]
