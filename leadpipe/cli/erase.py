"""`leadpipe erase`: removes a person's data from leadpipe's stores, if wanted from Dynamics, and says what it left."""

import os
from collections.abc import Iterable, Iterator
from itertools import chain

import typer

from leadpipe.cli.batch import ask, carry_out, end, printer, watched
from leadpipe.cli.erase_choice import Choice
from leadpipe.cli.erase_options import Dynamics, Email, Empty, Mentions, ReceiptFile, Yes, require_a_choice
from leadpipe.cli.mapping_options import mapping_of
from leadpipe.cli.options import Actor, AsJson, DryRun, LeadIds, SettingsFile
from leadpipe.cli.receipt_file import ReceiptOnDisk, require_new
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.setup_options import Tenant
from leadpipe.cli.target import reach
from leadpipe.model.errors import LeadpipeError
from leadpipe.model.record import OPEN, Record
from leadpipe.operations.batch import AT_ONCE, Work
from leadpipe.operations.decisions import Desk, Outcome, Result
from leadpipe.operations.erasure import Erasing, Found, Peek, Search, dynamics_has
from leadpipe.operations.erasure_dynamics import InDynamics, emptied_columns
from leadpipe.operations.erasure_receipt import Receipt, in_words, proof_of
from leadpipe.operations.find import read_unless_damaged
from leadpipe.operations.moving.sources import poison_peeks
from leadpipe.operations.setup.administrator import administration_of, said_to_the_administrator
from leadpipe.operations.setup.application import subject_of
from leadpipe.operations.target import Target
from leadpipe.storage.lead_queue import QUEUE
from leadpipe.wiring import now

NEVER_REACHED = (
    "the marketplace's own rows in the table marketplaceleads: leadpipe never changes those",
    "messages still on a queue: they end unread at their next delivery; the host's poison queue keeps seven days",
    "the claim: a hash of the lead's content and the lead's id stay, so that a late repeat is recognised",
    "rows of the ledger that cannot be read: `leadpipe balance` names them",
    "what became of a lead in Dynamics: contacts, accounts, activities and the audit log there",
    "what is outside leadpipe: Partner Center, your logs and backups, copies made by flows",
)


