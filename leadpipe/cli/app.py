"""Puts the command line together: its help and its commands."""

from typing import Annotated

import typer

from leadpipe import __version__
from leadpipe.cli.balance import balance
from leadpipe.cli.complete import complete_leads
from leadpipe.cli.console import console
from leadpipe.cli.doctor import doctor
from leadpipe.cli.erase import erase_leads
from leadpipe.cli.fallback import drain_fallback, list_fallback
from leadpipe.cli.import_file import import_file
from leadpipe.cli.import_queue import import_queue
from leadpipe.cli.import_rows import import_rows, import_table
from leadpipe.cli.keys import keys
from leadpipe.cli.leads import leads
from leadpipe.cli.mapping_check import check_mapping
from leadpipe.cli.mapping_show import show_mapping
from leadpipe.cli.mapping_try import try_mapping
from leadpipe.cli.notify import notify
from leadpipe.cli.options import SettingsFile
from leadpipe.cli.poison_decide import discard_poison, replay_poison
from leadpipe.cli.poison_edit import edit_poison
from leadpipe.cli.poison_list import list_poison
from leadpipe.cli.reconcile import reconcile
from leadpipe.cli.report import report
from leadpipe.cli.send_test import send_test
from leadpipe.cli.setup import setup
from leadpipe.cli.show import show
from leadpipe.cli.status import status

# Plain help and plain usage errors read the same in a terminal, a pipe and a runbook. leadpipe/__main__.py turns
# exceptions into text.
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)

_HELP = """
See and fix what leadpipe does with marketplace leads.

Settings are taken from the environment when it names a storage account, else from local.settings.json, else from
what `make run` left in .devkit/. Each command first says on stderr which storage account and which organisation
it talks to. Data goes to stdout, as a table or with --json, everything else to stderr.

Start with `status`: it exits with 1 and says what to do when a person is needed.

\b
Exit codes:
  0  done
  1  failed, or a person is needed
  2  the command line was wrong
  130  stopped by Ctrl-C
"""


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"leadpipe {__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version.")]


@app.callback(help=_HELP)
def leadpipe(context: typer.Context, settings: SettingsFile = None, _version: Version = False) -> None:
    context.obj = settings


poison = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
poison.command("list")(list_poison)
poison.command("replay")(replay_poison)
poison.command("edit")(edit_poison)
poison.command("discard")(discard_poison)

fallback = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
fallback.command("list")(list_fallback)
fallback.command("drain")(drain_fallback)

mapping = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
mapping.command("show")(show_mapping)
mapping.command("try")(try_mapping)
mapping.command("check")(check_mapping)

importing = typer.Typer(rich_markup_mode=None)
importing.callback(invoke_without_command=True)(import_rows)
importing.command("table")(import_table)
importing.command("queue")(import_queue)
importing.command("file")(import_file)

app.command()(status)
app.command()(console)
app.command()(leads)
app.command()(show)
app.command()(keys)
app.add_typer(poison, name="poison", help="Poisoned leads, which wait for a person, and posts that were no lead.")
app.add_typer(fallback, name="fallback", help="Leads that rest in the table marketplaceleads.")
app.command()(balance)
app.command()(report)
app.command()(reconcile)
app.add_typer(importing, name="import")
app.command("complete")(complete_leads)
app.command("erase")(erase_leads)
app.add_typer(mapping, name="mapping", help="What leads become in Dynamics, and their owners.")
app.command()(setup)
app.command()(doctor)
app.command()(notify)
app.command("send-test")(send_test)
