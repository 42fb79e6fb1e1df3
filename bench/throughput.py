"""Measures leads per second through intake and delivery, of leadpipe and the bare app in alternation.

The machine's load may change during a pair, so the result is the median of the pairs' ratios.

One run: intake takes the posts of several clients while delivery is switched off; then a fresh process delivers them
all. Delivery is timed from the first written lead to the last, by storage's clock, so that neither the process's start
nor the measurement counts.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from bench.app import NO_DELIVERY, App, BenchError, Client, running, until
from bench.pairs import Pair, in_pairs
from bench.report import Row
from bench.stage import Account, Stage

AT_LEAST = 0.85
WARM_UP = 2  # posts of each client before the clock starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Rates in leads per second."""

    intake: float
    delivery: float


def measure(stage: Stage, *, pairs: int, leads: int, clients: int, say: Callable[[str], None]) -> Iterator[Row]:
    def rates(app: App) -> Rates:
        return rates_of(app, stage, leads=leads, clients=clients)

    runs = in_pairs(pairs, rates, tell=_told, say=say)
    yield _row("leads/s through intake", [Pair(ours=each.ours.intake, bare=each.bare.intake) for each in runs])
    yield _row("leads/s through delivery", [Pair(ours=each.ours.delivery, bare=each.bare.delivery) for each in runs])


def rates_of(app: App, stage: Stage, *, leads: int, clients: int) -> Rates:
    account = stage.fresh_account()
    stage.dynamics.forget()
    with running(app, stage, account.connection_string, settings=NO_DELIVERY) as url:
        seconds = _intake(url, leads=leads, clients=clients)
    posted = leads + clients * WARM_UP
    with running(app, stage, account.connection_string):
        until(lambda: not account.waiting(), "all leads are delivered", pause=0.2)
    return Rates(intake=leads / seconds, delivery=_delivery_rate(account, stage, posted))


def _intake(url: str, *, leads: int, clients: int) -> float:
    """Gives the seconds that the posts took."""
    connections = [Client(url) for _ in range(clients)]

    def post(client: Client, count: int) -> None:
        for _ in range(count):
            client.post_lead()

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(post, connections, [WARM_UP] * clients))
        shares = [leads // clients + (number < leads % clients) for number in range(clients)]
        started = time.monotonic()
        list(threads.map(post, connections, shares))
        return time.monotonic() - started


def _delivery_rate(account: Account, stage: Stage, posted: int) -> float:
    written = account.written_at()
    created = len(stage.dynamics.control("GET", "leads"))
    if not len(written) == created == posted:
        raise BenchError(f"{posted} leads were posted, {len(written)} are written, Dynamics has {created}")
    return (posted - 1) / (written[-1] - written[0])


def _row(name: str, runs: list[Pair[float]]) -> Row:
    ratio = median(each.ours / each.bare for each in runs)
    return Row(
        name=name,
        value=ratio,
        unit="x",
        ours=f"{median(each.ours for each in runs):.0f}/s",
        bare=f"{median(each.bare for each in runs):.0f}/s",
        target=f">= {AT_LEAST} x",
        reached=ratio >= AT_LEAST,
    )


def _told(rates: Rates) -> str:
    return f"{rates.intake:.0f}/s in and {rates.delivery:.0f}/s out"
