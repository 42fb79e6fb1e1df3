"""From what is there to what is to be done."""

from dataclasses import replace

import pytest

from leadpipe.dataverse.administration import User
from leadpipe.operations.setup.plan import (
    MADE_HERE,
    MICROSOFTS_ROLE,
    OWN_ROLE,
    FoundRole,
    Inventory,
    Wanted,
    plan,
    plan_removal,
)
from leadpipe.operations.setup.privileges import OF_MERGE, MappingNeeds, needed
from leadpipe.operations.setup.step import Change, Step, StepState

NEEDED = needed(MappingNeeds())
ALL = {each.name: each.depth for each in NEEDED}
CLIENT = "11112222-bbbb-3333-cccc-4444dddd5555"
WANTED = Wanted(privileges=NEEDED, client_id=CLIENT)
EMPTY = Inventory(units={"root": "Contoso", "emea": "EMEA"}, known=frozenset(ALL))
USER = User(user_id="user", name="# leadpipe", unit_id="root", disabled=False, note=MADE_HERE)
OWN = FoundRole(privileges=ALL, made_here=True)
SET_UP = replace(EMPTY, own=OWN, user=USER, user_roles=frozenset({OWN_ROLE}), user_privileges=ALL)


def changes(steps: list[Step]) -> list[Change | None]:
    return [step.change for step in steps if step.state is StepState.TO_DO]


def states(steps: list[Step]) -> set[StepState]:
    return {step.state for step in steps}


def person(steps: list[Step]) -> Step:
    (step,) = [step for step in steps if step.state is StepState.PERSON]
    return step


def test_in_an_empty_organisation_all_is_to_do_in_order_of_dependence() -> None:
    steps = plan(WANTED, EMPTY)

    assert changes(steps) == [Change.MAKE_ROLE, Change.ADD_PRIVILEGES, Change.MAKE_USER, Change.GIVE_ROLE]
    assert steps[1].privileges == ALL


def test_every_step_that_is_to_do_says_how_it_goes_by_hand() -> None:
    steps = [*plan(WANTED, EMPTY), *plan_removal(WANTED, SET_UP)]

    assert [step for step in steps if step.state is StepState.TO_DO and not (step.portal and step.portal_2018)] == []


def test_what_is_set_up_is_left_alone() -> None:
    assert states(plan(WANTED, SET_UP)) == {StepState.DONE}


def test_a_role_that_lacks_one_privilege_gets_that_one() -> None:
    held = {name: depth for name, depth in ALL.items() if name != "prvReadLead"}
    found = replace(SET_UP, own=replace(OWN, privileges=held), user_privileges=held)

    (step,) = [step for step in plan(WANTED, found) if step.state is StepState.TO_DO]

    assert (step.change, step.privileges) == (Change.ADD_PRIVILEGES, {"prvReadLead": "Basic"})


def test_a_privilege_of_too_little_depth_is_lacking() -> None:
    held = {**ALL, "prvReadAsyncOperation": "Basic"}
    found = replace(SET_UP, own=replace(OWN, privileges=held), user_privileges=held)

    (step,) = [step for step in plan(WANTED, found) if step.state is StepState.TO_DO]

    assert step.privileges == {"prvReadAsyncOperation": "Global"}


def test_a_wider_depth_is_enough() -> None:
    held = dict.fromkeys(ALL, "Global")

    assert states(plan(WANTED, replace(SET_UP, own=replace(OWN, privileges=held), user_privileges=held))) == {
        StepState.DONE
    }


def test_microsofts_role_is_given_and_never_changed() -> None:
    held = {name: depth for name, depth in ALL.items() if name != "prvReadLead"}
    steps = plan(WANTED, replace(EMPTY, microsofts=FoundRole(privileges=held)))

    added = next(step for step in steps if step.change is Change.ADD_PRIVILEGES)
    given = [step.role for step in steps if step.change is Change.GIVE_ROLE]
    assert (added.role, added.privileges) == (OWN_ROLE, {"prvReadLead": "Basic"})
    assert given == [MICROSOFTS_ROLE, OWN_ROLE]


def test_where_microsofts_role_has_all_no_other_is_made() -> None:
    steps = plan(WANTED, replace(EMPTY, microsofts=FoundRole(privileges=ALL)))

    assert changes(steps) == [Change.MAKE_USER, Change.GIVE_ROLE]
    assert steps[-1].role == MICROSOFTS_ROLE


def test_a_user_whose_own_roles_allow_it_all_needs_none_of_ours() -> None:
    found = replace(EMPTY, user=USER, user_roles=frozenset({"System Administrator"}), user_privileges=ALL)

    assert states(plan(WANTED, found)) == {StepState.DONE}


def test_a_disabled_user_is_activated_before_it_gets_its_role() -> None:
    found = replace(SET_UP, user=replace(USER, disabled=True), user_roles=frozenset(), user_privileges={})

    assert changes(plan(WANTED, found)) == [Change.ACTIVATE_USER, Change.GIVE_ROLE]


def test_a_privilege_that_the_organisation_does_not_have_is_not_added() -> None:
    found = replace(EMPTY, known=EMPTY.known - {"prvAppendToAsyncOperation"})

    assert "prvAppendToAsyncOperation" not in plan(WANTED, found)[1].privileges


