"""`leadpipe poison replay` and `discard`: what a person decides about one lead, or about thousands."""

from dataclasses import dataclass
from typing import Annotated

import typer

from leadpipe.cli.batch import ask, carry_out, end, teller
from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import Actor, AsJson, Causes, DryRun, LeadIds, Offer, Rate, SettingsFile, Since, Yes
from leadpipe.cli.say import say
from leadpipe.cli.selection import OneState, Selection, leads, selected, states_of
from leadpipe.cli.target import reach
from leadpipe.operations.batch import Work
from leadpipe.operations.decisions import Desk, Outcome, discard, duplicates_of, replay
from leadpipe.operations.find import Wanted
from leadpipe.operations.target import Target
from leadpipe.wiring import now


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What to do, how fast and how far, and how to tell of it."""

    verb: str
    rate: float | None
    dry_run: bool
    yes: bool
    as_json: bool


AllOfThem = Annotated[bool, typer.Option("--all", help="All that are poisoned or rejected.")]


def replay_poison(
    context: typer.Context,
    lead_ids: LeadIds = None,
    cause: Causes = None,
    since: Since = None,
    offer: Offer = "",
    state: OneState = None,
    everything: AllOfThem = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="A duplicate too: it becomes a lead of its own. With IDs only.")
    ] = False,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    actor: Actor = "",
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Send leads on their way again, once what kept them back is mended.

    One, many, or all that a filter chooses, oldest first. Counts first, and asks before more than one. May be stopped
    and begun again: what was replayed is not poisoned any more. A lead that Dynamics has already is found there
    under its id and not written twice. Prints those that were not replayed, with --json every one.
    """
    target = reach(context, settings)
    wanted = Wanted(states=states_of(state), causes=frozenset(cause or ()), since=since, offer=offer)
    chosen = selected(lead_ids or [], wanted, everything=everything, target=target)
    if anyway and not chosen.named:
        raise typer.BadParameter("--anyway is for leads named by ID: a filter chooses no duplicates")
    desk = Desk(actor=actor, now=now, ports=target.ports)
    work = Work(
        act=lambda lead_id: replay(lead_id, desk, anyway=anyway, dry_run=dry_run),
        done=Outcome.REPLAYED,
        look=target.ledger.read,
    )
    _carry_out(work, chosen, how=How(verb="replay", rate=rate, dry_run=dry_run, yes=yes, as_json=as_json))


def _said(why: str) -> str:
    if not why.strip():
        raise typer.BadParameter("say the reason: it is all that is left to explain the decision")
    return why


def discard_poison(
    context: typer.Context,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", callback=_said, help="The reason, for the lead's history.")
    ],
    lead_ids: LeadIds = None,
    cause: Causes = None,
    since: Since = None,
    offer: Offer = "",
    state: OneState = None,
    everything: AllOfThem = False,
    without_asking: Annotated[
        bool, typer.Option("--without-asking", help="Do not ask Dynamics first whether it has the lead.")
    ] = False,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    actor: Actor = "",
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Decide that leads shall not be written.

    Asks Dynamics for each id first: a lead that is there becomes written instead. Refuses while the lead's last
    change is less than two minutes old, since a delivery may still be under way. Names the duplicates that hang on
    what is discarded: nobody writes those either, unless one is replayed with --anyway. `poison replay` takes a
    discarded lead back.
    """
    target = reach(context, settings)
    wanted = Wanted(states=states_of(state), causes=frozenset(cause or ()), since=since, offer=offer)
    chosen = selected(lead_ids or [], wanted, everything=everything, target=target)
    _say_duplicates(chosen, target)
    desk = Desk(actor=actor, now=now, ports=target.ports)
    work = Work(
        act=lambda lead_id: discard(lead_id, desk, why=why, without_asking=without_asking, dry_run=dry_run),
        done=Outcome.DISCARDED,
        look=target.ledger.read,
    )
    _carry_out(work, chosen, how=How(verb="discard", rate=rate, dry_run=dry_run, yes=yes, as_json=as_json))


def _carry_out(work: Work, chosen: Selection, *, how: How) -> None:
    """Counts, asks, does, tells. A dry run looks at each lead as the real one would."""
    chosen.say_counts(how.verb)
    if not chosen.lead_ids:
        if how.as_json:
            print_json([])
        return
    if len(chosen.lead_ids) > 1 and not how.dry_run:
        ask(f"{how.verb} {leads(len(chosen.lead_ids))}?", yes=how.yes)
    tell = teller(work.done, as_json=how.as_json)
    counts, stopped = carry_out(
        chosen.lead_ids, work.results, tell, title=how.verb, rate=None if how.dry_run else how.rate, dry_run=how.dry_run
    )
    end(counts, stopped=stopped, named=chosen.named)


def _say_duplicates(chosen: Selection, target: Target) -> None:
    for holder, found in duplicates_of(chosen.lead_ids, target.settings.dedupe_window, target.ledger).items():
        say(f"{leads(len(found))} said the same as {holder}: {', '.join(found)}")
        say("  if one of them shall be written: `leadpipe poison replay ID --anyway`")
