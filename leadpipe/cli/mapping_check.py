"""`leadpipe mapping check`: lists all faults of the mapping, in the file and against the organisation."""

import os
from dataclasses import replace
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
from leadpipe.mapping.lock import Lock, lock_beside
from leadpipe.mapping.rules import FileMapping, columns_in_use
from leadpipe.mapping.values import MappedColumn
from leadpipe.mapping.watched import effective, place_of, read_file
from leadpipe.model.errors import DeliveryFailed
from leadpipe.model.settings import Area, Settings
from leadpipe.operations.causes import failure_in_words
from leadpipe.operations.mapping.live_check import Examined, examine, inspection_of, notes_on
from leadpipe.operations.mapping.names import LookedUp, Named, counts, look_up, names_in, write_lock
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
        found = _check(named, given, as_administrator=as_administrator, dry_run=dry_run)
    except FaultyMapping as error:
        found = Examined(faults=list(error.faults), unseen=["the organisation: the file comes first"])
    if as_json:
        print_json(map(fields_of_fault, found.faults))
    else:
        print_faults(found.faults)
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


def _check(named: str | None, settings: Settings, *, as_administrator: bool, dry_run: bool) -> Examined:
    """Raises FaultyMapping."""
    names = names_in(place_of(named)) if named else []
    looked_up = _look_up(Path(named), names, settings, as_administrator) if named and names else LookedUp(lock=Lock())
    if looked_up.faults:
        return Examined(faults=looked_up.faults, unseen=[*looked_up.unseen, "columns: owners and teams come first"])
    if looked_up.lock.ids and named:
        _keep(place_of(named), looked_up, dry_run=dry_run)
        whole = read_file(place_of(named), looked_up.id_of)
    else:
        whole = effective(named)
    found = _looked_at(whole, settings)
    return replace(found, unseen=[*looked_up.unseen, *found.unseen])


def _look_up(path: Path, names: list[Named], settings: Settings, as_administrator: bool) -> LookedUp:
    """Looks the names up; without an organisation that answers the lock stays as it is."""
    if as_administrator:
        subject = subject_of(os.environ, client_id="", tenant="")
        inspection = inspection_as_administrator(subject.organisation, subject.tenant, say)
        with said_to_the_administrator():
            return look_up(place_of(str(path)), names, inspection, subject.organisation.url)
    if settings.dataverse is None or settings.faults_of(Area.DYNAMICS):
        return LookedUp(lock=Lock())
    try:
        inspection = inspection_of(settings.dataverse)
        return look_up(place_of(str(path)), names, inspection, settings.dataverse.url)
    except DeliveryFailed as error:
        return LookedUp(lock=Lock(), unseen=[f"owners and teams: {failure_in_words(error)}"])


def _keep(path: Path, found: LookedUp, *, dry_run: bool) -> None:
    if found.written and not dry_run:
        write_lock(path, found.lock)
    done = ("would be written" if dry_run else "is written") if found.written else "is as it was"
    say(f"{lock_beside(path).name} {done}: {counts(found.lock.ids)}")


def _looked_at(whole: FileMapping, settings: Settings) -> Examined:
    columns = columns_in_use(whole)
    try:
        return _of_organisation(columns, whole.file, settings)
    except DeliveryFailed as error:
        why = failure_in_words(error)
    return Examined(unseen=[f"the organisation: {why}"], notes=notes_on(columns, whole.file, {}))


def _of_organisation(columns: list[MappedColumn], file: str, settings: Settings) -> Examined:
    """Raises DeliveryFailed."""
    why = settings.faults_of(Area.DYNAMICS) or ("none is set" if settings.dataverse is None else "")
    if settings.dataverse is None or why:
        return Examined(unseen=[f"the organisation: {why}"], notes=notes_on(columns, file, {}))
    return examine(columns, file, inspection_of(settings.dataverse))