def test_an_organisation_without_leads_needs_a_person_and_nothing_is_made() -> None:
    steps = plan(WANTED, replace(EMPTY, known=frozenset()))

    assert "prvCreateLead" in person(steps).fact
    assert changes(steps) == []


def test_the_user_is_made_in_the_business_unit_that_is_named() -> None:
    steps = plan(replace(WANTED, unit="emea"), EMPTY)

    assert "in the business unit emea" in next(step.fact for step in steps if step.change is Change.MAKE_USER)


def test_a_business_unit_that_there_is_not_needs_a_person() -> None:
    steps = plan(replace(WANTED, unit="Mars"), EMPTY)

    assert "it has Contoso, EMEA" in person(steps).fact
    assert changes(steps) == []


def test_a_user_in_another_business_unit_needs_a_person() -> None:
    assert "in Contoso, not in EMEA" in person(plan(replace(WANTED, unit="EMEA"), SET_UP)).fact


ACCOUNT = Wanted(privileges=NEEDED, account="leads@contoso.com")


def test_an_account_has_to_be_there() -> None:
    steps = plan(ACCOUNT, EMPTY)

    assert "leads@contoso.com is not there" in person(steps).fact
    assert Change.GIVE_ROLE not in changes(steps)
    assert Change.MAKE_USER not in changes(steps)


def test_an_account_that_is_there_only_gets_the_role() -> None:
    steps = plan(ACCOUNT, replace(EMPTY, own=OWN, user=replace(USER, note="")))

    assert changes(steps) == [Change.GIVE_ROLE]


def test_merge_needs_notes_and_leads_of_anybody_and_else_neither_is_asked_for() -> None:
    without = {each.name: each.depth for each in NEEDED}
    depths = {each.name: each.depth for each in needed(MappingNeeds(), merges=True)}

    assert {name: depth for name, depth in depths.items() if without.get(name) != depth} == OF_MERGE
    assert not {"prvCreateNote", "prvAppendToLead"} & without.keys()


def test_a_mapping_with_lookups_and_owners_needs_more() -> None:
    depths = {each.name: each.depth for each in needed(MappingNeeds(lookups={"campaigns": "prvAppendToCampaign"}))}
    owned = {each.name: each.depth for each in needed(MappingNeeds(sets_owner=True))}

    assert {name: depths[name] for name in depths.keys() - ALL.keys()} == {
        "prvAppendLead": "Basic",
        "prvAppendToCampaign": "Global",
    }
    assert {name: owned[name] for name in ("prvCreateLead", "prvReadLead", "prvAssignLead")} == {
        "prvCreateLead": "Global",
        "prvReadLead": "Global",
        "prvAssignLead": "Global",
    }
    dated = {each.name: each.depth for each in needed(MappingNeeds(sets_created_on=True))}
    assert {name: dated[name] for name in dated.keys() - ALL.keys()} == {"prvOverrideCreatedOnCreatedBy": "Global"}


# Taking away.
def test_what_setup_made_goes_in_the_order_in_which_dynamics_lets_it_go() -> None:
    assert changes(plan_removal(WANTED, SET_UP)) == [
        Change.TAKE_ROLE,
        Change.DEACTIVATE_USER,
        Change.DELETE_USER,
        Change.DELETE_ROLE,
    ]


def test_of_a_deactivated_user_no_role_can_be_taken() -> None:
    found = replace(SET_UP, user=replace(USER, disabled=True))

    assert changes(plan_removal(WANTED, found)) == [Change.DELETE_USER, Change.DELETE_ROLE]


def test_nothing_is_taken_away_where_nothing_is() -> None:
    assert states(plan_removal(WANTED, EMPTY)) == {StepState.DONE}


@pytest.mark.parametrize("wanted", [WANTED, ACCOUNT])
def test_a_user_that_somebody_else_made_stays_and_loses_only_our_role(wanted: Wanted) -> None:
    roles = frozenset({OWN_ROLE, MICROSOFTS_ROLE})
    found = replace(SET_UP, user=replace(USER, note=""), user_roles=roles)

    steps = plan_removal(wanted, found)

    assert changes(steps) == [Change.TAKE_ROLE, Change.DELETE_ROLE]
    assert steps[0].role == OWN_ROLE


def test_a_role_of_our_name_that_somebody_else_made_stays() -> None:
    found = replace(SET_UP, own=replace(OWN, made_here=False), user=replace(USER, note=""))

    assert changes(plan_removal(WANTED, found)) == []


def test_a_role_that_others_have_too_stays() -> None:
    assert Change.DELETE_ROLE not in changes(plan_removal(WANTED, replace(SET_UP, own=replace(OWN, others=2))))


def test_microsofts_role_is_never_deleted() -> None:
    found = replace(SET_UP, microsofts=FoundRole(privileges=ALL), own=None, user_roles=frozenset({MICROSOFTS_ROLE}))

    steps = plan_removal(WANTED, found)

    assert changes(steps) == [Change.TAKE_ROLE, Change.DEACTIVATE_USER, Change.DELETE_USER]
