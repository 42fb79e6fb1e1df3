"""Makes folders with leads readable by their owner only. On Windows a user's folders are private anyway."""

from __future__ import annotations

import os
import stat
import sys
from fnmatch import fnmatch
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# The umask of a process that writes leads.
UMASK = -1 if sys.platform == "win32" else 0o077


def make_private(folder: Path, names: Sequence[str]) -> None:
    """Makes a missing folder, and makes the files of these names in it readable by the owner only.

    Also the folder itself, unless it has other files: then it is not ours alone, and may even be /tmp.
    `names` may contain *. Raises OSError if something belongs to another user.
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
    """Opens a file that only its owner may read, as an `opener`."""
    return os.open(path, flags, 0o600)


def _take(path: str) -> None:
    mode = os.lstat(path).st_mode
    if not stat.S_ISLNK(mode) and mode & 0o077:
        os.chmod(path, stat.S_IMODE(mode) & 0o700)  # noqa: PTH101
