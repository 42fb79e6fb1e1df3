"""`leadpipe notify --test`: sends a notice to the webhook, to see it arrive."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from leadpipe.cli.checklist import entry
from leadpipe.cli.exit_codes import FAILED
from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import AsJson, DryRun, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.target import settings_alone
from leadpipe.model.settings import Settings
from leadpipe.model.webhook import Webhook
from leadpipe.operations.doctor.finding import CheckResult
from leadpipe.operations.notify import HOW_TO_CONNECT, Posted, preview, send, trial_notice, why_nobody
from leadpipe.operations.target import Target
from leadpipe.wiring import now


def notify(
    context: typer.Context,
    test: Annotated[bool, typer.Option("--test", help="Send a notice that says it is a test.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Send a test notice to LEADPIPE_NOTIFY_URL.

    The sweep posts a notice there when something needs a person, once a day while it lasts, and when it is over. This
    command sends one about nothing on the same way. It names the host and the format, and never the address, because
    whoever has that can post.

    --dry-run prints the JSON that would be posted.

    Exits with 1 when the notice was not taken, and says what to do; with 2 where LEADPIPE_NOTIFY_URL is not set.
    """
    if not test:
        raise typer.BadParameter("is needed: notices of real trouble are posted by the sweep", param_hint="--test")
    found = settings_alone(context, settings)
    webhook = _webhook(found)
    notice = trial_notice(found, now())
    if dry_run:
        say(f"this would be posted to {webhook.host}, in the format {webhook.shape}")
        _print_body(preview(notice, webhook), as_json=as_json)
        return
    say(f"posting to {webhook.host}, in the format {webhook.shape}")
    notifier = Target(found).notifier
    assert notifier is not None  # noqa: S101 - there is one where there is a webhook
    _report(send(notice, webhook, notifier=notifier), as_json=as_json)


def _webhook(settings: Settings) -> Webhook:
    if settings.webhook is None:
        why = why_nobody(settings) or "LEADPIPE_NOTIFY_URL is not set"
        raise typer.BadParameter(f"{why}; {HOW_TO_CONNECT}", param_hint="the settings")
    return settings.webhook


def _print_body(body: dict[str, object], *, as_json: bool) -> None:
    typer.echo(json.dumps([body] if as_json else body, indent=2).replace("\x7f", "\\u007f"))


def _report(posted: Posted, *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(posted)])
    elif posted.sent:
        typer.echo(entry(CheckResult.OK, "notify", f"{posted.host} took the notice of {posted.app}"), nl=False)
    else:
        typer.echo(entry(CheckResult.FAILED, "notify", f"{posted.host}: {posted.fact}", posted.fix), nl=False)
    if not posted.sent:
        raise typer.Exit(FAILED)
