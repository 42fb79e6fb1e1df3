"""Plans the steps of `--remove`: what setup made, in the order in which Dynamics allows it. Pure."""

from leadpipe.operations.setup import portal
from leadpipe.operations.setup.plan import MICROSOFTS_ROLE, OWN_ROLE, Inventory, Wanted
from leadpipe.operations.setup.step import Change, Step, done, to_do


def plan_removal(wanted: Wanted, found: Inventory) -> list[Step]:
    """The steps that take away what setup made, and nothing else."""
    return [*_user_removed(wanted, found), _role_removed(found)]


def _user_removed(wanted: Wanted, found: Inventory) -> list[Step]:
    if found.user is None:
        return [done("application user", "there is none")]
    made_here = found.user_made_here and not wanted.account
    ours = {OWN_ROLE, MICROSOFTS_ROLE} if made_here else {OWN_ROLE} if found.own and found.own.made_here else set()
    # Of a disabled user Dynamics takes no role.
    taken = [] if found.user.disabled else [_taken(role) for role in sorted(ours & found.user_roles)]
    if not made_here:
        kept = f"{found.user.name or found.user.user_id} stays: it was not made by leadpipe setup"
        return [*taken, done("application user", kept)]
    name = found.user.name or found.user.user_id
    steps = [to_do("application user", f"deactivate {name}", Change.DEACTIVATE_USER, portal.DEACTIVATE)]
    deleted = f"delete {name}, only if no lead belongs to it"
    gone = to_do("application user", deleted, Change.DELETE_USER, portal.DELETE_USER)
    return [*taken, *([] if found.user.disabled else steps), gone]


def _role_removed(found: Inventory) -> Step:
    if found.own is None:
        return done("role", f"there is no {OWN_ROLE}")
    if not found.own.made_here:
        return done("role", f"{OWN_ROLE} stays: it was not made by leadpipe setup")
    if found.own.others:
        return done("role", f"{OWN_ROLE} stays: {found.own.others} more users have it")
    return to_do("role", f"delete the role {OWN_ROLE}", Change.DELETE_ROLE, portal.DELETE_ROLE, role=OWN_ROLE)


def _taken(role: str) -> Step:
    return to_do("role given", f"take {role} from the user", Change.TAKE_ROLE, portal.GIVE_ROLE, role=role)
