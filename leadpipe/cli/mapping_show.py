"""`leadpipe mapping show`: shows what every lead becomes, and where each column comes from."""

import typer

from leadpipe.cli.mapping_options import MappingFile, mapping_of
from leadpipe.cli.options import AsJson, SettingsFile
from leadpipe.cli.table import columns, print_records
from leadpipe.cli.target import settings_alone
from leadpipe.operations.mapping.shown import rows_of_mapping

COLUMNS = columns(("column",), ("type", "value", "for", "from"))


def show_mapping(
    context: typer.Context, mapping: MappingFile = None, as_json: AsJson = False, settings: SettingsFile = None
) -> None:
    """Show the mapping that counts: each column, its value, for which leads, and where that is written.

    Rules follow the columns of every lead, in their order. Where two rules that match a lead set the same column, the
    first one wins. Needs neither a storage account nor an organisation. Exits with 1 when the file has faults.
    """
    whole = mapping_of(mapping, settings_alone(context, settings))
    print_records(rows_of_mapping(whole), COLUMNS, as_json=as_json)
