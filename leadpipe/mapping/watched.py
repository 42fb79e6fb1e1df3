"""Reads the mapping file again whenever it has changed, so that no restart is needed."""

import logging
import threading
from pathlib import Path

import leadpipe
from leadpipe.mapping.fault import REASON, Fault, FaultyMapping
from leadpipe.mapping.file_reader import LARGEST_FILE, IdOf, read_mapping
from leadpipe.mapping.lock import LockFile, lock_beside
from leadpipe.mapping.rules import FileMapping
from leadpipe.model.errors import Blocked
from leadpipe.model.lead import Lead
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Columns
from leadpipe.regular_file import read_at_once

log = logging.getLogger(__name__)
_APP = Path(leadpipe.__file__).resolve().parents[1]


def place_of(named: str) -> Path:
    """Finds the file that LEADPIPE_MAPPING names: from the current folder, else beside the app's host.json."""
    path = Path(named)
    return path if path.is_absolute() or _stamp(path) else _APP / path


def read_file(path: Path, id_of: IdOf | None = None) -> FileMapping:
    """Takes the ids of owners and teams from the lock beside it, unless `id_of` gives them.

    Raises FaultyMapping, also for a missing file and for anything but a regular file.
    """
    try:
        content = read_at_once(path, LARGEST_FILE + 1)
    except OSError as error:
        reason = f"cannot be read ({error.strerror}): correct LEADPIPE_MAPPING, or publish the file with the app"
        raise FaultyMapping([Fault(file=str(path), line=0, reason=reason)]) from error
    return read_mapping(content, path.name, id_of or LockFile(lock_beside(path)).id_of)


class WatchedMapping:
    """Thread-safe. Checks size and times of the file and its lock before each lead, in less than 0.1 ms."""

    def __init__(self, named: str) -> None:
        self._named = named
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._read: FileMapping | FaultyMapping | None = None

    def columns_of(self, lead: Lead, lead_id: str) -> Columns:
        """Raises Blocked while the file cannot be used: leads wait, and go out once it is corrected."""
        try:
            return self.current().columns_of(lead, lead_id)
        except FaultyMapping as error:
            raise Blocked(REASON, error.detail) from error

    def current(self) -> FileMapping:
        """Raises FaultyMapping."""
        with self._lock:
            seen = _stamps(place_of(self._named))
            if self._read is None or seen is None or seen != self._seen:
                self._read = self._read_again()
                self._seen = seen if _stays(self._read) else None
            if isinstance(self._read, FaultyMapping):
                raise FaultyMapping(self._read.faults)
            return self._read

    def _read_again(self) -> FileMapping | FaultyMapping:
        try:
            mapping = self._whole()
        except FaultyMapping as error:
            log.error(log_line("mapping_unusable", faults=len(error.faults), first=error.faults[0]))
            return error
        log.info(log_line("mapping_read", columns=len(mapping.columns), rules=len(mapping.rules)))
        return mapping

    def _whole(self) -> FileMapping:
        try:
            return read_file(place_of(self._named))
        except FaultyMapping:
            raise
        except Exception as error:
            # Unforeseen. Only the exception's type is named, since its text may quote the file.
            reason = f"cannot be read ({type(error).__name__})"
            raise FaultyMapping([Fault(file=self._named, line=0, reason=reason)]) from error


def _stays(read: FileMapping | FaultyMapping) -> bool:
    """Returns whether the result holds until the file changes. If the file could not be read at all, it does not."""
    return not isinstance(read, FaultyMapping) or isinstance(read.__cause__, ValueError | RecursionError | None)


def _stamps(path: Path) -> tuple[int, ...] | None:
    """Gives what changes with the file or its lock; None if the file is missing or out of reach."""
    found = _stamp(path)
    return found and found + (_stamp(lock_beside(path)) or ())


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Gives what changes with the file or its rights; None if it is missing or out of reach."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # ValueError: the name cannot be a path
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def effective(named: str | None) -> FileMapping:
    """Gives the mapping in effect; without a file, one that changes nothing. Raises FaultyMapping."""
    return FileMapping(columns={}) if named is None else read_file(place_of(named))


def mapping_faults(named: str | None) -> list[str]:
    """Why the mapping file cannot be used, which keeps every lead from being written; empty if it can."""
    try:
        effective(named)
    except FaultyMapping as error:
        return [str(error.faults[0])]
    return []
