"""`leadpipe import file`: takes in the leads that files have, such as the history of a flow's runs."""

from pathlib import Path
from typing import Annotated

import typer

from leadpipe.cli.moving import take_in_listed
from leadpipe.cli.options import AsJson, DryRun, Rate, SettingsFile, Yes
from leadpipe.cli.target import reach
from leadpipe.operations.moving.sources import parts_of
from leadpipe.operations.take_in import TakingIn
from leadpipe.wiring import now

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="One or more files.", show_default=False),
]


def import_file(
    context: typer.Context,
    files: Files,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Take in the leads in files, each once: JSON lines, a JSON array, or the history of a Power Automate flow.

    A lead may be as it was posted, or inside what another app made of it, such as the outputs of a flow's trigger. It
    counts as received at the time beside it, such as the run's start. A line or an element that has no lead in it is
    kept as rejected. Says what became of each. Asks first; may be stopped and run again, also with a longer file.
    """
    target = reach(context, settings)
    items = [part for file in files for part in parts_of(file)]
    taking = TakingIn(target.ports, now, retention=target.settings.retention, dry_run=dry_run)
    take_in_listed(items, taking, known_too=True, dry_run=dry_run, yes=yes, as_json=as_json, rate=rate)
