"""Rules: for which leads, which owner, campaign and columns. Every rule that matches applies, the first one first."""

from collections.abc import Mapping
from dataclasses import dataclass

from leadpipe.mapping.default import columns_of, default_settings, do_not_contact
from leadpipe.mapping.fields import Fields
from leadpipe.mapping.lead_table import NEVER_EMPTY
from leadpipe.mapping.values import Sent, Setting
from leadpipe.model.lead import Lead
from leadpipe.model.ports import Columns
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One column of one lead. `setting` None: the default mapping's; `value` None: left out. `rule`: who set it."""

    column: str
    value: Sent | None
    setting: Setting | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """Immutable. `columns` are for every lead; the first of the rules that match and set a column has its way."""

    file: str = ""
    columns: Mapping[str, Setting]
    rules: tuple[Rule, ...] = ()

    def columns_of(self, lead: Lead, lead_id: str) -> Columns:
        return {told.column: told.value for told in self.told(lead, lead_id) if told.value is not None}

    def matching(self, lead: Lead) -> list[Rule]:
        return [rule for rule in self.rules if rule.when.matches(lead)]

    def told(self, lead: Lead, lead_id: str) -> list[Told]:
        """Every column of the lead, those that the file leaves out among them."""
        default = columns_of(lead, lead_id)
        found = {column: Told(column=column, value=value) for column, value in default.items()}
        fields = Fields(lead, lead_id)
        for column, (setting, rule) in self._chosen(lead).items():
            value = setting.value.of(fields.with_default(default.get(column)))
            if value is not None or column not in NEVER_EMPTY:
                found[column] = Told(column=setting.sent_as, value=value, setting=setting, rule=rule)
        # Whom nobody may contact is no matter of mapping.
        kept = {column: Told(column=column, value=value) for column, value in do_not_contact(lead).items()}
        return [*(found | kept).values()]

    def _chosen(self, lead: Lead) -> dict[str, tuple[Setting, Rule | None]]:
        chosen: dict[str, tuple[Setting, Rule | None]] = {name: (each, None) for name, each in self.columns.items()}
        for rule in reversed(self.matching(lead)):
            chosen |= {name: (each, rule) for name, each in rule.sets.items()}
        return chosen


def own_settings(mapping: FileMapping) -> list[Setting]:
    """All that the file may set: for every lead, and by each rule."""
    return [*mapping.columns.values(), *(setting for rule in mapping.rules for setting in rule.sets.values())]


def settings_in_use(mapping: FileMapping) -> list[Setting]:
    """All that may ever be sent: the default's where the file has nothing else, the file's, each rule's."""
    kept = {name: each for name, each in default_settings().items() if name not in mapping.columns}
    return [*kept.values(), *own_settings(mapping)]
