"""Reads the app's settings as the host does: local.settings.json into the environment, and %NAME% in bindings."""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from devkit.functions_host.errors import CannotStart

_REFERENCE = re.compile(r"%([^%]+)%")


def load(path: Path, *, required: bool, environ: MutableMapping[str, str] = os.environ) -> None:
    """Copy `Values` into the environment; existing variables win, as in Core Tools."""
    if not path.exists() and not required:
        return
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        values = document.get("Values") or {}
        encrypted = document.get("IsEncrypted", False)
    except (OSError, ValueError, AttributeError) as error:
        raise CannotStart(f"{path}: cannot be read as settings: {error}") from error
    if encrypted:
        raise CannotStart(f"{path}: is encrypted; run `func settings decrypt` first")
    for name, value in values.items():
        if name not in environ and value is not None:
            environ[name] = str(value).lower() if isinstance(value, bool) else str(value)


def resolve(text: str, *, where: str, environ: MutableMapping[str, str] = os.environ) -> str:
    """Replace each %NAME% in `text` by that setting."""

    def value(match: re.Match[str]) -> str:
        try:
            return environ[match[1]]
        except KeyError:
            raise CannotStart(f"{where}: %{match[1]}% names a setting that does not exist") from None

    return _REFERENCE.sub(value, text)


def is_on(name: str, environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get(name, "").strip().lower() in {"true", "1"}


def is_disabled(function: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Read both spellings; the second is for systems whose variables have no dots."""
    return any(
        is_on(name, environ) for name in (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs_{function}_Disabled")
    )
