"""Tells a client of the stand-in how to reach it: the settings that a function app needs, as a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from devkit.standin.identity import Identity, write_private

if TYPE_CHECKING:
    from pathlib import Path


def write_settings(folder: Path, *, identity: Identity, origin: str, ca_bundle: Path) -> None:
    settings = {
        "DATAVERSE_URL": origin,
        "DATAVERSE_AUTHORITY": origin,
        "DATAVERSE_TENANT_ID": identity.tenant_id,
        "DATAVERSE_CLIENT_ID": identity.client_id,
        "DATAVERSE_CLIENT_SECRET": identity.client_secret,
        "REQUESTS_CA_BUNDLE": str(ca_bundle.resolve()),
    }
    write_private(folder / "settings.json", json.dumps(settings, indent=2) + "\n")
