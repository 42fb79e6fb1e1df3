"""Reads from an organisation, and from the mapping, what the plan is made from."""

from leadpipe.dataverse.administration import Administration, BusinessUnit, Role, User
from leadpipe.mapping.lead_table import CREATED_ON
from leadpipe.mapping.rules import FileMapping, own_columns
from leadpipe.mapping.values import LeftOut, Row
from leadpipe.operations.setup.plan import MADE_HERE, MICROSOFTS_ROLE, OWN_ROLE, FoundRole, Inventory, Wanted
from leadpipe.operations.setup.privileges import MappingNeeds

_OWNER = "ownerid"


def look(administration: Administration, wanted: Wanted) -> Inventory:
    """Reads everything that the plan needs; changes nothing."""
    units = sorted(administration.business_units(), key=lambda unit: (unit.parent_id is not None, unit.name))
    ids = administration.privilege_ids(each.name for each in wanted.privileges)
    names = {privilege_id: name for name, privilege_id in ids.items()}
    user = user_of(administration, wanted)
    roles = administration.roles_of(user.user_id) if user else []
    held = administration.privileges_of_user(user.user_id) if user and not user.disabled else {}
    return Inventory(
        units={unit.unit_id: unit.name for unit in units},
        known=frozenset(ids),
        microsofts=_found(administration, MICROSOFTS_ROLE, units, names, user),
        own=_found(administration, OWN_ROLE, units, names, user),
        user=user,
        user_roles=frozenset(role.name for role in roles),
        user_privileges=_by_name(held, names),
    )


def user_of(administration: Administration, wanted: Wanted) -> User | None:
    if wanted.account:
        return administration.user_of_account(wanted.account)
    return administration.user_of_application(wanted.client_id)


def copy_in(administration: Administration, name: str, unit_id: str) -> Role | None:
    """The role's copy in that business unit."""
    return next((role for role in administration.roles(name) if role.unit_id == unit_id), None)


def _found(
    administration: Administration, name: str, units: list[BusinessUnit], names: dict[str, str], user: User | None
) -> FoundRole | None:
    copies = administration.roles(name)
    root = next((role for role in copies if role.unit_id == units[0].unit_id), None)
    if root is None:
        return None
    holders = {each for role in copies for each in administration.users_with(role.role_id)}
    return FoundRole(
        privileges=_by_name(administration.privileges_of_role(root.role_id), names),
        made_here=MADE_HERE in root.description,
        others=len(holders - ({user.user_id} if user else set())),
    )


def _by_name(depths: dict[str, str], names: dict[str, str]) -> dict[str, str]:
    return {names[each]: depth for each, depth in depths.items() if each in names}


def needs_of(mapping: FileMapping, administration: Administration) -> MappingNeeds:
    """The privileges that the mapping needs; the organisation names those of the tables that lookups point into."""
    set_here = [mapped for mapped in own_columns(mapping) if not isinstance(mapped.value, LeftOut)]
    rows = {mapped.column: mapped.value for mapped in set_here if isinstance(mapped.value, Row)}
    tables = {row.entity_set for column, row in rows.items() if column != _OWNER}
    return MappingNeeds(
        lookups={table: administration.append_to_privilege(table) for table in sorted(tables)},
        sets_owner=_OWNER in rows,
        sets_created_on=any(mapped.column == CREATED_ON for mapped in set_here),
    )
