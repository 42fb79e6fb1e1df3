"""`leadpipe erase`: removes a lead's personal data from leadpipe's stores, and says what it cannot reach."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Annotated

import typer

from leadpipe.cli.batch import ask, carry_out, end, printer
from leadpipe.cli.options import Actor, AsJson, DryRun, LeadIds, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.table import text_of
from leadpipe.cli.target import reach
from leadpipe.model.errors import RecordDamaged
from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, Record
from leadpipe.operations.addresses import Standing, is_address
from leadpipe.operations.batch import Work
from leadpipe.operations.decisions import Desk, Outcome, Result, erase
from leadpipe.operations.erasure import AddressMatch, dynamics_has, with_address
from leadpipe.operations.target import Target
from leadpipe.wiring import now

_UNSEEN = (
    "the marketplace's own rows in the table marketplaceleads: leadpipe never changes those",
    "messages still on a queue: they end unread at their next delivery; the host's poison queue keeps seven days",
    "the claim: a hash of the lead's content and the lead's id stay, so that a late repeat is recognised",
    "rows of the ledger that cannot be read: `leadpipe balance` names them",
    "what is outside leadpipe: Partner Center, your logs and backups, copies made by flows",
)
SHOWN = 20
Email = Annotated[
    str,
    typer.Option(
        "--email",
        metavar="X",
        help="Every lead with this whole e-mail address, in any case of letters. Asks even for one lead.",
    ),
]
Mentions = Annotated[
    bool, typer.Option("--mentions", help="With --email: also leads of other people that mention the address.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before erasing.")]


def erase_leads(
    context: typer.Context,
    lead_ids: LeadIds = None,
    email: Email = "",
    mentions: Mentions = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    actor: Actor = "",
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Erase leads, whatever their state, for good.

    Removes the post, name, company, e-mail and fingerprint, what edits and answers left in the lead's history, and its
    row in the fallback table. A tombstone with the lead's id, times, source and offer stays, and ends late copies. Says
    what leadpipe cannot reach: above all Dynamics, where a person must delete a written lead. Run it again to finish an
    interrupted erasure.

    --email looks for the whole address in leads of every state and in all posts, rejected ones included. Says what it
    found, and asks. A lead of somebody else that only mentions the address, for example in its description, is listed
    as `mentions` and is not changed, unless it is named by its ID or --mentions is given.
    """
    _require_a_choice(lead_ids, email, mentions=mentions)
    target = reach(context, settings)
    found = with_address(email, target.ports.ledger) if email else []
    taken = [each for each in found if mentions or each.standing is Standing.OWN]
    left = [] if mentions else [each for each in found if each.standing is Standing.MENTIONED]
    chosen = list(dict.fromkeys(lead_ids or [each.lead_id for each in taken]))
    say(f"{leads(len(chosen))} to erase")
    if email:
        _say_found(taken, left)
    if (len(chosen) > 1 or (email and chosen)) and not dry_run:
        ask(f"erase {leads(len(chosen))} for good?", yes=yes)
    desk = Desk(actor=actor, now=now, ports=target.ports)
    before = [record for lead_id in chosen if (record := _readable(lead_id, target.ports.ledger))]
    work = Work(
        act=lambda lead_id: erase(lead_id, desk, dry_run=dry_run), done=Outcome.ERASED, look=target.ports.ledger.read
    )
    why = "the lead of somebody else, which mentions the address"
    others = [Result(lead_id=each.lead_id, outcome=Outcome.MENTIONS, state=each.state, detail=why) for each in left]
    show = printer(Outcome.ERASED, as_json=as_json)
    counts, stopped = carry_out(
        chosen, work.results, lambda results: show(chain(results, others)), title="erase", dry_run=dry_run
    )
    if chosen:
        _say_unseen(before, target)
    end(counts, stopped=stopped, named=True)


def _readable(lead_id: str, ledger: Ledger) -> Record | None:
    """The lead's record; None where there is none, or it is damaged: the erasure reports that."""
    try:
        return ledger.read(lead_id)
    except RecordDamaged:
        return None


def _require_a_choice(lead_ids: list[str] | None, email: str, *, mentions: bool) -> None:
    if bool(lead_ids) == bool(email.strip()):
        raise typer.BadParameter("name leads by ID, or one address with --email")
    if email and not is_address(email):
        raise typer.BadParameter("give a whole address, like jane@contoso.com", param_hint="--email")
    if mentions and not email:
        raise typer.BadParameter("--mentions goes with --email")


def _say_found(taken: Sequence[AddressMatch], left: Sequence[AddressMatch]) -> None:
    _say_each(taken)
    if left:
        say(f"{leads(len(left))} of somebody else mention the address and will stay; --mentions erases those too")
        _say_each(left)
    say("  not found this way: leads whose data was removed after LEADPIPE_RETENTION or whose address was edited")


def _say_each(found: Sequence[AddressMatch]) -> None:
    for each in found[:SHOWN]:
        word = "" if each.standing is Standing.OWN else ", mentions it"
        say(f"  {each.lead_id} {each.state}, received {text_of(each.received_at)}{word}")
    if len(found) > SHOWN:
        say(f"  and {len(found) - SHOWN} more; --dry-run --json lists them all")


def _say_unseen(before: Iterable[Record], target: Target) -> None:
    url = target.settings.dataverse.url if target.settings.dataverse else "https://<your organisation>"
    say("what leadpipe does not reach:")
    for record in before:
        there = dynamics_has(record, target.ports)
        if there:
            what = f"a note of {record.lead_id}, on this lead" if record.noted_on else record.lead_id
            say(f"  Dynamics {there} {what}. Delete it there:")
            say(f"    {url}/main.aspx?pagetype=entityrecord&etn=lead&id={record.noted_on or record.lead_id}")
        if record.state in OPEN:
            say(f"  a running delivery of {record.lead_id} may still write it: look again in two minutes")
    for unseen in _UNSEEN:
        say(f"  {unseen}")
