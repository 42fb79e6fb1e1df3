"""One storage account, the processes that work on it, and the way back to rest after one of them died."""

import base64
import os
import re
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.queue import QueueClient

from devkit.chaos.watch import Death, options_of, read_journal
from devkit.chaos.windows import Window
from leadpipe.model.envelope import Envelope
from leadpipe.model.lead_id import ENTROPY_BYTES, new_lead_id
from leadpipe.model.ports import Ports
from leadpipe.model.record import OPEN, Record
from leadpipe.model.settings import Settings
from leadpipe.sweep import sweep
from leadpipe.wiring import Wiring
from tests.factories import payload
from tests.host_process import DEADLINE, ROOT, clean_environment
from tests.nursery import WATCHED, Child, Nursery
from tests.standin_process import Standin

# What a dead process had received is seen again after this time; the platform's own is ten minutes.
LEASE_SECONDS = 1
POLLING = "00:00:00.2"
# What a run that failed had received, half a minute in host.json.
RELEASED_FOR = "00:00:01"
# Longer than any run takes that is left alone.
FUNCTION_TIMEOUT = "00:00:04"
# Leadpipe's waits between tries, ten seconds and more, and the host's after a time-out, divided by this.
HURRY = 10
# A sweep that heals looks from so far ahead, so that no test waits for minutes; the next from further still.
AHEAD = timedelta(minutes=20)
FURTHER = timedelta(hours=2)
HEALING_SECONDS = 1.5
ATTENTION = "attention"

# Where a process dies, and at the how manyeth passing.
Planned = tuple[Window, int]


@dataclass(frozen=True)
class Host:
    child: Child
    url: str


