"""`leadpipe erase`: takes a lead's personal data out of every store that leadpipe has, and says which it has not."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Annotated

import typer

from leadpipe.model.errors import DeliveryFailed, RecordDamaged
from leadpipe.model.lead_id import EPOCH
from leadpipe.model.ports import Ledger, Ports
from leadpipe.model.record import OPEN, Record, State
from leadpipe.ops.decisions import Desk, Outcome, erase
from leadpipe.ops.many import Work, ask, carry_out, end, teller
from leadpipe.ops.options import Actor, AsJson, DryRun, LeadIds, SettingsFile, Yes
from leadpipe.ops.selection import leads
from leadpipe.ops.target import Target, reach
from leadpipe.ops.words import say
from leadpipe.wiring import now

_UNSEEN = (
    "the marketplace's own rows in the table marketplaceleads: leadpipe never changes those",
    "messages still on a queue: they end, unread, when their time comes; the host's poison queue forgets in seven days",
    "the claim: a hash of what was said and the lead's id stay, so that a late repeat is known",
    "what is outside: Partner Center, logs and backups of yours, copies that flows made",
)
# Their address may stand in nothing but the text that was posted.
_MAYBE_UNREAD = frozenset({State.POISONED, State.REJECTED, State.DISCARDED})
Email = Annotated[
    str, typer.Option("--email", metavar="X", help="Every lead with this e-mail address, in any case of letters.")
]


def erase_leads(
    context: typer.Context,
    lead_ids: LeadIds = None,
    email: Email = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    actor: Actor = "",
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Erase leads, whatever their state, for good.

    Each leaves a tombstone with its id, times, source and offer, which ends late copies of it. What was posted,
    name, company, e-mail and fingerprint, what edits and answers left in its history, and its row in the fallback
    table are removed. Says what leadpipe cannot reach: above all Dynamics, where a written lead has to be deleted.
    An erasure that was interrupted is finished by the same command.
    """
    if bool(lead_ids) == bool(email.strip()):
        raise typer.BadParameter("name leads by ID, or all of one address with --email")
    target = reach(context, settings)
    chosen = list(dict.fromkeys(lead_ids or with_address(email, target.ledger, until=now().date())))
    say(f"{leads(len(chosen))} to erase")
    if email:
        say("  not found this way: leads whose data was removed after LEADPIPE_RETENTION or whose address was edited")
    if len(chosen) > 1 and not dry_run:
        ask(f"erase {leads(len(chosen))} for good?", yes=yes)
    desk = Desk(actor=actor, now=now, ports=target.ports)
    before = [record for lead_id in chosen if (record := _readable(lead_id, target.ledger))]
    work = Work(act=lambda lead_id: erase(lead_id, desk, dry_run=dry_run), done=Outcome.ERASED, look=target.ledger.read)
    tell = teller(Outcome.ERASED, as_json=as_json)
    counts, stopped = carry_out(chosen, work.results, tell, title="erase", dry_run=dry_run)
    if chosen:
        _say_unseen(before, target)
    end(counts, stopped=stopped, named=True)


def with_address(email: str, ledger: Ledger, *, until: date) -> Iterator[str]:
    """The leads with that address, and those that were no lead but have it somewhere in what was posted."""
    wanted = email.strip().casefold()
    for record in ledger.between(EPOCH.date(), until):
        if record.email.strip().casefold() == wanted:
            yield record.lead_id
    for record in ledger.between(EPOCH.date(), until, states=_MAYBE_UNREAD, payloads=True):
        if not record.email and wanted in _as_text(record.payload).casefold():
            yield record.lead_id


def _readable(lead_id: str, ledger: Ledger) -> Record | None:
    """The lead's record; None where there is none, or it is damaged, which its erasure says."""
    try:
        return ledger.read(lead_id)
    except RecordDamaged:
        return None


def _as_text(payload: str | bytes | None) -> str:
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else payload or ""


def _say_unseen(before: Iterable[Record], target: Target) -> None:
    url = target.settings.dataverse.url if target.settings.dataverse else "https://<your organisation>"
    say("what leadpipe does not reach:")
    for record in before:
        there = _in_dynamics(record, target.ports)
        if there:
            say(f"  Dynamics {there} {record.lead_id}. Delete it there:")
            say(f"    {url}/main.aspx?pagetype=entityrecord&etn=lead&id={record.lead_id}")
        if record.state in OPEN:
            say(f"  a delivery of {record.lead_id} that is under way may still write it: look again in two minutes")
    for unseen in _UNSEEN:
        say(f"  {unseen}")


def _in_dynamics(record: Record, ports: Ports) -> str:
    """What is known of the lead in Dynamics, as a verb; empty when it is not there."""
    if ports.dynamics is None:
        return "has" if record.written_at else "could not be asked whether it has"
    try:
        return "has" if ports.dynamics.has(record.lead_id) else ""
    except DeliveryFailed:
        return "has, or had," if record.written_at else "could not be asked whether it has"
