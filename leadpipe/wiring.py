"""Builds the real objects once, when they are first needed. Only this module knows all of them.

Intake's storage clients never retry, because the marketplace is waiting and the other store is the second chance;
delivery's do. What only delivery needs is imported by the first message, not by a cold start.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from leadpipe.model.errors import SettingsError, StorageFailed
from leadpipe.model.keys import EndpointKey
from leadpipe.model.log_line import log_line
from leadpipe.model.settings import Area, Settings
from leadpipe.storage.connection import Storage, connect
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger

if TYPE_CHECKING:  # a cold start does not need them
    from leadpipe.model.ports import Canary, Dynamics, Notifier, Ports
    from leadpipe.wrong_keys import WrongKeys

HEALTH_SECONDS = 5.0
# They log parts of answers, even the start of a token. leadpipe logs each failure itself.
SILENT_LIBRARIES = ("azure.core", "azure.data", "azure.identity", "azure.storage", "msal", "urllib3")

log = logging.getLogger(__name__)
T = TypeVar("T")


class Wiring:
    """Holds the one set of objects of a process. Thread-safe: the first caller builds an object, the others wait.

    `retries`: how often storage requests are tried again, those of intake excepted. `report` gets each damaged row of
    the ledger.
    """

    def __init__(self, settings: Settings, *, retries: int = 1, report: Callable[[str], None] = lambda _: None) -> None:
        self.settings = settings
        self._retries = retries
        self._report = report
        self._lock = threading.RLock()
        self._built: dict[str, object] = {}
        self._health: tuple[float, str] | None = None
        for fault in settings.faults:
            level = logging.WARNING if fault.area is Area.NOTED else logging.ERROR
            log.log(level, log_line("setting_unusable", setting=fault.setting, problem=fault.problem))

    def intake(self) -> tuple[AzureLedger, AzureLeadQueue]:
        """The two stores of intake. Raises SettingsError, or StorageFailed if their clients cannot be built."""
        storage = self._once("intake storage", lambda: self._storage(retries=0))
        return (
            self._once("intake ledger", lambda: AzureLedger(storage)),
            self._once("intake queue", lambda: AzureLeadQueue(storage.queues)),
        )

    def keys(self) -> tuple[EndpointKey, ...]:
        """The keys that posts are compared with. Raises SettingsError if there are none."""
        if not self.settings.keys:
            raise SettingsError("keys_settings", self.settings.faults_of(Area.KEYS))
        return self.settings.keys

    def wrong_keys(self) -> "WrongKeys":
        """What this process counts of posts with a wrong key."""
        from leadpipe.wrong_keys import WrongKeys

        return self._once("wrong keys", WrongKeys)

    def storage(self) -> Storage:
        """The account's queue and table services, with this wiring's retries. Raises SettingsError or StorageFailed."""
        return self._once("storage", lambda: self._storage(retries=self._retries))

    def delivery(self) -> "Ports":
        """What delivery and the sweep work with. Raises SettingsError."""
        return self._once("delivery", self._delivery)

    def notifier(self) -> "Notifier | None":
        """Posts notices. None: LEADPIPE_NOTIFY_URL is not set, or cannot be used."""
        return self._once("notifier", self._notifier)

    def why_not_ready(self) -> str:
        """Why a lead posted now may not be kept; empty if it would be. Looks at most every five seconds."""
        with self._lock:
            if self._health is None or time.monotonic() - self._health[0] > HEALTH_SECONDS:
                self._health = (time.monotonic(), self._examine())
            return self._health[1]

    def _examine(self) -> str:
        try:
            ledger, queue = self.intake()
        except (SettingsError, StorageFailed) as error:
            return error.detail
        if problem := self.settings.faults_of(Area.KEYS) or self.settings.faults_of(Area.HOST):
            return problem
        failures = []
        for store in (ledger, queue):
            try:
                store.ping()
            except StorageFailed as error:
                failures.append(error.detail)
            else:
                return ""  # one of the two is enough to keep a lead
        return "; ".join(failures)

    def _storage(self, *, retries: int) -> Storage:
        if self.settings.storage is None:
            raise SettingsError("storage_settings", self.settings.faults_of(Area.STORAGE))
        return connect(self.settings.storage, retries=retries)

    def _delivery(self) -> "Ports":
        from leadpipe.dataverse.certificate_end import certificate_ends
        from leadpipe.mapping.watched import mapping_faults
        from leadpipe.model.ports import Ports
        from leadpipe.storage.attention import AzureAttention
        from leadpipe.storage.canary_marks import AzureCanaryMarks
        from leadpipe.storage.claims import AzureClaims
        from leadpipe.storage.fallback import AzureFallback
        from leadpipe.storage.marks import AzureMarks
        from leadpipe.storage.poison_queue import AzurePoisonQueue

        storage = self.storage()
        return Ports(
            queue=AzureLeadQueue(storage.queues),
            ledger=AzureLedger(storage, report=self._report),
            claims=AzureClaims(storage),
            fallback=AzureFallback(storage),
            poison_queue=AzurePoisonQueue(storage.queues),
            marks=AzureMarks(storage),
            attention=AzureAttention(storage),
            dynamics=self._dynamics(),
            certificate_ends=lambda: certificate_ends(self.settings),
            mapping_faults=lambda: mapping_faults(self.settings.mapping_path),
            notifier=self.notifier(),
            canary_marks=AzureCanaryMarks(storage),
            canary=self._canary(),
        )

    def _canary(self) -> "Canary | None":
        if self.settings.canary is None:
            return None
        from leadpipe.endpoint.client import EndpointClient

        return EndpointClient(self.settings.canary.url)

    def _dynamics(self) -> "Dynamics | None":
        """None if no organisation is set, or if its settings have faults: delivery checks those before it asks."""
        dataverse = self.settings.dataverse
        if dataverse is None:
            return None
        from leadpipe.dataverse.auth import tokens_for
        from leadpipe.dataverse.client import DataverseClient
        from leadpipe.mapping.chosen import chosen_mapping
        from leadpipe.mapping.note import note_of

        mapping = chosen_mapping(self.settings.mapping_path)
        return DataverseClient(dataverse.url, tokens_for(dataverse), mapping, note_of)

    def _notifier(self) -> "Notifier | None":
        if self.settings.webhook is None:
            return None
        from leadpipe.webhook.client import WebhookNotifier

        return WebhookNotifier(self.settings.webhook)

    def _once(self, name: str, build: Callable[[], T]) -> T:
        with self._lock:
            if name not in self._built:
                self._built[name] = build()
            return self._built[name]  # type: ignore[return-value]


_building = threading.Lock()


@cache
def _wiring() -> Wiring:
    quiet_libraries()
    return Wiring(Settings.from_environment(os.environ))


def wiring() -> Wiring:
    """The process's one wiring, built from its environment at the first call."""
    with _building:
        return _wiring()


def quiet_libraries() -> None:
    """Silences the loggers of the libraries."""
    for name in SILENT_LIBRARIES:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def now() -> datetime:
    return datetime.now(UTC)
