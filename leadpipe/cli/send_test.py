"""`leadpipe send-test`: posts a lead as Partner Center's Validate does, and follows it into Dynamics."""

from typing import Annotated

import typer

from leadpipe.cli.checklist import entry, print_checklist, when_stopped
from leadpipe.cli.options import AsJson, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.target import reach
from leadpipe.operations.doctor.finding import CheckResult
from leadpipe.operations.partner_center import endpoint_of
from leadpipe.operations.send_test import Trial, TrialStep

_WIDTH = 10
# The reason of a test lead that a setting keeps out of Dynamics.
_KEPT = "test_lead"


def send_test(
    context: typer.Context,
    url: Annotated[
        str,
        typer.Option(
            envvar="LEADPIPE_URL",
            metavar="URL",
            help="Where to post: the app's address, or the endpoint's as Partner Center has it, with its key. "
            "Left out: the local run's.",
        ),
    ] = "",
    key: Annotated[
        str,
        typer.Option(envvar="LEADPIPE_KEY", metavar="KEY", help="The function key; never shown.", show_default=False),
    ] = "",
    wait: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for the delivery.")] = 60,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete the lead in Dynamics again when all went well.")
    ] = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Send a test lead from the endpoint into Dynamics, as Partner Center's Validate does.

    Posts a lead with fresh MSFT_TEST digits to the endpoint, follows it in the ledger, reads it back from Dynamics and
    compares its columns. Prints each step with the seconds since the post. The settings have to be the app's own.

    --remove deletes the lead in Dynamics, which takes the privilege prvDeleteLead. Its record stays written and says
    so, and nothing creates the lead again.

    Where LEADPIPE_TEST_LEADS is keep, the lead stays in the ledger, and the last line says so.

    Exits with 1 when a step fails; it says which, and what to do.
    """
    target = reach(context, settings)
    try:
        endpoint = endpoint_of(url or target.local_url, key)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from error
    trial = Trial(target, endpoint, patience=wait)
    with when_stopped(lambda: _left(trial.lead_id)):
        steps = print_checklist(trial.steps(remove=remove), _entry, as_json=as_json)
    _conclude(steps)


def _conclude(steps: list[TrialStep]) -> None:
    if steps[-1].result is CheckResult.FAILED:
        say(f"the test lead did not get through: see {steps[-1].step}")
        raise typer.Exit(1)
    if any(step.reason == _KEPT for step in steps):
        say("the test lead came as far as the ledger and stays there: LEADPIPE_TEST_LEADS keeps it out of Dynamics")
    else:
        say("the test lead got through")


def _left(lead_id: str) -> str:
    if lead_id:
        return f"stopped looking: the test lead is still on its way, `leadpipe show {lead_id}` says how far it came"
    return "stopped while it was posted: `leadpipe leads --since 5m` shows whether it was taken in"


def _entry(step: TrialStep) -> str:
    return entry(step.result, f"{step.step:<{_WIDTH}} {step.seconds:6.2f} s ", step.fact, step.fix)
