"""Posts a test lead as the marketplace does, and follows it until it is in Dynamics."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import requests

from leadpipe.model.errors import LeadpipeError
from leadpipe.model.record import State
from leadpipe.model.settings import Settings
from leadpipe.operations.partner_center import validation_lead
from leadpipe.storage.connection import connect
from leadpipe.storage.ledger import AzureLedger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from leadpipe.model.record import Record

# The first delivery waits for the host's queue poll and makes the tables.
PATIENCE_SECONDS = 60.0
ON_THE_WAY = {State.ACCEPTED, State.DEFERRED}


class SampleError(Exception):
    """The sample did not arrive; the text says how far it came."""


def post(url: str, *, key: str | None) -> str:
    """Posts the lead and gives the lead id of the answer."""
    digits = f"{random.randrange(10**18):018d}"  # noqa: S311  digits, not a secret
    try:
        answer = this_machine().post(
            f"{url}/api/leads",
            json=validation_lead(digits),
            headers={"x-functions-key": key} if key else {},
            timeout=30,
        )
    except requests.RequestException as error:
        raise SampleError(f"POST {url}/api/leads: {error}") from error
    if answer.status_code != 202:
        raise SampleError(f"POST {url}/api/leads answered {answer.status_code} {answer.text[:200]}")
    return str(answer.json()["lead_id"])


def follow(lead_id: str, settings: Mapping[str, str]) -> Record:
    """Waits until the lead's record is final."""
    storage = Settings.from_environment(settings).storage
    if storage is None:
        raise SampleError("the storage settings cannot be used")
    ledger = AzureLedger(connect(storage, retries=1))
    deadline = time.monotonic() + PATIENCE_SECONDS
    so_far = "no record"
    while time.monotonic() < deadline:
        try:
            record = ledger.read(lead_id)
        except LeadpipeError as error:  # Azurite may be restarting
            so_far = str(error)
        else:
            if record and record.state not in ON_THE_WAY:
                return record
            so_far = f"{record.state} {record.reason or ''}".strip() if record else "no record"
        time.sleep(0.1)
    raise SampleError(f"lead {lead_id} was not delivered within {PATIENCE_SECONDS:.0f} s: {so_far}")


def is_in_standin(lead_id: str, url: str, ca_bundle: str) -> bool:
    answer = this_machine().get(f"{url}/_standin/leads", params={"leadid": lead_id}, timeout=30, verify=ca_bundle)
    return answer.ok and len(answer.json()) == 1


def keys_file(data: Path) -> Path:
    return data / "keys.json"


def make_keys(url: str) -> None:
    """Asks with a wrong key: the host makes its keys at the first request that carries one."""
    this_machine().get(f"{url}/admin/host/status", headers={"x-functions-key": "none yet"}, timeout=30)


def function_key(data: Path) -> str:
    key: str = json.loads(keys_file(data).read_text(encoding="utf-8"))["default"]
    return key


def own_key(settings: Mapping[str, str]) -> str | None:
    """The first of LEADPIPE_KEYS; None if the functions host checks keys, or if none can be read."""
    keys = Settings.from_environment(settings).keys
    return keys[0].value if keys else None


def this_machine() -> requests.Session:
    """Makes a session that ignores the environment's proxy and trust settings, which are not for localhost."""
    session = requests.Session()
    session.trust_env = False
    return session
