"""The mapping file as it is now: read again whenever it has changed, so that no restart is needed."""

import logging
import threading
from pathlib import Path

import leadpipe
from leadpipe.mapping.fault import REASON, Fault, FaultyMapping
from leadpipe.mapping.file_reader import LARGEST_FILE, read_mapping
from leadpipe.mapping.rules import FileMapping
from leadpipe.model.errors import Blocked
from leadpipe.model.lead import Lead
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Columns
from leadpipe.regular_file import read_at_once

log = logging.getLogger(__name__)
_APP = Path(leadpipe.__file__).resolve().parents[1]


def place_of(named: str) -> Path:
    """The file that LEADPIPE_MAPPING names: beside the current folder, else beside the app's host.json."""
    path = Path(named)
    return path if path.is_absolute() or _stamp(path) else _APP / path


def read_file(path: Path) -> FileMapping:
    """Raises FaultyMapping, also where there is no such file, or something that is no regular file."""
    try:
        content = read_at_once(path, LARGEST_FILE + 1)
    except OSError as error:
        reason = f"cannot be read ({error.strerror}): correct LEADPIPE_MAPPING, or publish the file with the app"
        raise FaultyMapping([Fault(file=str(path), line=0, reason=reason)]) from error
    return read_mapping(content, path.name)


class WatchedMapping:
    """Thread-safe. A look at the file's size and times before each lead costs less than a tenth of a millisecond."""

    def __init__(self, named: str) -> None:
        self._named = named
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] | None = None
        self._read: FileMapping | FaultyMapping | None = None

    def columns_of(self, lead: Lead, lead_id: str) -> Columns:
        """Raises Blocked where the file cannot be used: the leads wait, and go out once it is mended."""
        try:
            return self.current().columns_of(lead, lead_id)
        except FaultyMapping as error:
            raise Blocked(REASON, error.detail) from error

    def current(self) -> FileMapping:
        """Raises FaultyMapping."""
        with self._lock:
            seen = _stamp(place_of(self._named))
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
            # Nobody foresaw it; the kind is told, since its words may quote the file.
            reason = f"cannot be read ({type(error).__name__})"
            raise FaultyMapping([Fault(file=self._named, line=0, reason=reason)]) from error


def _stays(read: FileMapping | FaultyMapping) -> bool:
    """Whether reading the same file again gives the same: not where it could not be read at all."""
    return not isinstance(read, FaultyMapping) or isinstance(read.__cause__, ValueError | RecursionError | None)


def _stamp(path: Path) -> tuple[int, ...] | None:
    """What changes with the file; the change of its rights too. None: there is none, or it is out of reach."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # a ValueError for a name that can be no path
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def effective(named: str | None) -> FileMapping:
    """Raises FaultyMapping. Without a file: one that changes nothing."""
    return FileMapping(columns={}) if named is None else read_file(place_of(named))