def erase_leads(
    context: typer.Context,
    lead_ids: LeadIds = None,
    email: Email = "",
    mentions: Mentions = False,
    dynamics: Dynamics = False,
    empty: Empty = False,
    tenant: Tenant = "",
    receipt: ReceiptFile = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    actor: Actor = "",
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Erase leads, whatever their state, for good.

    Removes the post, name, company, e-mail and fingerprint, what edits and answers left in the lead's history, and its
    row in the fallback table. A tombstone with the lead's id, times, source and offer stays, and ends late copies. Says
    what leadpipe cannot reach. Run it again to finish an interrupted erasure.

    --email looks for the whole address in leads of every state, in all posts, rejected ones included, in their history,
    in the fallback table and in messages. Says what it found, and asks. A lead of somebody else that only mentions the
    address, for example in its description, is listed as `mentions` and is not changed, unless it is named by its ID or
    --mentions is given.

    --dynamics also deletes each lead in Dynamics, and with --email finds those there that leadpipe has forgotten. You
    sign in as an administrator, as for `leadpipe setup`. --receipt writes what was done, when and where, without
    personal data.
    """
    require_a_choice(lead_ids, email, mentions=mentions, dynamics=dynamics, empty=empty)
    require_new(receipt, dry_run=dry_run)
    target = reach(context, settings)
    in_dynamics = _signed_in(target, tenant, empty=empty) if dynamics else None
    found = _search(email, target, in_dynamics) if email else Found()
    choice = Choice.of(found, lead_ids, mentions=mentions)
    choice.say(found, email, forgotten_too=dynamics)
    _ask(choice, email, in_dynamics, dry_run=dry_run, yes=yes)

    erasing = Erasing(
        desk=Desk(actor=actor, now=now, ports=target.ports), dynamics=in_dynamics, unrecorded=frozenset(found.matches)
    )
    before = [record for lead_id in choice.lead_ids if (record := read_unless_damaged(lead_id, target.ports.ledger))]
    work = Work(
        act=lambda lead_id: erasing.erase(lead_id, dry_run=dry_run),
        done=Outcome.ERASED,
        look=target.ports.ledger.read,
        at_once=AT_ONCE if in_dynamics is None else 1,
    )
    report = _receipt(email, target)
    report.not_reached += [*in_words(found.elsewhere, found.unsearched), *NEVER_REACHED]

    def noted(results: Iterable[Result]) -> Iterator[Result]:
        for result in results:
            report.add(result, found.matches.get(result.lead_id), erasing.there.get(result.lead_id, ""), now())
            yield result

    show = printer(Outcome.ERASED, as_json=as_json)
    proof = ReceiptOnDisk(receipt)
    with proof.of(report):
        counts, stopped = carry_out(
            choice.lead_ids,
            work.results,
            lambda results: show(noted(chain(results, choice.others))),
            title="erase",
            dry_run=dry_run,
        )
        proof.ended(stopped=stopped or counts.total() < len(choice.lead_ids))
    if choice.lead_ids:
        _say_unseen(before, target, erasing)
    end(counts, stopped=stopped, named=True)


def _search(email: str, target: Target, in_dynamics: InDynamics | None) -> Found:
    queues: dict[str, Peek] = {QUEUE: target.ports.queue.peek}
    search = Search(email, target.ports, watched=watched("looking through the ledger"))
    try:
        queues |= poison_peeks(target)
    except LeadpipeError as failure:
        search.found.unsearched.append(f"the poison queues ({failure.slug})")
    found = search.through_leadpipe(queues)
    if in_dynamics is None:
        return found
    with said_to_the_administrator():
        there = in_dynamics.administration.leads_with(email.strip())
    return search.in_dynamics(there)


def _signed_in(target: Target, tenant: str, *, empty: bool) -> InDynamics:
    """Signs the administrator in now, so that nothing is erased before that succeeds."""
    subject = subject_of(os.environ, client_id="", tenant=tenant)
    emptied = emptied_columns(mapping_of(None, target.settings)) if empty else None
    administration = administration_of(subject.organisation, subject.tenant, say)
    with said_to_the_administrator():
        administration.my_id()
    return InDynamics(administration=administration, emptied=emptied)


def _ask(choice: Choice, email: str, in_dynamics: InDynamics | None, *, dry_run: bool, yes: bool) -> None:
    number = len(choice.lead_ids)
    if dry_run or not (number > 1 or (email and number)):
        return
    there = "" if in_dynamics is None else " here and in Dynamics"
    ask(f"erase {leads(number)} for good{there}?", yes=yes)


def _receipt(email: str, target: Target) -> Receipt:
    settings = target.settings
    return Receipt(
        began_at=now(),
        account=settings.storage.account if settings.storage else "",
        organisation=settings.dataverse.url if settings.dataverse else "",
        address=proof_of(email) if email else None,
    )


def _say_unseen(before: Iterable[Record], target: Target, erasing: Erasing) -> None:
    url = target.settings.dataverse.url if target.settings.dataverse else "https://<your organisation>"
    for lead_id, done in erasing.there.items():
        say(f"  in Dynamics: {lead_id} {done}")
    hint = "" if erasing.dynamics else "; --dynamics deletes the leads in Dynamics too"
    say(f"what leadpipe does not reach{hint}:")
    for record in before:
        there = "" if record.lead_id in erasing.there else dynamics_has(record, target.ports)
        if there:
            what = f"a note of {record.lead_id}, on this lead" if record.noted_on else record.lead_id
            say(f"  Dynamics {there} {what}. Delete it there:")
            say(f"    {url}/main.aspx?pagetype=entityrecord&etn=lead&id={record.noted_on or record.lead_id}")
        if record.state in OPEN:
            say(f"  a running delivery of {record.lead_id} may still write it: look again in two minutes")
    for unseen in NEVER_REACHED:
        say(f"  {unseen}")
