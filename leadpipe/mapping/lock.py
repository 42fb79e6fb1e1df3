"""Reads the lock beside a mapping file: the ids of the owners and teams that the file has by name or e-mail address.

`leadpipe mapping check` looks them up and writes it, so that delivery does not ask Dynamics for them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from leadpipe.mapping.fault import Fault, FaultyMapping, Wrong
from leadpipe.model.guid import is_guid
from leadpipe.regular_file import read_at_once

# A file of 200 rules names no more than fits here.
_LARGEST = 256 * 1024
_LOOK_UP = "run `leadpipe mapping check`, and publish both files"


def lock_beside(mapping: Path) -> Path:
    return mapping.with_name(f"{mapping.name}.lock")


def folded_name(name: str) -> str:
    """Gives all spellings of a name that Dynamics takes for one the same form."""
    return " ".join(name.split()).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """`ids`: what a rule sets (owner or team), then the name as the file has it, then the row's id."""

    organisation: str = ""
    ids: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def from_text(cls, text: str) -> "Lock":
        """Raises ValueError."""
        parsed = json.loads(text)
        if not isinstance(parsed, dict) or not isinstance(parsed.get("organisation"), str):
            raise ValueError("it is not a lock")  # noqa: TRY004 - a fault of the text, not of the caller
        ids = {key: _ids(each) for key, each in parsed.items() if key != "organisation"}
        return cls(organisation=parsed["organisation"], ids=ids)

    def to_text(self) -> str:
        return json.dumps({"organisation": self.organisation, **self.ids}, ensure_ascii=False, indent=2) + "\n"

    def id_of(self, key: str, name: str) -> str | None:
        wanted = folded_name(name)
        return next((row for each, row in self.ids.get(key, {}).items() if folded_name(each) == wanted), None)


def not_looked_up(key: str, _name: str) -> NoReturn:
    """Gives no id: there is no lock. Raises Wrong, without the name, since faults are logged."""
    raise Wrong(f"{key} is given by name, and has no id yet: {_LOOK_UP}")


class LockFile:
    """The lock at one reading of a mapping file. It is opened only if the file has somebody by name."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def id_of(self, key: str, name: str) -> str:
        """Gives the id of the owner or team. Raises Wrong, and FaultyMapping if the lock cannot be used."""
        if self.lock is None:
            not_looked_up(key, name)
        found = self.lock.id_of(key, name)
        if found is None:
            raise Wrong(f"{key} is given by a name that is not in {self._path.name}: {_LOOK_UP}")
        return found

    @cached_property
    def lock(self) -> Lock | None:
        """None: there is no such file. Raises FaultyMapping if it cannot be used."""
        try:
            return Lock.from_text(read_at_once(self._path, _LARGEST).decode())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            why = error.strerror if isinstance(error, OSError) else "`leadpipe mapping check` did not write this"
            reason = f"cannot be used ({why}): {_LOOK_UP}"
            raise FaultyMapping([Fault(file=self._path.name, line=0, reason=reason)]) from error


def read_lock(path: Path) -> Lock:
    """Gives the lock from which names were looked up before; an empty one where there is none that can be used."""
    try:
        return LockFile(path).lock or Lock()
    except FaultyMapping:
        return Lock()


def _ids(written: Any) -> dict[str, str]:
    if not isinstance(written, dict) or not all(isinstance(row, str) and is_guid(row) for row in written.values()):
        raise ValueError("an object of name to id is expected")
    return {name: row.lower() for name, row in written.items()}
