"""Does one run: starts everything, causes the faults, waits until no lead is open."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.data.tables import TableServiceClient

from devkit.bootstrap import ROOT
from devkit.chaos.marketplace import CRASHES, Marketplace
from devkit.chaos.options import DYNAMICS, plan_of_host, plan_of_sweep
from devkit.chaos.proxy import Mode, Proxy
from devkit.chaos.watch import KILL, Death, News, Plan, Planned, deaths, end_what_hangs, options_of, read_journal
from devkit.launcher import ports, stack
from devkit.launcher.part import Part
from devkit.launcher.sample import this_machine
from devkit.launcher.screen import HOST_LINE
from devkit.launcher.settings import reach_this_machine_directly, write_file
from leadpipe.model.envelope import Envelope
from leadpipe.model.errors import LeadpipeError
from leadpipe.model.record import OPEN, QUEUED, Record
from leadpipe.model.settings import StorageByKey
from leadpipe.storage.connection import connect
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.poison_queue import POISON_QUEUE, AzurePoisonQueue

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from devkit.chaos.windows import Window
    from devkit.launcher.screen import Screen

SWEEP_EVERY = 3.0
# How far ahead the sweep's clock is, so that waiting leads are overdue; each time further.
FIRST_AHEAD = timedelta(minutes=20)
FURTHER = timedelta(minutes=80)
# Longer than LEADPIPE_FALLBACK_AFTER and the first pause between tries.
DYNAMICS_AWAY_SECONDS = 20.0
SILENT_SECONDS = 6.0
ENCORES = 6
ENCORE_LEADS = 30
SLOWEST_SWEEP = 90.0
LATE_COPIES = "messages"
LATE_COPIES_SECONDS = 30.0


class Chaos:
    def __init__(self, options: argparse.Namespace, folder: Path, screen: Screen) -> None:
        self.options = options
        self.screen = screen
        self.chance = random.Random(options.seed)  # noqa: S311 - repeatable, no secret
        self.journal = folder / "journal"
        self.injected: Counter[str] = Counter()
        self.host_ends: Counter[str] = Counter()
        self._critical = ""
        self.host_plan = self._drawn(plan_of_host(merge=bool(options.merge)), options.deaths)
        self.sweep_plan = self._drawn(plan_of_sweep(merge=bool(options.merge)), options.deaths, most=1)
        crashing = set(self.chance.sample(range(options.leads), min(options.crashes, options.leads)))
        self._folder = folder
        self._stopping = threading.Event()
        self._writing_rows = threading.Lock()
        self._ahead = FIRST_AHEAD
        self._web = this_machine()
        self._azurite = stack.azurite(folder, screen)
        self._standin = stack.standin(folder)
        self._host_port = ports.any_free()
        self.proxies: dict[str, Proxy] = {}
        self._host: Part | None = None
        self._sweeps: threading.Thread | None = None
        self.marketplace = Marketplace(
            lambda: f"http://127.0.0.1:{self._host_port}",
            twice=options.twice,
            merge=options.merge,
            crashing=crashing,
            chance=random.Random(options.seed + 1),  # noqa: S311
        )

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    # The parts

    def _start(self) -> None:
        self.screen.note("starting Azurite, the stand-in for Dynamics and the functions")
        self._azurite.start()
        self._standin.start()
        self._standin.wait_until_ready(30)
        for number, service in enumerate(("table", "queue")):
            target = int(self._azurite.url(service).rpartition(":")[2])
            chance = random.Random(self.options.seed + 2 + number)  # noqa: S311
            self.proxies[service] = Proxy(service, target, chance)
            self.proxies[service].start()
        self._standin_settings = stack.standin_settings(self._folder)
        self._web.verify = self._standin_settings["REQUESTS_CA_BUNDLE"]
        self._environment = self._app_environment()
        write_file(self.settings_file, {**self._standin_settings, "AzureWebJobsStorage": self.storage})
        self.control("POST", "config", requests_per_window=None, execution_seconds_per_window=None)
        self._host = Part("functions", self._host_command, log=stack.log(self._folder, "functions"),
                          environment=self._environment, grace=3.0)  # fmt: skip
        self._host.on_line = self._keep_if_critical
        self._host.on_end = self._start_again
        self._host.start()
        self._host.wait_until_ready(60)
        self._sweeps = threading.Thread(target=self._sweep_until_stopped, daemon=True)

    def _stop(self) -> None:
        self._stopping.set()
        self.marketplace.giving_up.set()
        if self._sweeps and self._sweeps.is_alive():
            self._sweeps.join(SLOWEST_SWEEP)
        for part in (self._host, self._standin, self._azurite.part):
            if part:
                part.kill()
        for proxy in self.proxies.values():
            proxy.stop()

    @property
    def settings_file(self) -> Path:
        return self._folder / "settings.json"

    @property
    def storage(self) -> str:
        """Gives the account without the proxies, which are for the functions and the sweeps."""
        return self._azurite.connection_string(stack.ACCOUNT)

    def _app_environment(self) -> dict[str, str]:
        storage = self.storage
        for service, proxy in self.proxies.items():
            storage = storage.replace(self._azurite.url(service), f"http://127.0.0.1:{proxy.port}")
        environment = {
            **os.environ,
            **self._standin_settings,
            "AzureWebJobsStorage": storage,
            "LEADPIPE_FALLBACK_AFTER": f"{self.options.fallback_after}s",
            "LEADPIPE_MERGE": "30d" if self.options.merge else "0",
            "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
            "AzureFunctionsJobHost__functionTimeout": str(timedelta(seconds=self.options.timeout)),
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        }
        reach_this_machine_directly(environment)
        return environment

    def _watched(self, *arguments: str, plan: Plan) -> list[str]:
        command = [sys.executable, "-m", "devkit.chaos.watched", "--journal", str(self.journal)]
        return [*command, "--hurry", str(self.options.hurry), *options_of(plan), *arguments]

    def _host_command(self) -> list[str]:
        host = ["--app", str(ROOT), "--port", str(self._host_port), "--data", str(self._folder / "host"),
                "--lease", str(self.options.lease), "--hurry", str(self.options.hurry), "--drain", "1"]  # fmt: skip
        return self._watched("--crash", CRASHES, "host", *host, plan=self.host_plan)

    def _keep_if_critical(self, line: str) -> None:
        """Keeps the host's own reason to end: its exit code is 0 for most of them."""
        found = HOST_LINE.match(line)
        if found and found["level"] == "CRITICAL":
            self._critical = found["text"]

    def _start_again(self, code: int) -> None:
        """Starts it again, as the platform would, whatever the code."""
        self.host_ends[self._critical or stack.meaning_of_host_exit(code)] += 1
        self._critical = ""
        if not self._stopping.is_set() and self._host:
            self._host.start()

    def control(self, method: str, path: str, **body: Any) -> Any:
        url = f"{self._standin_settings['DATAVERSE_URL']}/_standin/{path}"
        answer = self._web.request(method, url, json=body or None, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    # What happens to them

    def load(self) -> None:
        """Posts the leads and causes the faults, each at its share of the leads."""
        self._switch_on_faults()
        assert self._sweeps is not None  # noqa: S101 - started with the rest
        self._sweeps.start()
        self._wait_for_sweeps(1)
        leads = self.options.leads
        posting = threading.Thread(target=self.marketplace.post, args=(0, leads), kwargs={"pace": self.options.pace})
        posting.start()
        for share, event in self._programme():
            while posting.is_alive() and self.marketplace.posted < share * leads:
                posting.join(0.1)
            event()
        posting.join()
        self._encore()
        self._switch_off_faults()

    def _programme(self) -> list[tuple[float, Callable[[], None]]]:
        wanted = self.options.outages
        outages: dict[str, list[tuple[float, Callable[[], None]]]] = {
            "dynamics": [(0.15, self._dynamics_away)],
            "restart": [(0.35, self._restart_azurite), (0.85, self._restart_azurite)],
            "table": [(0.45, lambda: self._away("table", Mode.DOWN, self.options.outage))],
            "queue": [(0.60, lambda: self._away("queue", Mode.DOWN, self.options.outage))],
            "silent": [(0.75, lambda: self._away("table", Mode.SILENT, SILENT_SECONDS))],
        }
        rows = [(self.chance.random(), self._write_row) for _ in range(self.options.rows)]
        kills = [(self.chance.random(), self._kill) for _ in range(self.options.kills)]
        workers = [(self.chance.random(), self._kill_worker) for _ in range(self.options.worker_kills)]
        away = [event for name in wanted for event in outages[name]]
        return sorted([*away, *rows, *kills, *workers], key=lambda event: event[0])

    def _switch_on_faults(self) -> None:
        for number, name in enumerate(self.options.faults):
            seed = self.options.seed + 10 + number
            match = {"match": {"method": "POST"}} if DYNAMICS[name]["kind"] != "commit_then_drop" else {}
            self.control("POST", "faults", **DYNAMICS[name], **match, rate=self.options.rate, seed=seed)
        for proxy in self.proxies.values():
            proxy.before = proxy.after = self.options.storage_rate

    def _switch_off_faults(self) -> None:
        for fault in self.control("GET", "faults"):
            name = next((name for name, known in DYNAMICS.items() if known.items() <= fault.items()), fault["kind"])
            self.injected[f"Dynamics {name}"] += fault["fired"]
        self.control("DELETE", "faults")
        for proxy in self.proxies.values():
            proxy.before = proxy.after = 0.0

    def _dynamics_away(self) -> None:
        self.screen.note(f"Dynamics is away for {DYNAMICS_AWAY_SECONDS:.0f} s")
        fault = self.control("POST", "faults", kind="status", status=502)
        time.sleep(DYNAMICS_AWAY_SECONDS)
        (struck,) = (each for each in self.control("GET", "faults") if each["id"] == fault["id"])
        self.injected["Dynamics away (requests refused)"] += struck["fired"]
        self.control("DELETE", f"faults/{fault['id']}")

    def _away(self, service: str, mode: Mode, seconds: float) -> None:
        self.screen.note(f"the {service} service is {mode} for {seconds:.0f} s")
        self.proxies[service].mode = mode
        time.sleep(seconds)
        self.proxies[service].mode = Mode.THROUGH

    def _restart_azurite(self) -> None:
        self.screen.note("Azurite is restarted")
        self._azurite.stop()
        self._azurite.start()
        self.injected["Azurite restarted"] += 1

    def _kill(self) -> None:
        """Kills the host. `_start_again` follows, as after every end: a second one to start it would start two."""
        if self._host:
            self._host.strike()
            self.injected["host killed at a random moment"] += 1

    def _kill_worker(self) -> None:
        workers = [line["worker"] for line in read_journal(self.journal) if "worker" in line]
        with suppress(ProcessLookupError):  # it is between two workers
            os.kill(workers[-1], KILL)
            self.injected["worker killed at a random moment"] += 1

    def _write_row(self) -> None:
        """Writes a row as the marketplace does into its table destination."""
        with self._writing_rows:
            number = self.injected["rows of the marketplace"]
            customer = {"FirstName": "Row", "LastName": f"Number {number}", "Email": row_email(number), "Country": "US"}
            tables = TableServiceClient.from_connection_string(self.storage)
            with suppress(ResourceExistsError):  # an earlier try was counted as failed
                tables.create_table_if_not_exists("marketplaceleads").create_entity(
                    {
                        "PartitionKey": f"{datetime.now(UTC):%m-%d-%Y}",
                        "RowKey": f"row-{number:06}",  # the last of its partition, so that its queue.put comes last
                        "ProductId": "contoso.widget",
                        "CustomerInfo": json.dumps(customer),
                        "LeadSource": "AzureMarketplace",
                        "ActionCode": "INS",
                    }
                )
            self.injected["rows of the marketplace"] += 1

    def _bring_a_row(self) -> None:
        """Gives the next sweep a row to take in, while one of the deaths is to come that need one."""
        if any(window.flow == "arrivals" for window, _ in self.unreached()):
            with suppress(AzureError):  # Azurite is restarting
                self._write_row()

    def _encore(self) -> None:
        """Posts more leads while a crash window was not reached. Waits for two sweeps."""
        for number in range(ENCORES):
            self._wait_for_sweeps(2 if number == 0 else 6)
            missing = self.unreached()
            if not missing:
                return
            self.screen.note(f"{len(missing)} deaths in crash windows to come: {ENCORE_LEADS} more leads")
            first = self.options.leads + number * ENCORE_LEADS
            posting = threading.Thread(
                target=self.marketplace.post, args=(first, first + ENCORE_LEADS), kwargs={"pace": 3.0}
            )
            posting.start()
            self._away("table", Mode.DOWN, 4.0)
            self._dynamics_away()
            posting.join()

    def _give_up(self) -> None:
        """Puts an open lead's message on the poison queue, as the host does after five crashes."""
        if not any(window.flow == "poison_queue" for window, _ in self.unreached()):
            return
        try:
            storage = connect(StorageByKey(connection_string=self.storage), retries=1)
            waiting = next((record for record in self.records() if record.state in QUEUED), None)
            record = waiting and AzureLedger(storage).read(waiting.lead_id)
            if record is None:
                return
            envelope = Envelope.of(record)
            queue = storage.queues.get_queue_client(POISON_QUEUE)
            with suppress(ResourceExistsError):
                queue.create_queue()
            queue.send_message(base64.b64encode(envelope.to_text().encode()).decode())
            self.injected["messages that the host was made to give up"] += 1
        except (LeadpipeError, AzureError):
            return  # Azurite is restarting

    def _wait_for_sweeps(self, count: int) -> None:
        enough = self.injected["sweeps"] + count
        while self.unreached() and self.injected["sweeps"] < enough:
            self._stopping.wait(0.5)

    def unreached(self) -> list[Planned]:
        dead = self.deaths()
        return [planned for planned in (*self.host_plan, *self.sweep_plan) if not dead[planned]]

    # The sweep, by a clock that runs ahead

    def _sweep_until_stopped(self) -> None:
        """Sweeps alternately by the real clock and by one ahead: it takes in rows from the first sweep's time on."""
        while not self._stopping.is_set():
            self._give_up()
            self._bring_a_row()
            self._sweep(timedelta(0))
            self._stopping.wait(SWEEP_EVERY)
            self._bring_a_row()
            self._sweep(self._ahead)
            self._ahead += FURTHER
            self._stopping.wait(SWEEP_EVERY)

    def _sweep(self, clock: timedelta) -> None:
        ahead = str(clock.total_seconds())
        with stack.log(self._folder, "sweeps").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                self._watched("--ahead", ahead, "sweep", plan=self.sweep_plan),
                cwd=ROOT, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        until, news = time.monotonic() + SLOWEST_SWEEP, News(self.journal)
        while process.poll() is None:
            if end_what_hangs(news, process.pid):
                process.kill()
            if time.monotonic() > until:
                process.kill()
                raise TimeoutError(f"a sweep took longer than {SLOWEST_SWEEP:.0f} s")
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        self.injected["sweeps"] += 1

    # What became of it

    def come_to_rest(self, until: float) -> bool:
        """Waits until no lead is open or poisoned; False if that time (time.monotonic) comes first.

        Messages that are then still hidden are late copies of settled leads; it waits for them for a while.
        """
        told = ""
        while time.monotonic() < until:
            left = self.left()
            words = ", ".join(f"{count} {what}" for what, count in left.items()) or "done"
            if words != told:
                self.screen.note(f"coming to rest: {words}")
                told = words
            if not left:
                return True
            if left.keys() == {LATE_COPIES}:
                until = min(until, time.monotonic() + LATE_COPIES_SECONDS)
            self._stopping.wait(1.0)
        return self.left().keys() <= {LATE_COPIES}

    def left(self) -> dict[str, int]:
        """Describes what is not settled yet; empty at rest."""
        storage = connect(StorageByKey(connection_string=self.storage), retries=1)
        try:
            still_open = sum(record.state in OPEN for record in self.records())
            queued, given_up = AzureLeadQueue(storage.queues).depth(), AzurePoisonQueue(storage.queues).depth()
        except (LeadpipeError, AzureError):
            return {"storage that does not answer": 1}
        found = {"leads open": still_open, LATE_COPIES: queued, "messages given up": given_up}
        return {what: count for what, count in found.items() if count}

    def records(self) -> list[Record]:
        ledger = AzureLedger(connect(StorageByKey(connection_string=self.storage), retries=1))
        today = datetime.now(UTC).date()
        return [*ledger.between(today - timedelta(days=1), today + timedelta(days=1))]

    def deaths(self) -> Counter[Planned]:
        return deaths(self.journal)

    def in_dynamics(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "leads")
        return found

    def notes(self) -> Counter[str]:
        """How many notes are on the leads of each address."""
        emails = {lead["leadid"]: str(lead.get("emailaddress1")) for lead in self.in_dynamics()}
        return Counter(emails.get(note["lead"], "nobody's lead") for note in self.control("GET", "notes"))

    def balance(self) -> tuple[int, str]:
        """Runs `leadpipe balance`, and gives its exit code and output.

        A last sweep by the real clock comes before it: those that were ahead left marks of days to come.
        """
        self._stopping.set()
        if self._sweeps:
            self._sweeps.join(SLOWEST_SWEEP)
        self._sweep(timedelta(0))
        command = [sys.executable, "-m", "leadpipe", "--settings", str(self.settings_file), "balance"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AzureWebJobs")}
        reach_this_machine_directly(environment)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
                              timeout=300)  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def _drawn(self, windows: list[Window], by: Sequence[str], most: int = 6) -> Plan:
        """Draws on which pass of each window each death comes."""
        often = {"intake", "delivery"}
        seldom = {"dynamics.note", "fallback.keep", "ledger.insert", "queue.put"}
        return {
            (window, Death(death)): self.chance.randint(1, most)
            if window.flow in often and not {window.after, window.before} & seldom
            else 1
            for window in windows
            for death in by
        }


def row_email(number: int) -> str:
    return f"row{number}@chaos.example"
