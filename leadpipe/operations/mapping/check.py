"""Checks a mapping: its file, the owners and teams that it has by name, and all of it against the organisation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from leadpipe.mapping.lock import lock_beside
from leadpipe.mapping.rules import FileMapping, columns_in_use
from leadpipe.mapping.watched import effective, place_of, read_file
from leadpipe.model.errors import DeliveryFailed
from leadpipe.model.settings import Area, Settings
from leadpipe.operations.causes import failure_in_words
from leadpipe.operations.mapping.live_check import Examined, examine, inspection_of, notes_on
from leadpipe.operations.mapping.names import (
    LookedUp,
    Named,
    counts,
    look_up,
    looked_up_elsewhere,
    names_in,
    write_lock,
)

Ask = Callable[[Path, list[Named]], LookedUp]


def examine_mapping(
    named: str | None, settings: Settings, *, ask: Ask | None = None, dry_run: bool = False
) -> Examined:
    """Writes the ids of names into the lock beside the file, unless it is a dry run.

    `ask` looks the names up in place of the app's own user. Raises FaultyMapping.
    """
    if named is None:
        return _compared(effective(None), settings)
    path = place_of(named)
    names = names_in(path)
    found = (ask(path, names) if ask else _looked_up(path, names, settings)) if names else LookedUp()
    if found.faults:
        return Examined(faults=found.faults, unseen=[*found.unseen, "columns: owners and teams come first"])
    if not found.lock.ids:
        mapping = read_file(path)
        compared = _compared(mapping, settings)
        notes = [*looked_up_elsewhere(mapping, named, settings), *compared.notes]
        return replace(compared, unseen=[*found.unseen, *compared.unseen], notes=notes)
    if found.changed and not dry_run:
        write_lock(path, found.lock)
    compared = _compared(read_file(path, found.id_of), settings)
    return replace(compared, unseen=[*found.unseen, *compared.unseen], lock=_lock_in_words(path, found, dry_run))


def _looked_up(path: Path, names: list[Named], settings: Settings) -> LookedUp:
    """Empty without an organisation that answers: then the lock counts as it is."""
    if settings.dataverse is None or settings.faults_of(Area.DYNAMICS):
        return LookedUp()
    try:
        return look_up(path, names, inspection_of(settings.dataverse), settings.dataverse.url)
    except DeliveryFailed as error:
        return LookedUp(unseen=[f"owners and teams: {failure_in_words(error)}"])


def _lock_in_words(path: Path, found: LookedUp, dry_run: bool) -> str:
    written = "would be written" if dry_run else "is written"
    return f"{lock_beside(path).name} {written if found.changed else 'is as it was'}: {counts(found.lock.ids)}"


def _compared(mapping: FileMapping, settings: Settings) -> Examined:
    columns = columns_in_use(mapping)
    why = settings.faults_of(Area.DYNAMICS) or ("none is set" if settings.dataverse is None else "")
    if settings.dataverse is not None and not why:
        try:
            return examine(columns, mapping.file, inspection_of(settings.dataverse))
        except DeliveryFailed as error:
            why = failure_in_words(error)
    return Examined(unseen=[f"the organisation: {why}"], notes=notes_on(columns, mapping.file, {}))
