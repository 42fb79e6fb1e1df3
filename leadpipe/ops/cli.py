"""The command line as a whole: its help, and the commands that it has."""

import typer

from leadpipe.ops.doctor.command import doctor
from leadpipe.ops.leads import leads
from leadpipe.ops.options import SettingsFile
from leadpipe.ops.send_test import send_test
from leadpipe.ops.show import show
from leadpipe.ops.status import status

# Plain help and plain usage errors: they read the same in a terminal, a pipe and a runbook. What goes wrong on the way
# becomes text in leadpipe/__main__.py.
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)

_HELP = """
See and mend what leadpipe does with marketplace leads.

Settings are taken from the environment when it names a storage account, else from local.settings.json, else from
what `make run` left in .devkit/. Each command first says on stderr which storage account and which organisation
it talks to. Data goes to stdout, as a table or with --json, everything else to stderr.

Start with `status`: it exits with 1 and says what to do when a person is needed.

\b
Exit codes:
  0  done
  1  failed, or a person is needed
  2  the command line was wrong
"""


@app.callback(help=_HELP)
def leadpipe(context: typer.Context, settings: SettingsFile = None) -> None:
    context.obj = settings


app.command()(status)
app.command()(leads)
app.command()(show)
app.command()(doctor)
app.command("send-test")(send_test)
