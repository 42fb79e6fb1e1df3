"""`leadpipe doctor`: says whether a lead posted now would get through, and if not, what to do."""

import os
from collections.abc import Iterable, Iterator

import typer

from leadpipe.cli.checklist import entry, print_checklist, when_stopped
from leadpipe.cli.options import AsJson, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.target import reach
from leadpipe.model.errors import SettingsError
from leadpipe.operations.doctor.app_checks import SETTINGS
from leadpipe.operations.doctor.dynamics_checks import NO_DYNAMICS
from leadpipe.operations.doctor.examination import examine
from leadpipe.operations.doctor.finding import CheckResult, Finding, failed
from leadpipe.operations.doctor.ledger_checks import LAST
from leadpipe.wiring import now

_WIDTH = 23


def doctor(context: typer.Context, as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """Check everything that a lead needs, and say what is wrong and how to fix it.

    Each line begins with ✓ (right), ✗ (a lead would not get through), ! (it would, but a person should look at this)
    or – (not looked at). A check that depends on a failed one is not made, so one fault gives one ✗. Changes nothing:
    Dynamics is only read, and what is written to the storage account as a trial is removed again.

    Uses the settings of this command. On a machine other than the app's, give it the app's own with --settings.

    Exits with 1 when a lead would not get through. Without an organisation leads rest in the fallback table, which may
    be intended: the last line says so, and the exit code is 0.
    """
    report(_findings(context, settings), as_json=as_json)


def report(findings: Iterable[Finding], *, as_json: bool = False) -> None:
    """Prints each finding as it comes. Exits with 1 when a lead would not get through."""
    with when_stopped(lambda: "stopped: the remaining checks were not made"):
        found = print_checklist(findings, _entry, as_json=as_json)
    _conclude(found)


def _findings(context: typer.Context, settings: SettingsFile) -> Iterator[Finding]:
    try:
        target = reach(context, settings, with_faults=True)
    except SettingsError as error:
        yield failed(SETTINGS, error.detail, "correct it, and ask again", reason="settings")
        return
    yield from examine(target, os.environ, now)


def _entry(finding: Finding) -> str:
    return entry(finding.result, f"{finding.check:<{_WIDTH}}", finding.fact, finding.fix)


def _conclude(found: list[Finding]) -> None:
    wrong = dict.fromkeys(finding.check for finding in found if finding.result is CheckResult.FAILED)
    if wrong:
        say(f"a lead would not get through: see {', '.join(wrong)}")
        raise typer.Exit(1)
    if any(finding.reason == NO_DYNAMICS for finding in found):
        say(
            "a lead would be kept and rest in the fallback table until an organisation is set and"
            " `leadpipe fallback drain` is run"
        )
        return
    stuck = [finding.check for finding in found if finding.check in LAST and finding.result is CheckResult.WARNING]
    if stuck:
        say(f"no check found an obstacle, but a lead did not get through: see {stuck[0]}")
        return
    say("a lead would get through, as far as this can be seen; `leadpipe send-test` sends one to be sure")
