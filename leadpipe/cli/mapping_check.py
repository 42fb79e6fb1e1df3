"""`leadpipe mapping check`: lists all faults of the mapping, in the file and against the organisation."""

from urllib.parse import urlsplit

import typer

from leadpipe.cli.json_output import print_json
from leadpipe.cli.mapping_options import MappingFile, fields_of_fault, print_faults
from leadpipe.cli.options import AsJson, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.target import settings_alone
from leadpipe.mapping.fault import FaultyMapping
from leadpipe.mapping.rules import FileMapping, columns_in_use
from leadpipe.mapping.watched import effective
from leadpipe.model.errors import DeliveryFailed
from leadpipe.model.settings import Area, Settings
from leadpipe.operations.causes import failure_in_words
from leadpipe.operations.mapping.live_check import Examined, examine, inspection_of


def check_mapping(
    context: typer.Context, mapping: MappingFile = None, as_json: AsJson = False, settings: SettingsFile = None
) -> None:
    """Check the mapping: first the file, then against the organisation, where one is set and may be read.

    Prints each fault as a line `file:line: reason`, with --json as an array. Says on stderr what it could not check:
    writing leads takes no right to read definitions, so the application user often has none. Sign in as an
    administrator's application to check everything. Changes nothing.

    Exits with 1 when there is a fault.
    """
    given = settings_alone(context, settings)
    named = str(mapping) if mapping else given.mapping_path
    host = urlsplit(given.dataverse.url).netloc if given.dataverse else ""
    file = f"mapping file {named}" if named else "no mapping file: the default mapping counts"
    say(f"{file}, {f'organisation {host}' if host else 'no organisation'}")
    try:
        found = _looked_at(effective(named), given)
    except FaultyMapping as error:
        found = Examined(faults=list(error.faults), unseen=["the organisation: the file comes first"])
    if as_json:
        print_json(map(fields_of_fault, found.faults))
    else:
        print_faults(found.faults)
    for unseen in found.unseen:
        say(f"not checked: {unseen}")
    if found.looked_at:
        say(f"checked in the organisation: {', '.join(found.looked_at)}")
    if found.faults:
        say(f"{len(found.faults)} fault{'s' if len(found.faults) > 1 else ''}")
        raise typer.Exit(1)
    checked = "the mapping" if named else "no mapping file is set; the default mapping"
    say(f"{checked} has no fault" + (", as far as it was checked" if found.unseen else ""))


def _looked_at(whole: FileMapping, settings: Settings) -> Examined:
    if faults := settings.faults_of(Area.DYNAMICS):
        return Examined(unseen=[f"the organisation: {faults}"])
    if settings.dataverse is None:
        return Examined(unseen=["the organisation: none is set"])
    try:
        return examine(columns_in_use(whole), whole.file, inspection_of(settings.dataverse))
    except DeliveryFailed as error:
        return Examined(unseen=[f"the organisation: {failure_in_words(error)}"])
