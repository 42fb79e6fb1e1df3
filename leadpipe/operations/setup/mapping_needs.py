"""Finds which privileges the publisher's mapping needs: to point at other tables, and to assign a lead."""

from leadpipe.dataverse.administration import Administration
from leadpipe.mapping.rules import FileMapping, own_columns
from leadpipe.mapping.values import Row
from leadpipe.operations.setup.privileges import MappingNeeds

OWNER = "ownerid"


def needs_of(mapping: FileMapping, administration: Administration) -> MappingNeeds:
    """Asks the organisation for the name of the privilege of each table that the mapping's lookups point into."""
    rows = {mapped.column: mapped.value for mapped in own_columns(mapping) if isinstance(mapped.value, Row)}
    tables = {row.entity_set for column, row in rows.items() if column != OWNER}
    return MappingNeeds(
        lookups={table: administration.append_to_privilege(table) for table in sorted(tables)},
        sets_owner=OWNER in rows,
    )
