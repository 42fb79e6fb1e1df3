"""`leadpipe complete`: records that a person completed leads in Dynamics."""

from functools import partial

import typer

from leadpipe.cli.batch import ask, carry_out, end, printer
from leadpipe.cli.options import Actor, AsJson, DryRun, LeadIds, SettingsFile, Yes
from leadpipe.cli.selection import leads
from leadpipe.cli.target import reach
from leadpipe.operations.batch import Work
from leadpipe.operations.decisions import Desk, Outcome, complete
from leadpipe.wiring import now


def complete_leads(
    context: typer.Context,
    lead_ids: LeadIds = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    actor: Actor = "",
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Record that written leads were completed in Dynamics by hand.

    For leads with the reason person_unread: the post had personal data that leadpipe could not read. `status` exits
    with 1 until they are completed. Sends nothing to Dynamics. Prints those that were not completed, with --json every
    one.
    """
    chosen = [*dict.fromkeys(lead_ids or [])]
    if not chosen:
        raise typer.BadParameter("which leads? Name them by ID")
    desk = Desk(actor=actor, now=now, ports=reach(context, settings).ports)
    if len(chosen) > 1 and not dry_run:
        ask(f"record {leads(len(chosen))} as completed?", yes=yes)
    act = partial(complete, desk=desk, dry_run=dry_run)
    work = Work(act=act, done=Outcome.COMPLETED, look=desk.ports.ledger.read)
    show = printer(Outcome.COMPLETED, as_json=as_json)
    counts, stopped = carry_out(chosen, work.results, show, title="complete", dry_run=dry_run)
    end(counts, stopped=stopped, named=True)
