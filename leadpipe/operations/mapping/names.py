"""Looks up the owners and teams that a mapping file has by name, and writes their ids into the lock beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from leadpipe.dataverse.inspection import Inspection, NotReadable
from leadpipe.mapping.fault import Fault
from leadpipe.mapping.lock import Lock, lock_beside, not_looked_up, read_lock
from leadpipe.mapping.rules import FileMapping, own_columns
from leadpipe.mapping.values import MappedColumn, Row
from leadpipe.mapping.watched import place_of, read_file
from leadpipe.model.errors import LeadpipeError
from leadpipe.model.settings import Settings

# In place of an id until it is looked up; it never leaves this module.
_NO_ID = "00000000-0000-0000-0000-000000000000"
_KEYS = {"systemusers": "owner", "teams": "team"}
_KINDS = {"owner": "user", "team": "team"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """`key` is owner or team, as a rule has it; `line` the first that names it."""

    key: str
    name: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """`changed`: the lock differs from the one beside the file. `unseen`: what was not looked up and is as before."""

    lock: Lock = field(default_factory=Lock)
    changed: bool = False
    faults: list[Fault] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def id_of(self, key: str, name: str) -> str:
        return self.lock.id_of(key, name) or not_looked_up(key, name)


def names_in(path: Path) -> list[Named]:
    """Gives each owner and team that the file has by name. Raises FaultyMapping for its other faults."""
    found: dict[tuple[str, str], Named] = {}
    for mapped, row in _named(own_columns(read_file(path, lambda _key, _name: _NO_ID))):
        key = _KEYS[row.entity_set]
        found.setdefault((key, row.name), Named(key=key, name=row.name, line=mapped.line))
    return [*found.values()]


def _named(columns: list[MappedColumn]) -> Iterator[tuple[MappedColumn, Row]]:
    for mapped in columns:
        if isinstance(mapped.value, Row) and mapped.value.name:
            yield mapped, mapped.value


def looked_up_elsewhere(mapping: FileMapping, named: str | None, settings: Settings) -> list[Fault]:
    """A note if the lock has the names' ids of another organisation than the settings'. Delivery does not ask."""
    if named is None or settings.dataverse is None or not any(_named(own_columns(mapping))):
        return []
    place = lock_beside(place_of(named))
    there, here = read_lock(place).organisation, settings.dataverse.url
    if there in {"", here}:
        return []
    reason = (
        f"its ids are those of {there}, and leads go to {here}: run `leadpipe mapping check`, and publish both files"
    )
    return [Fault(file=place.name, line=0, reason=reason)]


def look_up(path: Path, names: list[Named], inspection: Inspection, organisation: str) -> LookedUp:
    """Asks the organisation for each id. Where it may not be read, an id that the lock has for it stays.

    Raises Transient or Blocked where Dynamics does not answer.
    """
    inspection.whoami()  # first: a user who may do nothing must not look like a missing right to read
    before = read_lock(lock_beside(path))
    kept = before if before.organisation == organisation else Lock()
    ids: dict[str, dict[str, str]] = {}
    faults: list[Fault] = []
    unseen: list[str] = []
    for each in names:
        found, why = _id_of(each, inspection, kept)
        if found:
            ids.setdefault(each.key, {})[each.name] = found
            unseen += [why] if why else []
        else:
            faults.append(Fault(file=path.name, line=each.line, reason=why))
    lock = Lock(organisation=organisation, ids={key: dict(sorted(each.items())) for key, each in sorted(ids.items())})
    return LookedUp(lock=lock, changed=lock != before, faults=faults, unseen=unseen)


def _id_of(named: Named, inspection: Inspection, kept: Lock) -> tuple[str, str]:
    """Gives the id, and what is wrong or was not looked up."""
    what = f"{named.key} {named.name!r}"
    try:
        found = _ASK[named.key](inspection, named.name)
    except NotReadable as error:
        before = kept.id_of(named.key, named.name)
        why = f"{what}: the application user may not read {_KINDS[named.key]}s ({error.detail})"
        return (before, why) if before else ("", f"{why}: use --as-administrator, or give the id")
    if len(found) == 1:
        return found[0].lower(), ""
    kind = _KINDS[named.key]
    if not found:
        return "", f"{what}: the organisation has no {kind} with that name or e-mail address"
    return "", f"{what}: the organisation has {len(found)} {kind}s called so: give the e-mail address or the id"


_ASK = {"owner": Inspection.users_called, "team": Inspection.teams_called}


def write_lock(path: Path, lock: Lock) -> None:
    """Replaces the lock beside the mapping file as a whole. Raises LeadpipeError."""
    place = lock_beside(path)
    new = place.with_name(f"{place.name}.new")
    try:
        new.write_text(lock.to_text(), encoding="utf-8")
        new.replace(place)
    except OSError as error:
        raise LeadpipeError("lock_not_written", f"{place} cannot be written: {error.strerror}") from error


def counts(ids: Mapping[str, Mapping[str, str]]) -> str:
    return ", ".join(f"{len(each)} {key}{'s' if len(each) > 1 else ''}" for key, each in ids.items()) or "no names"
