"""What the publisher's own mapping asks of the role: rights to point at other tables, and to give a lead away."""

from leadpipe.dataverse.administration import Administration
from leadpipe.mapping.rules import FileMapping, own_columns
from leadpipe.mapping.values import Row
from leadpipe.operations.setup.privileges import MappingNeeds

OWNER = "ownerid"


def needs_of(mapping: FileMapping, administration: Administration) -> MappingNeeds:
    """Asks the organisation what the privilege of each table is called that the mapping's lookups point into."""
    rows = {each.column: each.value for each in own_columns(mapping) if isinstance(each.value, Row)}
    tables = {row.entity_set for column, row in rows.items() if column != OWNER}
    return MappingNeeds(
        lookups={table: administration.append_to_privilege(table) for table in sorted(tables)},
        sets_owner=OWNER in rows,
    )
