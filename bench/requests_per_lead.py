"""Counts the requests that one lead costs, from POST to written.

The app and its host reach storage through counting proxies; the measurement itself does not. Polls of the empty queue
are recognised by their answers and not counted; the sweep is switched off.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any

from bench.app import NO_SWEEP, App, BenchError, Client, running, until
from bench.counting_proxy import IDLE_POLL, Counts, counting
from bench.pairs import repeated
from bench.report import Row
from bench.stage import Account, Stage
from leadpipe.operations.cost import OF_THE_APP, OF_THE_HOST


def measure(stage: Stage, *, leads: int, say: Callable[[str], None]) -> Iterator[Row]:
    storage, dataverse = repeated(lambda: _counted(stage, leads), say)
    yield _row("storage requests of the app for one lead", storage, of_the_host=False, expected=OF_THE_APP)
    yield _row("storage requests of the host for one lead", storage, of_the_host=True, expected=OF_THE_HOST)
    yield Row(
        name="Dataverse requests for one lead",
        value=dataverse["data"],
        unit="requests",
        ours=_told(Counter({f"{each['method']} {each['path']}": each["count"] for each in dataverse["counts"]})),
        target="1",
        reached=(dataverse["data"], dataverse["sign_in"]) == (1, 0),
    )


def _counted(stage: Stage, leads: int) -> tuple[Counter[str], dict[str, Any]]:
    """Gives the counts of one lead. All leads must cost the same, after a first one that connects and signs in."""
    account, counts = stage.fresh_account(), Counts()
    with (
        counting(stage.azurite.url("queue"), counts) as queue,
        counting(stage.azurite.url("table"), counts) as table,
    ):
        through = account.connection_string.replace(stage.azurite.url("queue"), queue)
        through = through.replace(stage.azurite.url("table"), table)
        with running(App.OURS, stage, through, settings=NO_SWEEP) as url:
            client = Client(url)
            _deliver(client, account)
            seen = []
            for _ in range(leads):
                counts.taken()
                stage.dynamics.forget()
                _deliver(client, account)
                storage = counts.taken()
                del storage[IDLE_POLL]
                seen.append((storage, stage.dynamics.control("GET", "requests")))
    if any(each != seen[0] for each in seen):
        raise BenchError(f"not every lead cost the same: {seen}")
    return seen[0]


def _deliver(client: Client, account: Account) -> None:
    lead_id = client.post_lead()
    until(lambda: account.is_written(lead_id), "the lead is written")
    until(lambda: not account.waiting(), "its message is deleted")


def _row(name: str, counts: Counter[str], *, of_the_host: bool, expected: Collection[str]) -> Row:
    mine = Counter({kind: count for kind, count in counts.items() if (kind in OF_THE_HOST) is of_the_host})
    return Row(
        name=name,
        value=mine.total(),
        unit="requests",
        ours=_told(mine),
        target=str(len(expected)),
        reached=mine == Counter([*expected]),
    )


def _told(counts: Counter[str]) -> str:
    return ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in counts.items())
