"""Starts what both apps run against: one Azurite, with a fresh account for each run, and one stand-in of Dynamics."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.queue import QueueClient

from devkit.azurite import Azurite
from devkit.launcher.part import Part

START_SECONDS = 60.0
ACCOUNTS = [f"bench{number}" for number in range(200)]
LEDGER, CLAIMS, QUEUE = "leadledger", "leadclaims", "leads"
# Raised: otherwise Microsoft's limits would be measured.
UNLIMITED = {"requests_per_window": None, "execution_seconds_per_window": None, "concurrent_requests": None}


class Account:
    """A storage account with the tables and the queue that a lead needs."""

    def __init__(self, connection_string: str) -> None:
        self.connection_string = connection_string
        tables = TableServiceClient.from_connection_string(connection_string)
        self._ledger: TableClient = tables.create_table(LEDGER)
        tables.create_table(CLAIMS)
        self._queue = QueueClient.from_connection_string(connection_string, QUEUE)
        self._queue.create_queue()

    def is_written(self, lead_id: str) -> bool:
        return any(self._ledger.query_entities(f"LeadId eq '{lead_id}' and State eq 'written'"))

    def written_at(self) -> list[float]:
        """Gives when storage took the last change of each written lead; seconds, oldest first."""
        rows = self._ledger.query_entities("State eq 'written'")
        # Events have a state too, but they are not the record.
        stamps = (row.metadata["timestamp"] for row in rows if "WrittenAt" in row)
        return sorted(stamp.timestamp() for stamp in stamps if stamp)

    def waiting(self) -> int:
        """Counts the messages on the queue, received ones included."""
        return self._queue.get_queue_properties().approximate_message_count or 0


class Dynamics:
    """The stand-in of Dynamics: the settings that an app needs, and its request counts."""

    def __init__(self, folder: Path) -> None:
        self.settings: dict[str, str] = json.loads((folder / "settings.json").read_text())
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = self.settings["REQUESTS_CA_BUNDLE"]
        self.control("POST", "config", json=UNLIMITED)

    def control(self, method: str, what: str, **options: Any) -> Any:
        url = f"{self.settings['DATAVERSE_URL']}/_standin/{what}"
        answer = self._session.request(method, url, timeout=30, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def forget(self) -> None:
        self.control("DELETE", "leads")
        self.control("DELETE", "requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    folder: Path
    azurite: Azurite
    dynamics: Dynamics
    _unused: Iterator[str]

    def fresh_account(self) -> Account:
        return Account(self.azurite.connection_string(next(self._unused)))


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Starts all parts on devkit's leash: they end with the block, also when this process is killed."""
    with ExitStack() as started:
        azurite = Azurite(accounts=ACCOUNTS, log=folder / "azurite.log", say=_say)
        started.callback(azurite.kill)
        azurite.start()
        command = [sys.executable, "-m", "devkit.standin", "--data", str(folder / "standin")]
        standin = Part("stand-in", lambda: command, log=folder / "standin.log", environment=os.environ)
        started.callback(standin.kill)
        standin.start()
        standin.wait_until_ready(START_SECONDS)
        dynamics = Dynamics(folder / "standin")
        yield Stage(folder=folder, azurite=azurite, dynamics=dynamics, _unused=iter(ACCOUNTS))


def _say(text: str) -> None:
    print(text, file=sys.stderr)
