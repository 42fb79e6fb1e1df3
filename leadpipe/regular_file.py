"""Reads the file that a setting names, without waiting: if it is a pipe, an ordinary read could block for ever."""

import errno
import os
import stat
from pathlib import Path


def read_at_once(path: Path, most: int) -> bytes:
    """Reads the first `most` bytes. Raises OSError, also for a folder, a pipe, a socket or a device."""
    try:
        _require_regular(path.stat())  # before it is opened: opening alone makes some devices act
        with open(path, "rb", opener=_without_waiting) as file:
            _require_regular(os.fstat(file.fileno()))
            return file.read(most)
    except ValueError as error:
        raise OSError(errno.EINVAL, "it is not a path") from error


def _require_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def _without_waiting(name: str, flags: int) -> int:
    """Opens a pipe without waiting for a writer. Windows has neither such pipes nor the flag."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
