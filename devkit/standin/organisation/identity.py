"""Makes the ids of directory, application and users at the first start, and keeps them."""

from __future__ import annotations

import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    tenant_id: str
    client_id: str
    client_secret: str
    signing_key: str
    organization_id: str
    business_unit_id: str
    user_id: str
    team_id: str
    campaign_id: str
    currency_id: str
    # The managed identities: the system's, and one that a person gave to the app; and the secret of the endpoint.
    managed_identity_id: str
    user_identity_id: str
    identity_header: str
    # People who sign in at a terminal: one with all privileges, one with few.
    administrator_id: str
    person_id: str
    # The Office 365 account.
    account_id: str
    user_name: str
    user_password: str
    certificate_password: str


def load_identity(folder: Path) -> Identity:
    """Reads the ids, and makes those that an older stand-in did not make."""
    path = folder / "identity.json"
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    identity = replace(_new_identity(), **known)
    if asdict(identity) != known:
        write_private(path, json.dumps(asdict(identity), indent=2))
    return identity


def write_private(path: Path, content: str | bytes) -> None:
    """Writes a file that only its owner may read: whole, or not at all if the process dies meanwhile."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    unfinished.replace(path)


def _new_identity() -> Identity:
    ids = {name: str(uuid.uuid4()) for name in Identity.__dataclass_fields__ if name.endswith("_id")}
    return Identity(
        **ids,
        client_secret=secrets.token_urlsafe(30),
        signing_key=secrets.token_hex(32),
        identity_header=secrets.token_urlsafe(30),
        user_name="leads@contoso.onmicrosoft.com",
        user_password=secrets.token_urlsafe(30),
        certificate_password=secrets.token_urlsafe(30),
    )
