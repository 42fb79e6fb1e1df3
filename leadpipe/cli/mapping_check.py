"""`leadpipe mapping check`: lists all faults of the mapping, in the file and against the organisation."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from leadpipe.cli.json_output import print_json
from leadpipe.cli.mapping_options import MappingFile, fields_of_fault, print_faults
from leadpipe.cli.options import AsJson, DryRun, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.target import settings_alone
from leadpipe.mapping.fault import FaultyMapping
from leadpipe.operations.mapping.check import examine_mapping
from leadpipe.operations.mapping.live_check import Examined
from leadpipe.operations.mapping.names import LookedUp, Named, look_up
from leadpipe.operations.setup.administrator import inspection_as_administrator, said_to_the_administrator
from leadpipe.operations.setup.application import subject_of

AsAdministrator = Annotated[
    bool,
    typer.Option(
        "--as-administrator",
        help="Look owners and teams up with your own sign-in, as `leadpipe setup` does: the app's user may often not.",
    ),
]


def check_mapping(
    context: typer.Context,
    mapping: MappingFile = None,
    as_administrator: AsAdministrator = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Check the mapping: first the file, then against the organisation, where one is set and may be read.

    Owners and teams that the file has by name or e-mail address are looked up, and their ids written into a lock beside
    it (mapping.toml.lock); publish both. Nothing else is changed.

    Prints each fault as a line `file:line: reason`, with --json as an array. Says on stderr what it could not check:
    writing leads takes no right to read definitions, so the application user often has none. Sign in as an
    administrator's application to check everything.

    Exits with 1 when there is a fault.
    """
    given = settings_alone(context, settings)
    named = str(mapping) if mapping else given.mapping_path
    host = urlsplit(given.dataverse.url).netloc if given.dataverse else ""
    file = f"mapping file {named}" if named else "no mapping file: the default mapping counts"
    say(f"{file}, {f'organisation {host}' if host else 'no organisation'}")
    try:
        ask = _ask_as_administrator if as_administrator else None
        found = examine_mapping(named, given, ask=ask, dry_run=dry_run)
    except FaultyMapping as error:
        found = Examined(faults=list(error.faults), unseen=["the organisation: the file comes first"])
    if as_json:
        print_json(map(fields_of_fault, found.faults))
    else:
        print_faults(found.faults)
    if found.lock:
        say(found.lock)
    for note in found.notes:
        say(f"note: {note}")
    for unseen in found.unseen:
        say(f"not checked: {unseen}")
    if found.looked_at:
        say(f"checked in the organisation: {', '.join(found.looked_at)}")
    if found.faults:
        say(f"{len(found.faults)} fault{'s' if len(found.faults) > 1 else ''}")
        raise typer.Exit(1)
    checked = "the mapping" if named else "no mapping file is set; the default mapping"
    say(f"{checked} has no fault" + (", as far as it was checked" if found.unseen else ""))


def _ask_as_administrator(path: Path, names: list[Named]) -> LookedUp:
    subject = subject_of(os.environ, client_id="", tenant="")
    inspection = inspection_as_administrator(subject.organisation, subject.tenant, say)
    with said_to_the_administrator():
        return look_up(path, names, inspection, subject.organisation.url)
