"""Makes the app's keys once, keeps them in a file that only its owner may read, compares in constant time."""

import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from devkit.functions_host.errors import CannotStart


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Keys:
    """`master` is enough for every level, `default` (the host's default key) for every function."""

    master: str
    default: str

    @classmethod
    def load_or_make(cls, path: Path) -> "Keys":
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls(master=str(document["master"]), default=str(document["default"]))
        except FileNotFoundError:
            return cls._make(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CannotStart(
                f"{path}: cannot be read as keys ({type(error).__name__}); delete it for new ones"
            ) from error

    @classmethod
    def _make(cls, path: Path) -> "Keys":
        keys = cls(master=secrets.token_urlsafe(40), default=secrets.token_urlsafe(40))
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"master": keys.master, "default": keys.default}, file, indent=2)
        return keys

    def open_(self, level: str, presented: str | None) -> bool:
        """Say whether `presented` is enough for a function of this level."""
        if level == "anonymous":
            return True
        enough = [self.master] if level == "admin" else [self.master, self.default]
        # No early end: the time must not reveal which key was similar.
        matches = [hmac.compare_digest(key.encode(), (presented or "").encode()) for key in enough]
        return any(matches)
