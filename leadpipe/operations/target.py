"""Builds what an operation works on: one storage account and at most one organisation."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from leadpipe.model.ports import Ports
from leadpipe.model.settings import Settings, StorageByIdentity, StorageByKey
from leadpipe.operations.settings_source import DEFAULT_PORT
from leadpipe.storage.connection import Storage
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.wiring import Wiring

# A person can wait longer than the marketplace, which wants its answer within ten seconds.
RETRIES = 2


class Target:
    """The ports that the settings name, built when first used. `local_port`: of the app on this machine.

    `report` is called with each damaged row of the ledger that is met.
    """

    def __init__(
        self, settings: Settings, *, local_port: int = DEFAULT_PORT, report: Callable[[str], None] = lambda _: None
    ) -> None:
        self.settings = settings
        self.local_url = f"http://127.0.0.1:{local_port}"
        self._wiring = Wiring(settings, retries=RETRIES, report=report)

    @property
    def storage(self) -> Storage:
        return self._wiring.storage()

    @property
    def ports(self) -> Ports:
        """What delivery works with, Dynamics included. Its gate is this process's own."""
        return self._wiring.delivery()

    def storage_time(self) -> datetime | None:
        """The storage service's time, to the second."""
        return AzureLeadQueue(self.storage.queues).time_there()


def account_of(storage: StorageByKey | StorageByIdentity) -> str:
    """The account's name, with its host where that does not follow from it; never a key."""
    if isinstance(storage, StorageByIdentity):
        host = host_of(storage.table_url)
        name, table, _ = host.partition(".table.")
        return name if table else host
    pairs = (part.partition("=") for part in storage.connection_string.split(";"))
    parts = {name.strip().lower(): value.strip() for name, _, value in pairs}
    name, host = parts.get("accountname", ""), host_of(parts.get("tableendpoint") or parts.get("queueendpoint") or "")
    if not name or not host or host.startswith(f"{name}."):
        return name or host
    return f"{name} at {host}"


def host_of(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
