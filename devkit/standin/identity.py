"""Who is who: the directory, the application, its user in the organisation. Made at first start, stable afterwards."""

from __future__ import annotations

import json
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
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


def load_identity(folder: Path) -> Identity:
    path = folder / "identity.json"
    if not path.exists():
        write_private(path, json.dumps(asdict(_new_identity()), indent=2))
    return Identity(**json.loads(path.read_text(encoding="utf-8")))


def write_private(path: Path, text: str) -> None:
    """Readable by the owner alone, and whole or not there at all when the process dies meanwhile."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.replace(path)


def _new_identity() -> Identity:
    ids = {name: str(uuid.uuid4()) for name in Identity.__dataclass_fields__ if name.endswith("_id")}
    return Identity(**ids, client_secret=secrets.token_urlsafe(30), signing_key=secrets.token_hex(32))
