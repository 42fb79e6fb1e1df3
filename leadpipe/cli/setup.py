"""`leadpipe setup`: shows what Dynamics lacks so that leads get through, and with --apply makes it."""

import os
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, NoReturn

import typer

from leadpipe.cli.batch import ask
from leadpipe.cli.checklist import entry, print_checklist, when_stopped
from leadpipe.cli.doctor import report
from leadpipe.cli.mapping_options import mapping_of
from leadpipe.cli.options import DryRun, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.setup_azure import print_azure
from leadpipe.cli.setup_options import ClientId, Mode, Tenant, Unit, mode_of
from leadpipe.cli.target import reach, settings_alone
from leadpipe.mapping.rules import FileMapping
from leadpipe.operations.doctor.examination import examine
from leadpipe.operations.setup.administrator import administration_of, said_to_the_administrator
from leadpipe.operations.setup.application import Subject, subject_of
from leadpipe.operations.setup.apply import Changes
from leadpipe.operations.setup.organisation import look, needs_of
from leadpipe.operations.setup.plan import Wanted, plan, plan_removal
from leadpipe.operations.setup.privileges import needed
from leadpipe.operations.setup.sign_in import SignInMethod
from leadpipe.operations.setup.step import Step, StepState
from leadpipe.operations.target import Target
from leadpipe.wiring import now

_WIDTH = 16
# Only for these does a person need to know how to do it by hand.
_BY_HAND = frozenset({StepState.TO_DO, StepState.FAILED, StepState.PERSON})


def setup(
    context: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Make what is missing.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove what setup made, after asking.")] = False,
    client_id: ClientId = "",
    business_unit: Unit = None,
    tenant: Tenant = "",
    azure: Annotated[
        bool, typer.Option("--azure", help="Only show the commands for Entra and the function app; nobody signs in.")
    ] = False,
    sign_in: Annotated[
        SignInMethod | None,
        typer.Option("--sign-in", help="How the app signs in, for those commands. Left out: as the settings have it."),
    ] = None,
    no_doctor: Annotated[bool, typer.Option("--no-doctor", help="Do not run the doctor after --apply.")] = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before removing.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the steps as a JSON array, and run no doctor.")
    ] = False,
    settings: SettingsFile = None,
) -> None:
    """Make in Dynamics what a lead needs there: the application user, and a role with the least privileges.

    Without --apply it shows the steps: ✓ is already done, + is to do, ✗ only a person can do. For the last two it
    names the pages of the portals, today's and those of 2018. With --apply it makes what is missing, nothing else, and
    runs the doctor at the end. --remove removes what setup made, never Microsoft's role or what somebody else made.

    You sign in as an administrator of the organisation: with the account of the Azure CLI (`az login`), else by a code
    in your browser. The sign-in is not stored.

    Exits with 1 when a step failed or a person is needed.
    """
    mode = mode_of(apply=apply, remove=remove, azure=azure, dry_run=dry_run)
    if mode is Mode.AZURE:  # which comes before there is a storage account
        settings_alone(context, settings)
        subject = subject_of(os.environ, client_id=client_id, tenant=tenant, sign_in=sign_in)
        print_azure(subject, now().date(), as_json=as_json)
        return
    target = reach(context, settings, with_faults=True)
    subject = subject_of(os.environ, client_id=client_id, tenant=tenant, sign_in=sign_in)
    if not (subject.client_id or subject.account):
        print_azure(subject, now().date(), as_json=as_json)
        _say_that_the_id_is_missing(subject)
    # A removal does not depend on the mapping, which may be faulty.
    mapping = FileMapping(columns={}) if mode.removes else mapping_of(None, target.settings)
    is_another = subject.is_another and not mode.removes
    if is_another:
        _say_that_it_is_another(subject)
    with when_stopped(lambda: "stopped; finished steps stay done: run it again"):
        merges = bool(target.settings.merge)
        steps = _steps(subject, mapping, mode, merges=merges, unit=business_unit or "", yes=yes)
        steps = print_checklist(steps, _entry, as_json=as_json)
    if target.settings.dataverse is None and mode is Mode.SHOW and not as_json:
        print_azure(subject, now().date(), as_json=False)
    _conclude(steps, mode)
    if is_another:
        _say_that_it_is_another(subject)
    elif mode is Mode.APPLY and not (no_doctor or as_json):
        _run_doctor(target)


def _steps(subject: Subject, mapping: FileMapping, mode: Mode, *, merges: bool, unit: str, yes: bool) -> Iterable[Step]:
    administration = administration_of(subject.organisation, subject.tenant, say)
    with said_to_the_administrator():
        administration.my_id()
        wanted = Wanted(
            privileges=needed(needs_of(mapping, administration), merges=merges),
            client_id="" if subject.account else subject.client_id,
            account=subject.account,
            unit=unit,
        )
        found = look(administration, wanted)
    steps = plan_removal(wanted, found) if mode.removes else plan(wanted, found)
    if not mode.changes:
        return steps
    to_do = [step for step in steps if step.state is StepState.TO_DO]
    if mode.removes and to_do:
        for step in to_do:
            say(f"to do: {step.fact}")
        ask("Remove this?", yes=yes)
    return Changes(administration, wanted, found).apply(steps)


def _entry(step: Step) -> str:
    where = (("by hand", step.portal), ("in 2018", step.portal_2018)) if step.state in _BY_HAND else ()
    return entry(step.state, f"{step.step:<{_WIDTH}}", step.fact, *(f"{when}: {menu}" for when, menu in where if menu))


def _conclude(steps: list[Step], mode: Mode) -> None:
    """Says what was changed and what is left; exits with 1 where a person has to do something."""
    counts = Counter(step.state for step in steps)
    if counts[StepState.CHANGED]:
        say(f"changed: {', '.join(step.step for step in steps if step.state is StepState.CHANGED)}")
    if counts[StepState.FAILED] or counts[StepState.PERSON]:
        say("a person is needed: see ✗; finished steps stay done, and another run goes on from there")
        raise typer.Exit(1)
    if counts[StepState.TO_DO]:
        how = "--apply does it" if mode is Mode.SHOW else "without --dry-run it is done"
        say(f"{counts[StepState.TO_DO]} to do; nothing was changed: {how}")
    elif not counts[StepState.CHANGED]:
        say("nothing to change")


def _run_doctor(target: Target) -> None:
    say("the doctor, with the app's own sign-in:")
    report(examine(target, os.environ, now))


def _say_that_it_is_another(subject: Subject) -> None:
    say(
        f"this is for the application {subject.client_id}, but the app's settings sign in as {subject.signs_in_as}: "
        "leads get through only when both are the same. The doctor would check the other one, so it is not run"
    )


def _say_that_the_id_is_missing(subject: Subject) -> NoReturn:
    where = "--client-id" if subject.sign_in is SignInMethod.MANAGED_IDENTITY else "DATAVERSE_CLIENT_ID, or --client-id"
    say(f"the client id is not known yet: the commands above show it; then give it as {where}")
    raise typer.Exit(1)
