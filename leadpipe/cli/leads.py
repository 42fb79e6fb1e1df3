"""`leadpipe leads`: lists the records of the ledger, newest first; reads day by day and only as far as needed."""

from datetime import datetime
from itertools import islice
from typing import Annotated

import typer

from leadpipe.cli.fields import fields_of_record
from leadpipe.cli.json_output import iso
from leadpipe.cli.options import AsJson, SettingsFile, Since
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads as counted_leads
from leadpipe.cli.table import columns, print_records
from leadpipe.cli.target import reach
from leadpipe.model.record import State
from leadpipe.operations.find import Search, found_in
from leadpipe.wiring import now

COLUMNS = columns(
    ("lead_id", "received_at", "state"),
    ("reason", "offer", "email", "name", "company"),
    at_most={"offer": 40, "email": 60, "name": 40, "company": 40},
)
_STATE_HELP = f"Only leads in this state, may be given again: {', '.join(State)}."


def leads(
    context: typer.Context,
    state: Annotated[list[State] | None, typer.Option(metavar="STATE", help=_STATE_HELP)] = None,
    since: Since = None,
    offer: Annotated[str, typer.Option(metavar="TEXT", help="Only leads whose offer has this text in it.")] = "",
    email: Annotated[str, typer.Option(metavar="TEXT", help="Only leads whose e-mail has this text in it.")] = "",
    canary: Annotated[bool, typer.Option("--canary", help="leadpipe's own canaries, and no lead.")] = False,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show at most so many.")] = 50,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """List leads, newest first.

    Searches the whole ledger until enough are found, unless --since says where to stop. Leaves out the canaries that
    leadpipe posts to itself, unless --canary asks for them. Says on stderr how many were shown and whether there are
    more. Times are UTC.
    """
    target = reach(context, settings)
    states = frozenset(state) if state else None
    wanted = Search(states=states, since=since, offer=offer, email=email, canaries=canary)
    found = found_in(target.ports.ledger, wanted, today=now().date())
    rows = map(fields_of_record, islice(found, limit))
    shown = print_records(rows, COLUMNS, as_json=as_json)
    say(_count(shown, more=next(found, None) is not None, since=since))


def _count(shown: int, *, more: bool, since: datetime | None) -> str:
    counted = f"{counted_leads(shown)} shown{f' since {iso(since)}' if since else ''}"
    return f"{counted}; there are more, --limit shows them" if more else f"{counted}, that is all"
