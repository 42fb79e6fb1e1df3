"""`leadpipe import`: takes in the rows that the marketplace wrote into its table destination before leadpipe ran."""

from collections import Counter

import typer

from leadpipe.cli.batch import DRY_RUN, ask, carry_out, counting, end, printer
from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import AsJson, DryRun, Rate, SettingsFile, Since, Yes
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.table import text_of
from leadpipe.cli.target import reach
from leadpipe.ledger_writes import lower_marks
from leadpipe.model.lead_id import EPOCH
from leadpipe.operations.decisions import Outcome
from leadpipe.operations.take_in import not_taken_in, taken_in


def import_rows(
    context: typer.Context,
    since: Since = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Take in the rows of the marketplace's own table destination, each once.

    The sweep takes in the rows written since it first ran. This command takes in the older ones: all of them, or those
    last written within --since. Each row becomes a lead, received when the row was last written, and is delivered as
    any other. The rows stay as they are. A row that cannot be taken in is named, and the others follow. Asks first;
    may be stopped and run again.
    """
    target = reach(context, settings)
    rows = {arrival.key: arrival for arrival in not_taken_in(since or EPOCH, target.ports)}
    keys = sorted(rows, key=lambda key: rows[key].at)
    span = f", last written from {text_of(rows[keys[0]].at)} until {text_of(rows[keys[-1]].at)}" if keys else ""
    say(f"{leads(len(keys))} to take in{span}")
    if dry_run or not keys:
        if as_json:
            print_json({"row": rows[key].key, "at": rows[key].at} for key in keys)
        if dry_run:
            say(DRY_RUN)
        return
    if len(keys) > 1:
        ask(f"take in {leads(len(keys))}, to be written into Dynamics?", yes=yes)
    lower_marks(rows[keys[0]].at.date(), target.ports.marks)
    show = printer(Outcome.TAKEN_IN, as_json=as_json)
    reasons: Counter[str] = Counter()
    counts, stopped = carry_out(
        keys,
        lambda ids: counting(taken_in(ids, rows, target.ports), reasons, lambda result: result.reason),
        show,
        title="take in",
        rate=rate,
    )
    for reason, number in reasons.items():
        if reason:
            say(f"  {number} failed ({reason})")
    end(counts, stopped=stopped, named=False)
