"""One of the two stores is down for a while, with the other up: every 202 is written in the end, none poisoned.

The outage lasts until every lead has met it, not five minutes; `make chaos` has those as an option.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
import requests

from devkit.chaos.proxy import Mode, Proxy
from devkit.launcher.ports import any_free
from leadpipe.model.record import State
from tests.factories import payload
from tests.faults.rig import Host, Rig
from tests.host_process import until

LEADS = 6
# The host's six tries take 25 s.
SIX_TRIES_IN_HALF_A_SECOND = 50


@pytest.fixture
def proxy_of(rig: Rig) -> Iterator[Callable[[str], Proxy]]:
    started: list[Proxy] = []

    def proxy_of(service: str, port: int = 0) -> Proxy:
        chance = random.Random(1)  # noqa: S311 - repeatable, no secret
        started.append(Proxy(service, int(rig.address(service).rpartition(":")[2]), chance, port=port))
        started[-1].start()
        return started[-1]

    yield proxy_of
    for proxy in started:
        proxy.stop()


def through(rig: Rig, service: str, proxy: Proxy) -> dict[str, str]:
    """The settings of a host that reaches that service by the proxy."""
    return {"AzureWebJobsStorage": rig.account.replace(rig.address(service), f"http://127.0.0.1:{proxy.port}")}


def posted(url: str, numbers: range) -> list[str]:
    def post(number: int) -> str:
        answer = requests.post(f"{url}/api/leads", data=payload(FirstName=f"number {number}"), timeout=20)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["lead_id"])

    with ThreadPoolExecutor(6) as clients:
        return list(clients.map(post, numbers))


def all_are_written_once(rig: Rig, lead_ids: list[str]) -> None:
    assert {record.lead_id: record.state for record in rig.records()} == dict.fromkeys(lead_ids, State.WRITTEN)
    assert sorted(rig.in_dynamics()) == sorted(lead_ids)


@pytest.mark.parametrize("mode", [Mode.DOWN, Mode.SILENT])
def test_with_the_tables_away_and_the_queue_up_every_202_is_written(
    rig: Rig, proxy_of: Callable[[str], Proxy], mode: Mode
) -> None:
    tables = proxy_of("Table")
    tables.mode = mode
    host = rig.host(**through(rig, "Table", tables))
    lead_ids = posted(host.url, range(LEADS))
    until(lambda: rig.chains("delivery").count(["queue.put", "message.delete"]) >= LEADS, "a try at every lead")
    tables.mode = Mode.THROUGH
    rig.heal()
    all_are_written_once(rig, lead_ids)


def test_with_the_queue_away_and_the_tables_up_every_202_is_written(rig: Rig, proxy_of: Callable[[str], Proxy]) -> None:
    queue = proxy_of("Queue")
    queue.mode = Mode.DOWN
    host = rig.host(**through(rig, "Queue", queue))
    lead_ids = posted(host.url, range(LEADS))
    queue.mode = Mode.THROUGH
    rig.heal()
    all_are_written_once(rig, lead_ids)


class Poster:
    """Posts leads all the time, each once, whatever comes back: as a marketplace that does not post again."""

    def __init__(self, url: str) -> None:
        self.kept: list[str] = []
        self.statuses: Counter[int] = Counter()
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._post, args=(number,)) for number in range(3)]
        for thread in self._threads:
            thread.start()

    def wait_for_more(self) -> None:
        wanted = len(self.kept) + 5
        until(lambda: len(self.kept) >= wanted, "posts that are kept")

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _post(self, who: int) -> None:
        for number in count():
            if self._stop.wait(0.02):
                return
            body = payload(FirstName=f"number {number}", LastName=f"of {who}")
            try:
                answer = requests.post(f"{self._url}/api/leads", data=body, timeout=20)
            except requests.RequestException:  # also an answer that breaks off after its first line
                self.statuses[0] += 1
                continue
            self.statuses[answer.status_code] += 1
            if answer.status_code == 202:
                self.kept.append(answer.json()["lead_id"])


class RestartedHost:
    """A host that is started again whenever it ends, whatever its exit code, as the platform does."""

    def __init__(self, start: Callable[[], Host]) -> None:
        self.codes: list[int] = []
        self._start = start
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def wait_for_ends(self, more: int) -> None:
        wanted = len(self.codes) + more
        until(lambda: len(self.codes) >= wanted, f"{more} more ends of the host")

    def stop(self) -> None:
        """Starts it no more; waits for none that runs."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            host = self._start()
            while not self._stop.is_set() and host.child.returncode is None:
                self._stop.wait(0.02)
            if host.child.returncode is not None:
                self.codes.append(host.child.returncode)


def test_storage_away_ends_the_host_again_and_again_and_no_202_is_without_its_lead(
    rig: Rig, proxy_of: Callable[..., Proxy]
) -> None:
    """First the queue refuses connections, so that a record alone is kept of a lead; then the tables do as well."""
    queue_port, host_port = any_free(), any_free()
    tables = proxy_of("Table")
    settings = through(rig, "Table", tables)
    settings = {
        name: text.replace(rig.address("Queue"), f"http://127.0.0.1:{queue_port}") for name, text in settings.items()
    }
    host = RestartedHost(lambda: rig.host(port=host_port, hurry=SIX_TRIES_IN_HALF_A_SECOND, **settings))
    poster = Poster(f"http://127.0.0.1:{host_port}")
    try:
        host.wait_for_ends(2)
        poster.wait_for_more()
        tables.stop()
        refused = poster.statuses[503]
        host.wait_for_ends(1)
        until(lambda: poster.statuses[503] > refused, "a post that is refused")
        proxy_of("Table", port=tables.port)
        proxy_of("Queue", port=queue_port)
        poster.wait_for_more()
    finally:
        poster.stop()
        host.stop()
    rig.heal()
    assert set(host.codes) == {0}
    assert poster.statuses[0] > 0
    assert poster.statuses.keys() <= {0, 202, 503}
    all_are_written_once(rig, [record.lead_id for record in rig.records()])
    assert set(poster.kept) <= set(rig.in_dynamics())


@pytest.mark.parametrize("service", ["Table", "Queue"])
def test_a_reply_that_is_lost_after_the_work_was_done_doubles_nothing(
    rig: Rig, proxy_of: Callable[[str], Proxy], service: str
) -> None:
    proxy = proxy_of(service)
    host = rig.host(**through(rig, service, proxy))
    first = posted(host.url, range(1))
    until(lambda: rig.in_dynamics() == first, "the first lead")
    proxy.after = 0.3
    kept = posted_until_kept(host.url, range(1, LEADS))
    rig.heal()
    proxy.after = 0.0
    rig.heal()
    in_dynamics = rig.in_dynamics()
    assert len(in_dynamics) == LEADS
    assert {rig.record(lead_id).state for lead_id in kept} <= {State.WRITTEN, State.DUPLICATE}
    assert proxy.injected[f"{service} 503 after"] > 0


def posted_until_kept(url: str, numbers: range) -> list[str]:
    """A 503, both stores having seemed to refuse, is posted again; what the first one left is then a duplicate."""
    kept = []
    for number in numbers:
        answer = until(lambda number=number: accepted(url, number), f"a 202 for number {number}")
        kept.append(answer.json()["lead_id"])
    return kept


def accepted(url: str, number: int) -> requests.Response | None:
    answer = requests.post(f"{url}/api/leads", data=payload(FirstName=f"number {number}"), timeout=20)
    return answer if answer.status_code == 202 else None
