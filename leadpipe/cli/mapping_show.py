"""`leadpipe mapping show`: shows what every lead becomes, and where each column comes from."""

from collections.abc import Iterator

import typer

from leadpipe.cli.json_output import Fields
from leadpipe.cli.mapping_options import MappingFile, mapping_of
from leadpipe.cli.options import AsJson, SettingsFile
from leadpipe.cli.table import columns, print_records
from leadpipe.cli.target import settings_alone
from leadpipe.mapping.default import DO_NOT_CONTACT, default_columns
from leadpipe.mapping.rules import FileMapping
from leadpipe.mapping.values import MappedColumn

FOR_DO_NOT_CONTACT = "do-not-contact leads"
EVERY_LEAD = "every lead"
COLUMNS = columns(("column",), ("type", "value", "for", "from"))


def show_mapping(
    context: typer.Context, mapping: MappingFile = None, as_json: AsJson = False, settings: SettingsFile = None
) -> None:
    """Show the mapping that counts: each column, its value, for which leads, and where that is written.

    Rules follow the columns of every lead, in their order. Where two rules that match a lead set the same column, the
    first one wins. Needs neither a storage account nor an organisation. Exits with 1 when the file has faults.
    """
    whole = mapping_of(mapping, settings_alone(context, settings))
    print_records(rows(whole), COLUMNS, as_json=as_json)


def rows(mapping: FileMapping) -> Iterator[Fields]:
    yield {"column": "leadid", "type": "id", "value": "$lead_id", "for": EVERY_LEAD, "from": "default"}
    defaults = default_columns()
    for name in [*defaults, *(name for name in mapping.columns if name not in defaults)]:
        own = mapping.columns.get(name)
        if own is not None:
            yield _row(own, EVERY_LEAD, f"{mapping.file}:{own.line}")
        if own is None or name in DO_NOT_CONTACT:
            yield _row(defaults[name], FOR_DO_NOT_CONTACT if name in DO_NOT_CONTACT else EVERY_LEAD, "default")
    for rule in mapping.rules:
        for mapped in rule.sets.values():
            yield _row(mapped, str(rule.when), f"{mapping.file}:{mapped.line} {rule.name}")


def _row(mapped: MappedColumn, whom: str, where: str) -> Fields:
    return {
        "column": mapped.column,
        "type": mapped.value.kind,
        "value": str(mapped.value) or "(left out)",
        "for": whom,
        "from": where,
    }
