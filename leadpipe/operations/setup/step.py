"""Defines a step of the set-up: a plain value that can be shown and applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class StepState(StrEnum):
    DONE = "done"  # done before this run
    TO_DO = "to_do"
    CHANGED = "changed"  # done in this run
    LEFT = "left"  # Dynamics keeps what should be deleted; it does no harm
    FAILED = "failed"
    PERSON = "person"  # only a person can do it


class Change(StrEnum):
    """The call that applies a step."""

    MAKE_ROLE = "POST roles"
    ADD_PRIVILEGES = "POST roles(…)/AddPrivilegesRole"
    MAKE_USER = "POST systemusers"
    ACTIVATE_USER = "PATCH systemusers(…) isdisabled=false"
    GIVE_ROLE = "POST systemusers(…)/systemuserroles_association/$ref"
    TAKE_ROLE = "DELETE systemusers(…)/systemuserroles_association(…)/$ref"
    DEACTIVATE_USER = "PATCH systemusers(…) isdisabled=true"
    DELETE_USER = "DELETE systemusers(…)"
    DELETE_ROLE = "DELETE roles(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`portal`: how a person does the same; `portal_2018`: as Microsoft's older document names it.

    `role`: by its name. `privileges`: name to depth.
    """

    step: str
    state: StepState
    fact: str
    portal: str = ""
    portal_2018: str = ""
    change: Change | None = None
    role: str = ""
    privileges: Mapping[str, str] = field(default_factory=dict)


def to_do(
    step: str,
    fact: str,
    change: Change,
    pages: tuple[str, str],
    *,
    role: str = "",
    privileges: Mapping[str, str] | None = None,
) -> Step:
    """`pages`: the portal's today, and that of 2018."""
    made = person(step, fact, *pages)
    return replace(made, state=StepState.TO_DO, change=change, role=role, privileges=privileges or {})


def person(step: str, fact: str, portal: str, portal_2018: str = "") -> Step:
    return Step(step=step, state=StepState.PERSON, fact=fact, portal=portal, portal_2018=portal_2018)


def done(step: str, fact: str) -> Step:
    return Step(step=step, state=StepState.DONE, fact=fact)
