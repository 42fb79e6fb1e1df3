"""Locks a file. The operating system releases the lock when its holder dies."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType


class Held(Exception):
    """Another process holds the lock."""


class FileLock:
    """Uses the standard library only, since the bootstrap needs it before anything is installed."""

    def __init__(
        self, path: Path, *, while_waiting: Callable[[], None] | None = None, shared_with_children: bool = False
    ) -> None:
        """If another process holds the lock, raises Held, or with `while_waiting` calls that and waits.

        `shared_with_children`: children that inherit descriptors hold it too, until the last of them has ended
        (POSIX; elsewhere it has no effect).
        """
        self._path = path
        self._while_waiting = while_waiting
        self._shared = shared_with_children
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            self._take(file)
        except BaseException:
            file.close()
            raise
        os.set_inheritable(file.fileno(), self._shared)
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _take(self, file: IO[str]) -> None:
        try:
            _lock(file, wait=False)
        except OSError as taken:
            if self._while_waiting is None:
                raise Held(str(self._path)) from taken
            self._while_waiting()
            _lock(file, wait=True)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str], *, wait: bool) -> None:
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        # LK_LOCK gives up after ten seconds.
        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    raise
            else:
                return

else:
    import fcntl

    def _lock(file: IO[str], *, wait: bool) -> None:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
