"""`leadpipe import` and `leadpipe import table`: take in rows in the shape of the marketplace's table destination."""

import re
from typing import Annotated

import typer

from leadpipe.cli.batch import DRY_RUN
from leadpipe.cli.json_output import print_json
from leadpipe.cli.moving import From, account_from, say_what_is_new, take_in_listed
from leadpipe.cli.options import AsJson, DryRun, Rate, SettingsFile, Since, Yes
from leadpipe.cli.say import say
from leadpipe.cli.target import reach
from leadpipe.delivery import make_record
from leadpipe.model.lead_id import EPOCH
from leadpipe.operations.moving.sources import rows_in
from leadpipe.operations.take_in import TakingIn, own_row
from leadpipe.wiring import now

# https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model#table-names
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")


def _table_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise typer.BadParameter(
            f"no table is called {name!r}: a name has 3 to 63 letters and digits, the first of them a letter"
        )
    return name


TableName = Annotated[
    str, typer.Argument(metavar="NAME", callback=_table_name, help="The table's name.", show_default=False)
]


def import_rows(
    context: typer.Context,
    since: Since = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Take in the rows of the marketplace's own table destination, each once, or what an earlier app has.

    The sweep takes in the rows written since it first ran. This command takes in the older ones: all of them, or those
    last written within --since. Each row becomes a lead, received when the row was last written, and is delivered as
    any other. The rows stay as they are. A row that cannot be taken in is named, and the others follow. Asks first;
    may be stopped and run again.

    `leadpipe import table`, `leadpipe import queue` and `leadpipe import file` take in what lies elsewhere.
    """
    if context.invoked_subcommand is not None:
        context.obj = settings or context.obj
        if since or rate or dry_run or yes or as_json:
            raise typer.BadParameter(f"give the options after `{context.invoked_subcommand}`")
        return
    target = reach(context, settings)
    items = [own_row(row) for row in target.ports.fallback.arrivals(since or EPOCH)]
    taking = TakingIn(target.ports, now, retention=target.settings.retention, make=make_record)
    if dry_run:
        new = [*taking.not_here(items)]
        say_what_is_new(new, known=len(items) - len(new))
        if as_json:
            print_json({"row": item.key, "at": item.at} for item in sorted(new, key=lambda item: item.at or EPOCH))
        say(DRY_RUN)
        return
    take_in_listed(items, taking, known_too=False, dry_run=False, yes=yes, as_json=as_json, rate=rate)


def import_table(
    context: typer.Context,
    name: TableName,
    source: From = "",
    since: Since = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Take in the rows of a table in the shape of the marketplace's, each once. The rows stay as they are.

    Each row with a lead's columns becomes a lead, received when the row was last written, and is delivered as any
    other; any other row is kept as rejected. Says what became of each. Asks first; may be stopped and run again.
    """
    target = reach(context, settings)
    account = account_from(source, target)
    items = sorted(rows_in(account, name, since or EPOCH, target), key=lambda item: item.at or EPOCH)
    taking = TakingIn(target.ports, now, retention=target.settings.retention, dry_run=dry_run)
    take_in_listed(items, taking, known_too=True, dry_run=dry_run, yes=yes, as_json=as_json, rate=rate)
