"""Reads the deployed app's settings, so that leadpipe's commands can be run here with the same ones.

Two things differ from the app's own view. The app reaches storage as its identity, the person who deploys by their own
sign-in. And a reference to the key vault is replaced by what it refers to, for this process alone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hook import Refused, Stop, az, az_or_stop, say, value

# What leadpipe's commands read; all else, such as the telemetry's connection string, stays where it is.
_READ = ("AzureWebJobsStorage", "DATAVERSE_", "LEADPIPE_", "PYTHON_THREADPOOL_THREAD_COUNT")
_APPS_IDENTITY = ("__credential", "__clientId", "__managedIdentityResourceId")
# Without these a command would judge the app wrongly.
_NEEDED = ("LEADPIPE_KEYS", "DATAVERSE_CLIENT_SECRET", "DATAVERSE_PASSWORD")
_AZDS_OWN_REFERENCE = "akvs://"
_REFERENCE = re.compile(r"@Microsoft\.KeyVault\(SecretUri=(?P<uri>[^;)]+)\)", re.IGNORECASE)
_IN_PARTS = re.compile(
    r"@Microsoft\.KeyVault\(VaultName=(?P<vault>[^;)]+);SecretName=(?P<name>[^;)]+)\)", re.IGNORECASE
)


@dataclass(frozen=True)
class DeployedApp:
    """Names the function app, and where it takes leads. `endpoint` has no key."""

    name: str
    group: str
    endpoint: str

    @property
    def health(self) -> str:
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}/api/health"

    @property
    def named(self) -> tuple[str, ...]:
        return ("--name", self.name, "--resource-group", self.group)


def the_app() -> DeployedApp:
    return DeployedApp(
        name=value("AZURE_FUNCTION_APP_NAME"), group=value("AZURE_RESOURCE_GROUP"), endpoint=value("LEADPIPE_ENDPOINT")
    )


def raw_settings(app: DeployedApp) -> dict[str, str]:
    """The app's settings that leadpipe reads, as they stand in the app."""
    listed: list[dict[str, Any]] = az_or_stop(
        "the app's settings cannot be read", "functionapp", "config", "appsettings", "list", *app.named
    )
    return {row["name"]: row["value"] or "" for row in listed if str(row["name"]).startswith(_READ)}


def settings_here(raw: dict[str, str]) -> dict[str, str]:
    """The same for a process on this machine."""
    found: dict[str, str] = {}
    for name, text in raw.items():
        if name.endswith(_APPS_IDENTITY):
            continue
        here = _resolved(name, text) if reader_of(text) else text
        if here is not None:
            found[name] = here
    return found


def reader_of(text: str) -> tuple[str, ...]:
    """The `az` words that show a secret that a setting refers to; empty for a value that is not a reference."""
    if found := _REFERENCE.fullmatch(text.strip()):
        return ("keyvault", "secret", "show", "--id", found["uri"].rstrip("/"), "--query", "value")
    if found := _IN_PARTS.fullmatch(text.strip()):
        return (
            *("keyvault", "secret", "show", "--vault-name", found["vault"], "--name", found["name"]),
            *("--query", "value"),
        )
    return ()


def _resolved(name: str, reference: str) -> str | None:
    """What the reference leads to: known to azd, or read in the vault. None: not readable, and not needed."""
    known = os.environ.get(name, "").strip()
    if known and not known.startswith(_AZDS_OWN_REFERENCE):
        return known
    try:
        return str(az(*reader_of(reference)))
    except Refused as refused:
        why = f"{name} is in the key vault, and you may not read it there ({refused})"
        if name in _NEEDED:
            raise Stop(
                f"{why}: give yourself the role Key Vault Secrets User on the vault, and wait some minutes"
            ) from refused
        say(f"– {why}: the commands below go without it")
        return None
