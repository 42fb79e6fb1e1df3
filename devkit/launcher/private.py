"""Folders with leads in them, which nobody but their owner reads. On Windows a user's folders are private anyway."""

from __future__ import annotations

import os
import stat
import sys
from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# For a process that writes leads.
UMASK = -1 if sys.platform == "win32" else 0o077


def make_private(folder: Path, names: Sequence[str]) -> None:
    """Makes the folder where it is missing, and takes what is in it by these names from everybody but the owner.

    The folder itself too, unless other things stand in it: then it is not ours alone, and may even be /tmp.
    `names` may have a * in them. Raises OSError where something belongs to somebody else.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        return
    there = list(folder.iterdir())
    ours = [path for path in there if any(fnmatch(path.name, name) for name in names)]
    if len(ours) == len(there):
        _take(str(folder))
    for path in ours:
        _take(str(path))
        for parent, folders, files in os.walk(path):
            for name in (*folders, *files):
                _take(os.path.join(parent, name))  # noqa: PTH118 - as os.walk has it


def open_private(path: str, flags: int) -> int:
    """The `opener` of a file that only its owner may read."""
    return os.open(path, flags, 0o600)


def _take(path: str) -> None:
    mode = os.lstat(path).st_mode
    if not stat.S_ISLNK(mode) and mode & 0o077:
        os.chmod(path, stat.S_IMODE(mode) & 0o700)  # noqa: PTH101
