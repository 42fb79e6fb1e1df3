"""Builds what an operation works on: one storage account and at most one organisation."""

from collections.abc import Callable
from datetime import datetime

from leadpipe.model.ports import Notifier, Ports
from leadpipe.model.settings import Settings
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

    @property
    def notifier(self) -> Notifier | None:
        """Needs no storage account. None: LEADPIPE_NOTIFY_URL is not set, or cannot be used."""
        return self._wiring.notifier()

    def storage_time(self) -> datetime | None:
        """The storage service's time, to the second."""
        return AzureLeadQueue(self.storage.queues).time_there()
