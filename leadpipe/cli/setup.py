"""`leadpipe setup`: what is missing in Dynamics so that leads get through, and with --apply the making of it."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, NoReturn

import typer

from leadpipe.cli.batch import ask
from leadpipe.cli.doctor import report
from leadpipe.cli.exit_codes import INTERRUPTED
from leadpipe.cli.json_output import print_json
from leadpipe.cli.mapping_options import mapping_of
from leadpipe.cli.options import DryRun, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.setup_azure import tell_azure
from leadpipe.cli.setup_options import ClientId, Tenant, Unit
from leadpipe.cli.target import reach
from leadpipe.cli.terminal_text import one_line
from leadpipe.mapping.rules import FileMapping
from leadpipe.operations.doctor.examination import examine
from leadpipe.operations.setup.administrator import administration_of, said_to_the_administrator
from leadpipe.operations.setup.application import Subject, is_managed_identity, subject_of
from leadpipe.operations.setup.apply import Doing
from leadpipe.operations.setup.mapping_needs import needs_of
from leadpipe.operations.setup.organisation import look
from leadpipe.operations.setup.plan import Wanted, plan
from leadpipe.operations.setup.privileges import needed
from leadpipe.operations.setup.removal import plan_removal
from leadpipe.operations.setup.sign_in import Way
from leadpipe.operations.setup.step import SIGNS, State, Step
from leadpipe.operations.target import Target
from leadpipe.wiring import now

_WIDTH = 16
# Only there does a person need to know how it is done by hand.
_BY_HAND = frozenset({State.TO_DO, State.FAILED, State.PERSON})


def setup(
    context: typer.Context,
    apply: Annotated[bool, typer.Option("--apply", help="Do what is to be done.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take away again what setup made, after asking.")] = False,
    client_id: ClientId = "",
    business_unit: Unit = None,
    tenant: Tenant = "",
    azure: Annotated[
        bool, typer.Option("--azure", help="Only show the commands for Entra and the function app; nobody signs in.")
    ] = False,
    sign_in: Annotated[
        Way | None,
        typer.Option("--sign-in", help="How the app shall sign in, for those commands. Left out: as it is set."),
    ] = None,
    no_doctor: Annotated[bool, typer.Option("--no-doctor", help="Do not run the doctor after --apply.")] = False,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before taking away.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the steps as a JSON array, and run no doctor.")
    ] = False,
    settings: SettingsFile = None,
) -> None:
    """Make in Dynamics what a lead needs there: the application user, and a role with the least privileges.

    Without --apply it shows what is to be done: ✓ it is so already, + to do, ✗ only a person can; the last two with
    the way through the portals, today's and that of 2018. With --apply it does what is missing, and nothing else, and
    ends with the doctor. --remove takes away what setup made, never Microsoft's role, never what somebody else made.

    You sign in as an administrator of the organisation: as the Azure CLI is signed in (`az login`), else by a code in
    your browser. Nothing of that is kept.

    Exits with 1 when a step failed or a person is needed.
    """
    if apply and remove:
        raise typer.BadParameter("--apply and --remove are one or the other")
    if azure and (apply or remove):
        raise typer.BadParameter("--azure only shows commands: give it without --apply and --remove")
    target = reach(context, settings, with_faults=True)
    subject = subject_of(os.environ, client_id=client_id, tenant=tenant, way=sign_in)
    if azure or not (subject.client_id or subject.account):
        tell_azure(subject, now().date(), as_json=as_json)
        if not azure:
            _say_that_the_id_is_missing(subject)
        return
    # What is taken away does not depend on the mapping, which may be what is being mended.
    mapping = FileMapping(columns={}) if remove else mapping_of(None, target.settings)
    doing = (apply or remove) and not dry_run
    another = subject.is_another and not remove
    if another:
        _say_that_it_is_another(subject)
    with _said_when_stopped():
        steps = _steps(subject, mapping, unit=business_unit or "", remove=remove, do=doing, yes=yes)
        told = _tell(steps, as_json=as_json)
    if target.settings.dataverse is None and not (apply or remove or as_json):
        tell_azure(subject, now().date(), as_json=False)
    _conclude(told, how="without --dry-run it is done" if apply or remove else "--apply does it")
    if another:
        _say_that_it_is_another(subject)
    elif apply and doing and not (no_doctor or as_json):
        _run_doctor(target)


def _steps(subject: Subject, mapping: FileMapping, *, unit: str, remove: bool, do: bool, yes: bool) -> Iterable[Step]:
    administration = administration_of(subject.organisation, subject.tenant, say)
    with said_to_the_administrator():
        administration.my_id()
        wanted = Wanted(
            privileges=needed(needs_of(mapping, administration)),
            client_id="" if subject.account else subject.client_id,
            account=subject.account,
            unit=unit,
        )
        found = look(administration, wanted)
    steps = plan_removal(wanted, found) if remove else plan(wanted, found)
    if not do:
        return steps
    to_do = [step for step in steps if step.state is State.TO_DO]
    if remove and to_do:
        for step in to_do:
            say(f"to do: {step.fact}")
        ask("Take this away?", yes=yes)
    return Doing(administration, wanted, found).results(steps)


def _tell(steps: Iterable[Step], *, as_json: bool) -> list[Step]:
    told = []
    for step in steps:
        told.append(step)
        if not as_json:
            sys.stdout.write(_lines(step))
            sys.stdout.flush()
    if as_json:
        print_json(asdict(step) for step in told)
    return told


def _lines(step: Step) -> str:
    lines = [f"{SIGNS[step.state]} {step.step:<{_WIDTH}} {step.fact}"]
    lines += [
        f"  {'':<{_WIDTH}} {when}: {where}"
        for when, where in (("by hand", step.portal), ("in 2018", step.portal_2018))
        if where and step.state in _BY_HAND
    ]
    return "".join(f"{one_line(line)}\n" for line in lines)


def _conclude(told: list[Step], *, how: str) -> None:
    """Says what it came to, and ends the command where a person has to do something. `how`: what is to do gets done."""
    counts = {state: sum(step.state is state for step in told) for state in State}
    if counts[State.CHANGED]:
        say(f"changed: {', '.join(step.step for step in told if step.state is State.CHANGED)}")
    if counts[State.FAILED] or counts[State.PERSON]:
        say("a person is needed: see ✗; what was done stays done, and running it again goes on from there")
        raise typer.Exit(1)
    if counts[State.TO_DO]:
        say(f"{counts[State.TO_DO]} to do; nothing was changed: {how}")
    elif not counts[State.CHANGED]:
        say("nothing to change")


def _run_doctor(target: Target) -> None:
    if is_managed_identity(target.settings) and not os.environ.get("IDENTITY_ENDPOINT"):
        say("the doctor cannot sign in as the app's identity from here; `leadpipe send-test --url URL` proves it")
        return
    say("the doctor, with the app's own sign-in:")
    report(examine(target, os.environ, now))


def _say_that_it_is_another(subject: Subject) -> None:
    say(
        f"this is for the application {subject.client_id}, but the app's settings sign in as {subject.signs_in_as}: "
        "leads go through only once they name the same; the doctor, which would look at the other one, is not run"
    )


@contextmanager
def _said_when_stopped() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("")
        say("stopped; what was done stays done: run it again")
        raise typer.Exit(INTERRUPTED) from None


def _say_that_the_id_is_missing(subject: Subject) -> NoReturn:
    where = "--client-id" if subject.way is Way.MANAGED_IDENTITY else "DATAVERSE_CLIENT_ID, or --client-id"
    say(f"the client id is not known yet: the commands above tell it; then give it as {where}")
    raise typer.Exit(1)