class Rig:
    """`ports` are leadpipe's own, in this process: for what a test prepares, and for the sweeps that heal."""

    def __init__(self, nursery: Nursery, standin: Standin, account: str, folder: Path) -> None:
        self.nursery = nursery
        self.standin = standin
        self.account = account
        self.folder = folder
        self.journal = folder / "journal"
        self.more_settings: dict[str, str] = {}
        self._started: list[Child] = []
        self._queues: dict[str, QueueClient] = {}
        self._tables: dict[str, TableClient] = {}

    # What there is

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_environment(self._environment)

    @property
    def _environment(self) -> dict[str, str]:
        own = {"AzureWebJobsStorage": self.account, "LEADPIPE_RETENTION": "2d"}
        return {**self.standin.settings, **own, **self.more_settings}

    @cached_property
    def ports(self) -> Ports:
        return Wiring(self.settings).delivery()

    def record(self, lead_id: str) -> Record:
        record = self.ports.ledger.read(lead_id)
        assert record is not None
        return record

    def records(self) -> list[Record]:
        today = datetime.now(UTC).date()
        return [*self.ports.ledger.between(today - timedelta(days=5), today + timedelta(days=1))]

    def depth(self, name: str) -> int:
        """How many messages the queue holds, hidden ones included."""
        try:
            return self.queue(name).get_queue_properties().approximate_message_count or 0
        except ResourceNotFoundError:
            return 0

    def visible(self, name: str) -> int:
        """How many messages of the queue somebody could receive now."""
        return len(self.queue(name).peek_messages(32))

    def address(self, service: str) -> str:
        """Of `Table` or `Queue`, without the account."""
        (found,) = re.findall(rf"{service}Endpoint=(http://127\.0\.0\.1:\d+)", self.account)
        return str(found)

    def queue(self, name: str) -> QueueClient:
        if name not in self._queues:
            self._queues[name] = QueueClient.from_connection_string(self.account, name)
        return self._queues[name]

    def resting(self) -> list[str]:
        """The lead ids with a row of ours in the fallback table."""
        return [row["LeadId"] for row in self.rows("marketplaceleads") if "LeadId" in row]

    def rows(self, table: str) -> list[dict[str, Any]]:
        return list(self.table(table).list_entities())

    def table(self, name: str) -> TableClient:
        if name not in self._tables:
            service = TableServiceClient.from_connection_string(self.account)
            self._tables[name] = service.create_table_if_not_exists(name)
        return self._tables[name]

    def in_dynamics(self) -> list[str]:
        return [lead["leadid"] for lead in self.standin.leads()]

    # What a test prepares

    def accepted(self, *, ago: timedelta = timedelta(0), **changes: Any) -> Record:
        """A lead as intake keeps it in the ledger, received so long ago; its message is the test's affair."""
        record = self.ports.ledger.insert(self.unrecorded(ago=ago, **changes))
        assert record is not None
        return record

    def unrecorded(self, *, ago: timedelta = timedelta(0), **changes: Any) -> Record:
        lead_id = new_lead_id(datetime.now(UTC) - ago, os.urandom(ENTROPY_BYTES))
        return Record.accepted(lead_id, payload(**changes))

    def swept(self) -> None:
        """So that a sweep which comes soon after does only what has to be done every minute."""
        self.sweep(timedelta(0))

    def message_of(self, record: Record) -> str:
        return Envelope.of(record).to_text()

    def give_up_on(self, text: str) -> None:
        """Puts the text where the host puts a message whose delivery crashed five times."""
        queue = self.queue("leads-poison")
        queue.create_queue()
        queue.send_message(base64.b64encode(text.encode()).decode())

    # The processes

    def host(
        self,
        *deaths: Planned,
        by: Death = Death.HOST,
        port: int = 0,
        lease: int = LEASE_SECONDS,
        hurry: float = 1,
        **settings: str,
    ) -> Host:
        """The function app; its timer is off, since the sweep has its own way to run here.

        `hurry` divides the host's own waits, as the rig's HURRY divides leadpipe's.
        """
        arguments = ("--app", str(ROOT), "--port", str(port), "--data", str(self.folder / "host"))
        if by is Death.TIMEOUT:
            settings, hurry = {**settings, "AzureFunctionsJobHost__functionTimeout": FUNCTION_TIMEOUT}, HURRY
        waits = ("--lease", str(lease), "--hurry", str(hurry))
        child = self.start("host", *arguments, *waits, deaths=deaths, by=by, **settings)
        return Host(child, child.listening())

    def run(
        self, *program: str, deaths: tuple[Planned, ...] = (), options: tuple[str, ...] = (), **settings: str
    ) -> None:
        """A process that ends by itself: with 0, or where it was told to die."""
        child = self.start(*program, deaths=deaths, options=options, **settings)
        assert child.wait() == (-signal.SIGKILL if deaths else 0), child.said

    def start(
        self,
        *program: str,
        deaths: tuple[Planned, ...] = (),
        by: Death = Death.HOST,
        options: tuple[str, ...] = (),
        **settings: str,
    ) -> Child:
        environment = {
            **clean_environment(),
            **self._environment,
            "AzureWebJobs.sweep.Disabled": "true",
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": POLLING,
            "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": RELEASED_FOR,
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
            **settings,
        }
        plan = options_of({(window, by): nth for window, nth in deaths})
        self._started.append(
            self.nursery.start(
                WATCHED,
                ["--journal", str(self.journal), "--hurry", str(HURRY), *plan, *options, *program],
                environment={name: value for name, value in environment.items() if value},
                output=self.folder / f"process-{len(self._started)}.log",
            )
        )
        return self._started[-1]

    def stop(self) -> None:
        for child in self._started:
            child.kill()
        for client in (*self._queues.values(), *self._tables.values()):
            client.close()

    def died(self, window: Window, by: Death = Death.HOST) -> bool:
        return any((line.get("died"), line.get("by")) == (str(window), by) for line in read_journal(self.journal))

    def chains(self, flow: str) -> list[list[str]]:
        """The writes of each run in which that flow wrote anything.

        What needs a person is the last task of every sweep, and what it writes is about itself alone.
        """
        lines = [line for line in read_journal(self.journal) if "write" in line]
        lines = [line for line in lines if (line["flow"] == ATTENTION) is (flow == ATTENTION)]
        runs = dict.fromkeys((line["process"], line["run"]) for line in lines if line["flow"] == flow)
        return [[line["write"] for line in lines if (line["process"], line["run"]) == run] for run in runs]

    # The way back to rest

    def sweep(self, ahead: timedelta) -> None:
        sweep(now=lambda: datetime.now(UTC) + ahead, chance=0.0, ports=self.ports, settings=self.settings)

    def heal(self) -> None:
        """Sweeps from ever further ahead, beside a host that runs, until nothing is left to do."""
        ahead = AHEAD
        deadline = time.monotonic() + DEADLINE
        while True:
            self.sweep(ahead)
            ahead += FURTHER
            if self._comes_to_rest():
                return
            assert time.monotonic() < deadline, f"never at rest: {self.unrest()}"

    def unrest(self) -> dict[str, Any]:
        """What is not as it shall be in the end; empty at rest."""
        found = {
            "open": [(record.lead_id, record.state) for record in self.records() if record.state in OPEN],
            "on the queue": self.depth("leads"),
            "in the poison queue": self.depth("leads-poison"),
            "in the fallback table": self.resting(),
        }
        return {what: there for what, there in found.items() if there}

    def _comes_to_rest(self) -> bool:
        deadline = time.monotonic() + HEALING_SECONDS
        # The queue alone costs one request, the whole five.
        while self.depth("leads") or self.unrest():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.25)
        return True
