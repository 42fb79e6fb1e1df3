"""A mapping file laid over the default mapping: what becomes of a lead, and which part of the file says so."""

from collections.abc import Mapping
from dataclasses import dataclass

from leadpipe.dataverse.mapping import Columns, columns_of, do_not_contact
from leadpipe.dataverse.mapping_file.fields import Fields
from leadpipe.dataverse.mapping_file.rules import Rule
from leadpipe.dataverse.mapping_file.values import Sent, Setting
from leadpipe.model.lead import Lead

# Dynamics asks its own forms for these two; a lead without them could not be saved there.
NEVER_EMPTY = frozenset({"subject", "lastname"})


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
