"""Writes the settings that a function app needs to reach the stand-in into a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from devkit.standin.organisation.identity import Identity, write_private
from devkit.standin.sign_in import managed_identity

if TYPE_CHECKING:
    from pathlib import Path


def write_ways(folder: Path, *, identity: Identity, origin: str, ca_bundle: Path) -> None:
    """Writes, for each kind of sign-in, the settings that a client needs instead of the secret."""
    common = {
        "DATAVERSE_URL": origin,
        "DATAVERSE_AUTHORITY": origin,
        "DATAVERSE_TENANT_ID": identity.tenant_id,
        "DATAVERSE_CLIENT_ID": identity.client_id,
        "REQUESTS_CA_BUNDLE": str(ca_bundle.resolve()),
    }
    # The platform sets these on an app with a managed identity.
    platform = {"IDENTITY_ENDPOINT": origin + managed_identity.PATH, "IDENTITY_HEADER": identity.identity_header}
    files = {name: str((folder / f"client.{name}").resolve()) for name in ("pem", "pfx")}
    ways = {
        "client_secret": {"DATAVERSE_CLIENT_SECRET": identity.client_secret},
        "certificate_pem": {"DATAVERSE_CERTIFICATE_PATH": files["pem"]},
        "certificate_pfx": {
            "DATAVERSE_CERTIFICATE_PATH": files["pfx"],
            "DATAVERSE_CERTIFICATE_PASSWORD": identity.certificate_password,
        },
        "managed_identity_system": {"DATAVERSE_MANAGED_IDENTITY": "system", **platform},
        "managed_identity_user": {"DATAVERSE_MANAGED_IDENTITY": identity.user_identity_id, **platform},
        "user_password": {"DATAVERSE_USERNAME": identity.user_name, "DATAVERSE_PASSWORD": identity.user_password},
    }
    whole = {name: common | way for name, way in ways.items()}
    write_private(folder / "ways.json", json.dumps(whole, indent=2) + "\n")


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
