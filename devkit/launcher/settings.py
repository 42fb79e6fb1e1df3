"""Makes the app's settings for this run: those set already, and those of the parts that the launcher started."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STORAGE = "AzureWebJobsStorage"
DYNAMICS = "DATAVERSE_"
MAPPING = "LEADPIPE_MAPPING"
AUTH = "LEADPIPE_AUTH"
KEYS = "LEADPIPE_KEYS"
# Core Tools' name for the emulator. Ours may listen on other ports.
EMULATOR = "usedevelopmentstorage=true"


# So that slow deliveries never starve intake, as on Azure.
THREADS = {"PYTHON_THREADPOOL_THREAD_COUNT": "32"}
# The app's settings that are not secret, which the command line tools need as well.
SHOWN = frozenset(
    {
        "LEADPIPE_DEDUPE_WINDOW",
        "LEADPIPE_DNC_LEADS",
        "LEADPIPE_FALLBACK_AFTER",
        MAPPING,
        "LEADPIPE_MERGE",
        "LEADPIPE_RETENTION",
        "LEADPIPE_TEST_LEADS",
    }
)
DISABLED = re.compile(r"AzureWebJobs([._])\w+\1Disabled")


class SettingsFileError(Exception):
    """local.settings.json cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The settings before anything is started; the environment overrides the file."""

    environment: Mapping[str, str]
    file: Mapping[str, str]

    @classmethod
    def read(cls, app: Path, environment: Mapping[str, str]) -> Given:
        file = read_file(app / "local.settings.json")
        return cls(environment=_with_place(environment, app), file=_with_place(file, app))

    def where_storage_is_set(self) -> str | None:
        names = {name for name in self._names() if name == STORAGE or name.startswith(f"{STORAGE}__")}
        return self._where({name for name in names if self._value(name).strip().rstrip(";").lower() != EMULATOR})

    def where_dynamics_is_set(self) -> str | None:
        return self._where({"DATAVERSE_URL"})

    def dynamics_url(self) -> str:
        return self._value("DATAVERSE_URL")

    def with_started(self, storage: str | None, dynamics: Mapping[str, str]) -> Settings:
        """Replaces all settings of storage or Dynamics by those of the started part."""

        def left(values: Mapping[str, str]) -> dict[str, str]:
            return {
                name: value
                for name, value in values.items()
                if not (storage and name.startswith(STORAGE)) and not (dynamics and name.startswith(DYNAMICS))
            }

        started = {**({STORAGE: storage} if storage else {}), **dynamics}
        # Without the keys, which are secret, it would be a fault to have the tools say that there are some.
        names = SHOWN | {AUTH} if self.file.get(KEYS) else SHOWN
        shown = {name: value for name, value in self.environment.items() if name in names or DISABLED.fullmatch(name)}
        file = left(self.file) | shown | started
        return Settings(process={**left(self.file), **left(self.environment), **started}, file=file)

    def _names(self) -> set[str]:
        return {name for name in {*self.environment, *self.file} if self._value(name).strip()}

    def _value(self, name: str) -> str:
        return self.environment.get(name) or self.file.get(name) or ""

    def _where(self, names: set[str]) -> str | None:
        if any(self.environment.get(name, "").strip() for name in names):
            return "the environment"
        return "local.settings.json" if any(self.file.get(name, "").strip() for name in names) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`process`: the functions' environment. `file`: for the command line tools; of the environment only what is
    certainly no secret is in it, so that one which someone chose to keep out of files stays out.
    """

    process: Mapping[str, str]
    file: Mapping[str, str]

    @property
    def kept_out(self) -> list[str]:
        """The app's own settings that the functions have and the file has not: secrets, and what goes with one."""
        return sorted(name for name in self.process if name.startswith("LEADPIPE_") and name not in self.file)


def _with_place(values: Mapping[str, str], app: Path) -> dict[str, str]:
    """Makes the mapping file's path absolute: the functions and the tools may run in other folders."""
    named = values.get(MAPPING, "").strip()
    if not named:
        return dict(values)
    here = Path(named).absolute()
    return {**values, MAPPING: str(here if here.exists() else app.absolute() / named)}


def read_file(path: Path) -> dict[str, str]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        values = document.get("Values") or {}
        return {str(name): str(value) for name, value in values.items() if value is not None}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise SettingsFileError(f"{path} cannot be read as settings: {error}") from error


def write_file(path: Path, values: Mapping[str, str], *, port: int = 7071) -> None:
    """Writes a local.settings.json that only its owner may read. `port`: where the functions listen."""
    document = {
        "IsEncrypted": False,
        "Values": {"FUNCTIONS_WORKER_RUNTIME": "python", **THREADS, **values},
        "Host": {"LocalHttpPort": port},
    }
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
    new.replace(path)


def reach_this_machine_directly(environment: dict[str, str]) -> None:
    """Excludes localhost from the environment's proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, (environment.get(name), "localhost", "127.0.0.1")))
