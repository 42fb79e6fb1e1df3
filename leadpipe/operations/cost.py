"""Counts the storage requests that leadpipe causes, and prices them. docs/cost.md explains the numbers.

`python -m bench` measures the counts and fails when one is exceeded. The prices are a table that anyone may change.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Service(StrEnum):
    QUEUE = "queue"
    TABLE = "table"


# US dollars for 10,000 requests: list prices of locally redundant general-purpose v2 storage. Change them to yours.
PRICES = {Service.QUEUE: 0.004, Service.TABLE: 0.00036}
# The requests for one lead, from POST to written: those of leadpipe, and those of the functions host.
OF_THE_APP = {
    "insert": Service.TABLE,
    "put": Service.QUEUE,
    "read": Service.TABLE,
    "claim": Service.TABLE,
    "merge": Service.TABLE,
}
OF_THE_HOST = {"receive": Service.QUEUE, "delete": Service.QUEUE}
OF_A_LEAD = Counter([*OF_THE_APP.values(), *OF_THE_HOST.values()])
# Each further try does all of it again but the insert. This is an estimate: how a try fails makes a small difference.
OF_A_FURTHER_TRY = OF_A_LEAD - Counter([Service.TABLE])
# The insert into the ledger is all that a refused post costs.
OF_A_REJECTED_POST = Counter([Service.TABLE])
# An idle sweep makes at most so many, on average; they are priced as queue requests, which cost more.
SWEEP_A_MINUTE = 8
# How often the host looks at an idle queue: `maxPollingInterval` of host.json. Each instance that runs `deliver` does.
POLLS_A_SECOND = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Storage requests and what they cost in US dollars. `standing`: what they cost if no lead comes."""

    of_leads: int
    of_sweeps: int
    of_polls: int
    leads: float
    standing: float

    @property
    def total(self) -> float:
        return self.leads + self.standing


def storage_cost(*, leads: int, further_tries: int, rejected: int, span: timedelta) -> Cost:
    """The cost of so many leads and refused posts, and of one instance that runs for that span."""
    requests = Counter[Service]()
    for each, times in ((OF_A_LEAD, leads), (OF_A_FURTHER_TRY, further_tries), (OF_A_REJECTED_POST, rejected)):
        requests.update({service: count * times for service, count in each.items()})
    sweeps = round(SWEEP_A_MINUTE * span / timedelta(minutes=1))
    polls = round(POLLS_A_SECOND * span / timedelta(seconds=1))
    return Cost(
        of_leads=requests.total(),
        of_sweeps=sweeps,
        of_polls=polls,
        leads=_price(requests),
        standing=_price({Service.QUEUE: sweeps + polls}),
    )


def _price(requests: dict[Service, int] | Counter[Service]) -> float:
    return sum(count * PRICES[service] / 10_000 for service, count in requests.items())
