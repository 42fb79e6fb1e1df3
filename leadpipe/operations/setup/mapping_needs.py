"""Finds which privileges the publisher's mapping needs: to point at other tables, and to assign a lead."""

from leadpipe.dataverse.administration import Administration
from leadpipe.mapping.rules import FileMapping, own_settings
from leadpipe.mapping.values import Row
from leadpipe.operations.setup.privileges import MappingNeeds

OWNER = "ownerid"


def needs_of(mapping: FileMapping, administration: Administration) -> MappingNeeds:
    """Asks the organisation for the name of the privilege of each table that the mapping's lookups point into."""
    rows = {setting.column: setting.value for setting in own_settings(mapping) if isinstance(setting.value, Row)}
    tables = {row.entity_set for column, row in rows.items() if column != OWNER}
    return MappingNeeds(
        lookups={table: administration.append_to_privilege(table) for table in sorted(tables)},
        sets_owner=OWNER in rows,
    )
