"""Plans the steps that let leads get through, and those of `--remove`, from what the organisation has. Pure.

Microsoft's own role is used and never changed: it is managed, so its next version would undo the change or fail to
install. What it lacks, or all where it is missing, goes into a role of leadpipe's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leadpipe.dataverse.administration import User
from leadpipe.operations.setup import portal
from leadpipe.operations.setup.privileges import Privilege, in_words, lacking
from leadpipe.operations.setup.step import Change, Step, StepState, done, person, to_do

MICROSOFTS_ROLE = "Microsoft Marketplace Lead Writer"
OWN_ROLE = "leadpipe Lead Writer"
# In the role's description and the user's nickname. --remove deletes only what has it.
MADE_HERE = "made by leadpipe setup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Names an application by its client id, or an account that has to exist. `unit`: a business unit's name."""

    privileges: tuple[Privilege, ...]
    client_id: str = ""
    account: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRole:
    """`privileges`: name to depth. `others`: how many more users have it."""

    privileges: Mapping[str, str] = field(default_factory=dict)
    made_here: bool = False
    others: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What the organisation has. `units`: id to name, the root first. `known`: the privileges that exist there."""

    units: Mapping[str, str]
    known: frozenset[str]
    microsofts: FoundRole | None = None
    own: FoundRole | None = None
    user: User | None = None
    user_roles: frozenset[str] = frozenset()
    user_privileges: Mapping[str, str] = field(default_factory=dict)

    @property
    def user_made_here(self) -> bool:
        return self.user is not None and self.user.note == MADE_HERE


def plan(wanted: Wanted, found: Inventory) -> list[Step]:
    """All steps in order, including those that are done already."""
    needed = tuple(each for each in wanted.privileges if each.name in found.known)
    has_all = found.user is not None and not found.user.disabled and not lacking(needed, found.user_privileges)
    steps = [*_tables(wanted, found), *_unit(wanted, found)]
    if any(step.state is StepState.PERSON for step in steps):
        return steps
    if has_all:
        allowing = ", ".join(sorted(found.user_roles)) or "a team's role"
        return [*steps, _user(wanted, found), done("role given", f"{allowing}: enough for all that leadpipe needs")]
    roles, steps_of_roles = _roles(needed, found)
    user = _user(wanted, found)
    given = [_given(wanted, found, role) for role in roles]
    if user.state is StepState.PERSON:
        given = []  # there is no user yet
    return [*steps, *steps_of_roles, user, *given]


def _tables(wanted: Wanted, found: Inventory) -> list[Step]:
    missing = [each.name for each in wanted.privileges if each.must and each.name not in found.known]
    if not missing:
        return []
    fact = f"the organisation has no privilege {', '.join(missing)}: install Dynamics 365 Sales, or correct the mapping"
    return [person("tables", fact, portal.SALES)]


def _unit(wanted: Wanted, found: Inventory) -> list[Step]:
    there = {name.casefold(): unit_id for unit_id, name in found.units.items()}
    if not wanted.unit:
        return []
    if wanted.unit.casefold() not in there:
        names = ", ".join(found.units.values())
        fact = f"the organisation has no business unit {wanted.unit}; it has {names}"
        return [person("business unit", fact, portal.BUSINESS_UNIT)]
    if found.user is not None and found.user.unit_id != there[wanted.unit.casefold()]:
        now = found.units.get(found.user.unit_id, "another")
        fact = f"the user is in {now}, not in {wanted.unit}: move it (it loses its roles), and run this again"
        return [person("business unit", fact, portal.MOVE_USER)]
    return [done("business unit", wanted.unit)]


def _roles(needed: tuple[Privilege, ...], found: Inventory) -> tuple[list[str], list[Step]]:
    """The roles that the user needs, and the steps for them."""
    names, steps = [], []
    rest = needed
    if found.microsofts is not None:
        left = lacking(needed, found.microsofts.privileges)
        rest = tuple(each for each in needed if each.name in left)
        names.append(MICROSOFTS_ROLE)
        without = f"; it lacks {in_words(left)}" if left else ""
        steps.append(done("role", f"{MICROSOFTS_ROLE} is there{without}"))
    if rest:
        names.append(OWN_ROLE)
        steps += _own_role(rest, found.own)
    return names, steps


def _own_role(rest: tuple[Privilege, ...], own: FoundRole | None) -> list[Step]:
    missing = lacking(rest, own.privileges if own else {})
    made = done("role", f"{OWN_ROLE} is there")
    if own is None:
        made = to_do("role", f"make the role {OWN_ROLE}", Change.MAKE_ROLE, portal.NEW_ROLE, role=OWN_ROLE)
    if not missing:
        return [made, done("privileges", f"{OWN_ROLE} has {in_words({each.name: each.depth for each in rest})}")]
    fact = f"add to {OWN_ROLE}: {in_words(missing)}"
    added = to_do("privileges", fact, Change.ADD_PRIVILEGES, portal.PRIVILEGES, role=OWN_ROLE, privileges=missing)
    return [made, added]


def _user(wanted: Wanted, found: Inventory) -> Step:
    user = found.user
    if wanted.account:
        return _account(wanted.account, user)
    unit = wanted.unit or next(iter(found.units.values()))
    if user is None:
        fact = f"make the application user for {wanted.client_id} in the business unit {unit}"
        return to_do("application user", fact, Change.MAKE_USER, portal.NEW_USER)
    if user.disabled:
        fact = f"activate {user.name or user.user_id}"
        return to_do("application user", fact, Change.ACTIVATE_USER, portal.ACTIVATE)
    unit = found.units.get(user.unit_id, user.unit_id)
    return done("application user", f"{user.name or user.user_id} is there, in the business unit {unit}")


def _account(account: str, user: User | None) -> Step:
    """Only a person can make the account: in the Microsoft 365 admin centre, with a licence."""
    if user is not None and not user.disabled:
        return done("user", f"{account} is there")
    fact = f"{account} is {'disabled' if user else 'not there'}: give it a licence, wait a few minutes, run this again"
    return person("user", fact, *portal.ACCOUNT)


def _given(wanted: Wanted, found: Inventory, role: str) -> Step:
    if role in found.user_roles:
        return done("role given", f"the user has {role}")
    pages = portal.GIVE_ROLE_TO_ACCOUNT if wanted.account else portal.GIVE_ROLE
    return to_do("role given", f"give {role} to the user", Change.GIVE_ROLE, pages, role=role)


def plan_removal(wanted: Wanted, found: Inventory) -> list[Step]:
    """The steps that remove what setup made, and nothing else, in the order in which Dynamics allows it."""
    return [*_user_removed(wanted, found), _role_removed(found)]


def _user_removed(wanted: Wanted, found: Inventory) -> list[Step]:
    if found.user is None:
        return [done("application user", "the organisation has none")]
    made_here = found.user_made_here and not wanted.account
    ours = {OWN_ROLE, MICROSOFTS_ROLE} if made_here else {OWN_ROLE} if found.own and found.own.made_here else set()
    # Dynamics takes no role from a disabled user.
    steps = [] if found.user.disabled else [_taken(role) for role in sorted(ours & found.user_roles)]
    name = found.user.name or found.user.user_id
    if not made_here:
        return [*steps, done("application user", f"{name} stays: it was not made by leadpipe setup")]
    if not found.user.disabled:
        steps.append(to_do("application user", f"deactivate {name}", Change.DEACTIVATE_USER, portal.DEACTIVATE))
    deleted = f"delete {name}, only if no lead belongs to it"
    return [*steps, to_do("application user", deleted, Change.DELETE_USER, portal.DELETE_USER)]


def _role_removed(found: Inventory) -> Step:
    if found.own is None:
        return done("role", f"the organisation has no {OWN_ROLE}")
    if not found.own.made_here:
        return done("role", f"{OWN_ROLE} stays: it was not made by leadpipe setup")
    if found.own.others:
        return done("role", f"{OWN_ROLE} stays: {found.own.others} more users have it")
    return to_do("role", f"delete the role {OWN_ROLE}", Change.DELETE_ROLE, portal.DELETE_ROLE, role=OWN_ROLE)


def _taken(role: str) -> Step:
    return to_do("role given", f"take {role} from the user", Change.TAKE_ROLE, portal.GIVE_ROLE, role=role)
