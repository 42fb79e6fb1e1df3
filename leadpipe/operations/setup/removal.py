"""Plans the steps of `--remove`: what setup made, in the order in which Dynamics allows it. Pure."""

from leadpipe.operations.setup import portal
from leadpipe.operations.setup.plan import MICROSOFTS_ROLE, OWN_ROLE, Found, Wanted, done
from leadpipe.operations.setup.step import Change, Step, StepState


def plan_removal(wanted: Wanted, found: Found) -> list[Step]:
    """The steps that take away what setup made, and nothing else."""
    return [*_user_removed(wanted, found), _role_removed(found)]


def _user_removed(wanted: Wanted, found: Found) -> list[Step]:
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
    steps = [] if found.user.disabled else [_removal(Change.DEACTIVATE_USER, f"deactivate {name}", portal.DEACTIVATE)]
    deleted = f"delete {name}, only if no lead belongs to it"
    return [*taken, *steps, _removal(Change.DELETE_USER, deleted, portal.DELETE_USER)]


def _role_removed(found: Found) -> Step:
    if found.own is None:
        return done("role", f"there is no {OWN_ROLE}")
    if not found.own.made_here:
        return done("role", f"{OWN_ROLE} stays: it was not made by leadpipe setup")
    if found.own.others:
        return done("role", f"{OWN_ROLE} stays: {found.own.others} more users have it")
    return Step(
        step="role",
        state=StepState.TO_DO,
        fact=f"delete the role {OWN_ROLE}",
        change=Change.DELETE_ROLE,
        role=OWN_ROLE,
        portal=portal.DELETE_ROLE,
        portal_2018=portal.DELETE_ROLE_2018,
    )


def _taken(role: str) -> Step:
    return Step(
        step="role given",
        state=StepState.TO_DO,
        fact=f"take {role} from the user",
        change=Change.TAKE_ROLE,
        role=role,
        portal=portal.GIVE_ROLE,
        portal_2018=portal.GIVE_ROLE_2018,
    )


def _removal(change: Change, fact: str, where: str) -> Step:
    return Step(
        step="application user",
        state=StepState.TO_DO,
        fact=fact,
        change=change,
        portal=where,
        portal_2018=portal.ACTIVATE_2018,
    )
