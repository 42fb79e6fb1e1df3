"""`leadpipe fallback`: lists the leads in the fallback table, and delivers them by command."""

from typing import Annotated

import typer

from leadpipe.cli.batch import DRY_RUN, ask, carry_out, end, printer
from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import AsJson, DryRun, Rate, SettingsFile, Since, Yes
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.table import columns, print_records
from leadpipe.cli.target import reach
from leadpipe.model.record import State
from leadpipe.operations.decisions import Outcome
from leadpipe.operations.drain import drained, resources_of, rows_left_behind
from leadpipe.operations.find import Search, oldest_first
from leadpipe.operations.summary import grouped
from leadpipe.sweep.run import Resources

COLUMNS = columns(
    ("lead_id", "received_at", "reason"),
    ("next_try_at", "failing_since", "offer", "detail"),
    at_most={"offer": 40, "detail": 200},
)
RESTING = frozenset({State.FALLBACK})


def list_fallback(
    context: typer.Context, since: Since = None, as_json: AsJson = False, settings: SettingsFile = None
) -> None:
    """List the leads in the fallback table, oldest day first: why each is there and when it is tried again.

    A lead without a next try was kept because no organisation was set: it waits for `leadpipe fallback drain`.
    """
    found = oldest_first(reach(context, settings).ports.ledger, Search(states=RESTING, since=since))
    rows = ({column.field: getattr(record, column.field) for column in COLUMNS} for record in found)
    shown = print_records(rows, COLUMNS, as_json=as_json)
    say(f"{leads(shown)} resting")


def drain_fallback(
    context: typer.Context,
    since: Since = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Deliver at most so many.")] = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Deliver the leads in the fallback table, oldest first, those without a next try included.

    Where Dynamics cannot take a lead now, the run ends and says why; that lead and the rest stay in the table. A lead
    that Dynamics refuses for good is poisoned. May be stopped and run again. Prints the leads that were not written,
    with --json all of them.
    """
    target = reach(context, settings)
    found = list(oldest_first(target.ports.ledger, Search(states=RESTING, since=since)))
    for group in grouped(found):
        say(f"  {group}")
    lead_ids = sorted(record.lead_id for record in found)[:limit]
    say(f"{leads(len(lead_ids))} to deliver")
    if dry_run:
        if as_json:
            print_json({"lead_id": lead_id} for lead_id in lead_ids)
        say(DRY_RUN)
        return
    resources = resources_of(target)
    if len(lead_ids) > 1:
        ask(f"deliver {leads(len(lead_ids))}?", yes=yes)
    show = printer(Outcome.WRITTEN, as_json=as_json)
    counts, stopped = carry_out(lead_ids, lambda ids: drained(ids, resources), show, title="deliver", rate=rate)
    if counts[Outcome.FAILED]:
        say("Dynamics did not take the last lead: it and the leads not reached stay in the fallback table")
    elif limit is None and not stopped:
        _remove_left_behind(resources)
    end(counts, stopped=stopped, named=False)


def _remove_left_behind(resources: Resources) -> None:
    removed = 0
    for lead_id in rows_left_behind(resources):
        resources.ports.fallback.remove(lead_id)
        removed += 1
    if removed:
        say(f"removed {removed} rows that were left behind: their leads are settled")
