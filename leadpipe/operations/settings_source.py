"""Finds a command's settings: in the environment, in `local.settings.json`, or in what `make run` left.

A file's values count before the environment's. Storage settings come from one place alone: an account from one and a
key from another would name an account that nobody meant.
"""

import json
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadpipe.model.errors import SettingsError
from leadpipe.model.settings import NAMES_STORAGE, as_the_host_reads, is_any_emulator

LOCAL_SETTINGS = Path("local.settings.json")
LEFT_BY_MAKE_RUN = Path(".devkit", "settings.json")
ENVIRONMENT = "the environment"
# The port of Core Tools and of `make run`, https://learn.microsoft.com/azure/azure-functions/functions-run-local
DEFAULT_PORT = 7071

_STORAGE = "AzureWebJobsStorage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The environment for the command, and where it was found. `local_port`: of the app on this machine."""

    where: str
    environment: Mapping[str, str]
    local_port: int = DEFAULT_PORT

    def take_effect(self, process: MutableMapping[str, str]) -> None:
        """Makes the process's environment this one: libraries look there for proxies and REQUESTS_CA_BUNDLE."""
        for name in process.keys() - self.environment.keys():
            del process[name]
        process.update(self.environment)


def find_source(chosen: Path | None, *, environment: Mapping[str, str], folders: Iterable[Path]) -> Source:
    """The settings that count: the chosen file, else the first place that names a storage account.

    `folders` are looked through in their order. Raises SettingsError when no place does, or a file is unreadable.
    """
    if chosen is not None:
        return _of_file(chosen, read_values(chosen), environment)
    if _names_storage(environment):
        return Source(where=ENVIRONMENT, environment=environment)
    places = [folder / name for name in (LOCAL_SETTINGS, LEFT_BY_MAKE_RUN) for folder in folders]
    found = {place: values for place in places if _names_storage(values := read_values(place, missing_ok=True))}
    if not found:
        raise SettingsError(
            "no_settings",
            "no storage account is named: set AzureWebJobsStorage, or change to a folder with a local.settings.json"
            " (or with what `make run` left), or name a file with --settings FILE",
        )
    place = next((place for place, values in found.items() if not _is_emulator(values)), next(iter(found)))
    return _of_file(place, found[place], environment)


def read_values(file: Path, *, missing_ok: bool = False) -> dict[str, str]:
    """The file's `Values` that are not empty, and all storage settings: to the host an empty one means something.

    Raises SettingsError, which quotes no value.
    """
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        if missing_ok:
            return {}
        raise SettingsError("settings_file", f"{file} does not exist") from error
    except OSError as error:
        raise SettingsError("settings_file", f"{file} cannot be read: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise SettingsError("settings_file", f"{file} is not JSON: {error.msg} in line {error.lineno}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError("settings_file", f"{file} is not JSON text in UTF-8") from error
    return _values_of(document, file)


def _values_of(document: Any, file: Path) -> dict[str, str]:
    if not isinstance(document, dict):
        raise SettingsError("settings_file", f"{file} is not a JSON object with `Values`")
    if document.get("IsEncrypted"):
        raise SettingsError("settings_file", f"{file} is encrypted: run `func settings decrypt` beside it first")
    values = document.get("Values")
    if not isinstance(values, dict):
        raise SettingsError("settings_file", f"{file} has no object `Values`")
    for name, value in values.items():
        if isinstance(value, dict | list):
            raise SettingsError("settings_file", f"{file}: the value of {name} is not a text")
    return {
        name: str(value)
        for name, value in values.items()
        if value is not None and (str(value).strip() or _is_of_storage(name))
    }


def _of_file(file: Path, values: Mapping[str, str], environment: Mapping[str, str]) -> Source:
    rest = {name: value for name, value in environment.items() if not _is_of_storage(name)}
    return Source(where=str(file), environment={**rest, **values}, local_port=_local_port(file))


def _local_port(file: Path) -> int:
    """As Core Tools reads it, and as `make run` leaves it. The file has been read before."""
    host = json.loads(file.read_text(encoding="utf-8-sig")).get("Host")
    port = host.get("LocalHttpPort") if isinstance(host, dict) else None
    return port if isinstance(port, int) and 0 < port < 1 << 16 else DEFAULT_PORT


def _names_storage(values: Mapping[str, str]) -> bool:
    values = as_the_host_reads(values)
    return any(values.get(name, "").strip() for name in NAMES_STORAGE)


def _is_emulator(values: Mapping[str, str]) -> bool:
    """Whether they name an emulator, with any ports: `make run` chooses its own."""
    return is_any_emulator(as_the_host_reads(values).get(_STORAGE, ""))


def _is_of_storage(name: str) -> bool:
    return name.lower().startswith(_STORAGE.lower())
