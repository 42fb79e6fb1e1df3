"""`leadpipe poison replay` and `discard`: decides about one lead or thousands."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from leadpipe.cli.batch import ask, carry_out, end, printer
from leadpipe.cli.json_output import print_json
from leadpipe.cli.option_groups import with_groups
from leadpipe.cli.options import Actor, AsJson, DryRun, Rate, SettingsFile, Yes
from leadpipe.cli.say import say
from leadpipe.cli.selection import LeadChoice, Selection, leads, selected
from leadpipe.cli.target import reach
from leadpipe.operations.batch import Work
from leadpipe.operations.decisions import Desk, Outcome, discard, duplicates_of, replay
from leadpipe.operations.target import Target
from leadpipe.wiring import now


@dataclass(frozen=True, kw_only=True)
class How:
    """The options that say how a decision is carried out."""

    rate: Rate = None
    dry_run: DryRun = False
    yes: Yes = False
    actor: Actor = ""
    as_json: AsJson = False
    settings: SettingsFile = None


@with_groups
def replay_poison(
    context: typer.Context,
    *,
    choice: LeadChoice,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="A duplicate or merged action becomes a lead of its own. With IDs only.")
    ] = False,
    how: How,
) -> None:
    """Deliver leads again, once what stopped them is fixed.

    Replays one lead, several, or all that a filter chooses, oldest first. Counts them first, and asks before more than
    one. May be stopped and run again: a replayed lead is no longer poisoned. A lead that Dynamics already has is found
    there under its id and not written twice. Prints the leads that were not replayed, with --json all of them.
    """
    target = reach(context, how.settings)
    chosen = selected(choice, target)
    if anyway and not chosen.named:
        raise typer.BadParameter("--anyway is for leads named by ID: a filter chooses no duplicates")
    desk = Desk(actor=how.actor, now=now, ports=target.ports)
    act = partial(replay, desk=desk, anyway=anyway, dry_run=how.dry_run)
    _carry_out("replay", Work(act=act, done=Outcome.REPLAYED, look=target.ports.ledger.read), chosen, how=how)


def _said(why: str) -> str:
    if not why.strip():
        raise typer.BadParameter("give the reason: later nothing else explains the decision")
    return why


@with_groups
def discard_poison(
    context: typer.Context,
    *,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", callback=_said, help="The reason, for the lead's history.")
    ],
    choice: LeadChoice,
    without_asking: Annotated[
        bool, typer.Option("--without-asking", help="Do not ask Dynamics first whether it has the lead.")
    ] = False,
    how: How,
) -> None:
    """Decide that leads will not be written to Dynamics.

    Asks Dynamics for each id first: a lead that is there becomes written instead. Refuses while the lead's last change
    is less than two minutes old, because a delivery may still be running. Names the duplicates of each discarded lead:
    they are not written either, unless one is replayed with --anyway. `poison replay` undoes a discard.
    """
    target = reach(context, how.settings)
    chosen = selected(choice, target)
    _say_duplicates(chosen, target)
    desk = Desk(actor=how.actor, now=now, ports=target.ports)
    act = partial(discard, desk=desk, why=why, without_asking=without_asking, dry_run=how.dry_run)
    _carry_out("discard", Work(act=act, done=Outcome.DISCARDED, look=target.ports.ledger.read), chosen, how=how)


def _carry_out(verb: str, work: Work, chosen: Selection, *, how: How) -> None:
    """Counts the leads, asks, and does the work. A dry run reads each lead as the real run does."""
    chosen.say_counts(verb)
    if not chosen.lead_ids:
        if how.as_json:
            print_json([])
        return
    if len(chosen.lead_ids) > 1 and not how.dry_run:
        ask(f"{verb} {leads(len(chosen.lead_ids))}?", yes=how.yes)
    show = printer(work.done, as_json=how.as_json)
    rate = None if how.dry_run else how.rate
    counts, stopped = carry_out(chosen.lead_ids, work.results, show, title=verb, rate=rate, dry_run=how.dry_run)
    end(counts, stopped=stopped, named=chosen.named)


def _say_duplicates(chosen: Selection, target: Target) -> None:
    for holder, found in duplicates_of(chosen.lead_ids, target.settings.dedupe_window, target.ports.ledger).items():
        say(f"{leads(len(found))} with the same content as {holder}: {', '.join(found)}")
        say("  to write one of them: `leadpipe poison replay ID --anyway`")
