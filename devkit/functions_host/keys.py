"""Keeps the app's keys in a file that only its owner may read, and compares in constant time."""

import hmac
import json
import os
import secrets
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from devkit.functions_host.errors import CannotStart


class KeyCheck(Protocol):
    def open_(self, level: str, presented: str | None) -> bool:
        """Say whether `presented` is enough for a function of this level."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Keys:
    """`master` is enough for every level, `default` (the host's default key) for every function."""

    master: str
    default: str

    @classmethod
    def load(cls, path: Path) -> "Keys | None":
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls(master=str(document["master"]), default=str(document["default"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotStart(
                f"{path}: cannot be read as keys ({type(error).__name__}); delete it for new ones"
            ) from error

    @classmethod
    def make(cls, path: Path) -> None:
        """Make new ones, unless another host of the same folder was faster."""
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, written = tempfile.mkstemp(dir=path.parent, prefix=".keys-")
        with os.fdopen(descriptor, "w") as file:
            json.dump({"master": secrets.token_urlsafe(40), "default": secrets.token_urlsafe(40)}, file, indent=2)
        with suppress(FileExistsError):
            os.link(written, path)
        Path(written).unlink()

    def open_(self, level: str, presented: str | None) -> bool:
        if level == "anonymous":
            return True
        enough = [self.master] if level == "admin" else [self.master, self.default]
        # No early end: the time must not reveal which key was similar.
        matches = [hmac.compare_digest(key.encode(), (presented or "").encode()) for key in enough]
        return any(matches)


class KeyFile:
    """Thread-safe. The keys are made at the first request that carries one, which is refused all the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._keys = Keys.load(path)
        self._lock = threading.Lock()

    def open_(self, level: str, presented: str | None) -> bool:
        keys = self._keys if presented is None else self._loaded_or_made()
        return keys.open_(level, presented) if keys else level == "anonymous"

    def _loaded_or_made(self) -> Keys | None:
        with self._lock:
            self._keys = self._keys or Keys.load(self._path)
            if self._keys is None:
                Keys.make(self._path)
            return self._keys


class NoKeys:
    """The blob container of the keys cannot be reached, so no key is right."""

    def open_(self, level: str, presented: str | None) -> bool:  # noqa: ARG002
        return level == "anonymous"
