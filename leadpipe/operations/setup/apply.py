"""Applies the steps of a plan one after another, and stops at the first that fails."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from leadpipe.dataverse.administration import Administration, User
from leadpipe.model.errors import LeadpipeError
from leadpipe.operations.setup.administrator import what_went_wrong
from leadpipe.operations.setup.organisation import copy_in, user_of
from leadpipe.operations.setup.plan import MADE_HERE, OWN_ROLE, Inventory, Wanted
from leadpipe.operations.setup.step import Change, Step, StepState

# For people who find the role in the portal.
_DESCRIPTION = f"What leadpipe needs to write marketplace leads; {MADE_HERE}"
_KEPT = (
    "it stays, deactivated and without a role, because leads or other records belong to it; "
    "to delete it too, give them to another owner and run this again"
)


class NotThereYet(LeadpipeError):
    """A row that was just made, or that somebody deleted meanwhile, cannot be read."""


class Changes:
    def __init__(self, administration: Administration, wanted: Wanted, found: Inventory) -> None:
        self._administration = administration
        self._wanted = wanted
        self._found = found

    def apply(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Applies each step and yields it with its new state."""
        for step in steps:
            result = self._result(step)
            yield result
            if result.state is StepState.FAILED:
                return

    def _result(self, step: Step) -> Step:
        if step.state is not StepState.TO_DO or step.change is None:
            return step
        try:
            done = self._do(step, step.change)
        except LeadpipeError as error:
            return replace(step, state=StepState.FAILED, fact=f"{step.fact}: {what_went_wrong(error)}")
        if not done:
            return replace(step, state=StepState.LEFT, fact=f"{step.fact}: {_KEPT}")
        return replace(step, state=StepState.CHANGED, fact=f"{step.fact}: done")

    def _do(self, step: Step, change: Change) -> bool:
        """Makes the change; False where Dynamics keeps what should be deleted, which does no harm."""
        administration = self._administration
        match change:
            case Change.MAKE_ROLE:
                administration.make_role(OWN_ROLE, _DESCRIPTION, self._root_id())
            case Change.ADD_PRIVILEGES:
                ids = administration.privilege_ids(step.privileges)
                administration.add_privileges(
                    self._role(step.role, self._root_id()),
                    {ids[name]: depth for name, depth in step.privileges.items()},
                )
            case Change.MAKE_USER:
                administration.make_application_user(self._wanted.client_id, self._unit_id(), MADE_HERE)
            case Change.ACTIVATE_USER | Change.DEACTIVATE_USER:
                administration.set_disabled(self._user().user_id, disabled=change is Change.DEACTIVATE_USER)
            case Change.GIVE_ROLE | Change.TAKE_ROLE:
                user = self._user()
                move = administration.give_role if change is Change.GIVE_ROLE else administration.take_role
                move(user.user_id, self._role(step.role, user.unit_id))
            case Change.DELETE_USER:
                return administration.delete_user(self._user().user_id)
            case Change.DELETE_ROLE:
                administration.delete_role(self._role(step.role, self._root_id()))
            case _:
                assert_never(change)
        return True

    def _role(self, name: str, unit_id: str) -> str:
        role = copy_in(self._administration, name, unit_id)
        if role is None:
            raise NotThereYet("not_there_yet", f"{name} is not in the user's business unit: run this again")
        return role.role_id

    def _user(self) -> User:
        user = user_of(self._administration, self._wanted)
        if user is None:
            raise NotThereYet("not_there_yet", "the user is not there: run this again")
        return user

    def _root_id(self) -> str:
        return next(iter(self._found.units))

    def _unit_id(self) -> str:
        named = {name.casefold(): unit_id for unit_id, name in self._found.units.items()}
        return named[self._wanted.unit.casefold()] if self._wanted.unit else self._root_id()
