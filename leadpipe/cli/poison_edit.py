"""`leadpipe poison edit`: changes what was posted, so that a replay can write it."""

import os
from typing import Annotated

import typer

from leadpipe.cli.batch import DRY_RUN, ask
from leadpipe.cli.options import Actor, AsJson, DryRun, LeadId, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.table import columns, print_records
from leadpipe.cli.target import reach
from leadpipe.model.change import Edited
from leadpipe.model.errors import NotAllowed
from leadpipe.model.record import Record
from leadpipe.operations.decisions import Desk, check, edit, known
from leadpipe.operations.payload_edit import assignment, differences, edited_by_hand, pretty, with_fields
from leadpipe.wiring import now

DIFFERENCE_COLUMNS = columns(("field",), ("before", "after"), at_most={"before": 100, "after": 100})
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A documented field, may be given again.")
]


def edit_poison(
    context: typer.Context,
    lead_id: LeadId,
    values: Set = None,
    dry_run: DryRun = False,
    actor: Actor = "",
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Change a lead that is poisoned, rejected or discarded, before it is replayed.

    --set Email=jane@contoso.com changes one field (FirstName, LastName, Email, Phone, Country, Company, Title,
    LeadSource, ActionCode, OfferTitle, Description, in any case). Without it the lead opens in the editor that VISUAL
    or EDITOR names. A text that is not a lead is refused before anything is written. What was posted before stays in
    the lead's history. Prints the fields that differ: personal data.
    """
    fields = _fields_of(values or [])
    target = reach(context, settings)
    record = known(lead_id, target.ports.ledger)
    desk = Desk(actor=actor, now=now, ports=target.ports)
    payload = with_fields(record.payload, fields) if fields else _by_hand(record, desk)
    if payload is None or payload == record.payload:
        say(f"{lead_id} is unchanged")
        return
    changed = check(record, Edited(actor=desk.actor, payload=payload), desk)
    print_records(list(differences(record.payload, payload)), DIFFERENCE_COLUMNS, as_json=as_json)
    if dry_run:
        say(DRY_RUN)
        return
    edit(record, payload, desk)
    say(f"{lead_id} is edited and still {changed.state}: `leadpipe poison replay {lead_id}` sends it")


def _fields_of(texts: list[str]) -> dict[str, str]:
    try:
        return dict(map(assignment, texts))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error


def _by_hand(record: Record, desk: Desk) -> str | None:
    """The edited text; None when it was not changed. Offers to open the editor again while the text is not a lead."""
    given = text = pretty(record.payload)
    while True:
        text = edited_by_hand(text, os.environ)
        if text == given.strip():
            return None
        try:
            check(record, Edited(actor=desk.actor, payload=text), desk)
        except NotAllowed as why:
            # The message for an empty post would puzzle a person with an empty file.
            say(f"not saved: {why.detail if text else _emptied(record)}")
            ask("open the editor again?", yes=False, instead="--set FIELD=VALUE changes a lead")
        else:
            return text


def _emptied(record: Record) -> str:
    return f'the file is empty; to write no lead: `leadpipe poison discard {record.lead_id} --why "…"`'
