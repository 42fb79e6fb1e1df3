"""Counts what leadpipe causes, and prices it. docs/cost.md explains the numbers.

`python -m bench` measures the counts and fails when one is exceeded. The prices are two tables that anyone may change.
`leadpipe report` shows the storage requests of the leads that came; the month of docs/cost.md has everything else too.
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


class What(StrEnum):
    """What Azure prices beside storage."""

    GB_SECOND = "GB-second"
    MILLION_RUNS = "million runs"
    LOG_GIGABYTE = "gigabyte of logs"
    SLOW_RULE = "alert rule, every 15 minutes or less often"
    QUICK_RULE = "alert rule, every 5 minutes"
    METRIC_ALERT = "metric alert"
    ALWAYS_READY = "GB-second of an always-ready instance, idle"


# US dollars, list prices: Functions on Flex Consumption, Azure Monitor. A rule's and an alert's price is for a month.
OTHER_PRICES = {
    What.GB_SECOND: 0.000026,
    What.MILLION_RUNS: 0.40,
    What.LOG_GIGABYTE: 2.30,
    What.SLOW_RULE: 0.50,
    What.QUICK_RULE: 1.50,
    What.METRIC_ALERT: 0.10,
    What.ALWAYS_READY: 0.000004,
}
# What a subscription or, for logs, a billing account has free in each month.
FREE = {What.GB_SECOND: 100_000, What.MILLION_RUNS: 0.25, What.LOG_GIGABYTE: 5}

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

# A run is charged for at least a second; a lead takes two, intake and delivery.
RUNS_OF_A_LEAD = 2
RUN_SECONDS = 1
SMALLEST_INSTANCE_GB = 0.5
# leadpipe's own lines: `lead_accepted` and `lead_settled`; an idle hour has twelve of `pipeline_state`.
LINES_OF_A_LEAD = 2
LINES_OF_A_QUIET_HOUR = 12
# The host's: `Executing` and `Executed`, which host.json leaves out for the sweep.
HOST_LINES_OF_A_RUN = 2
# Not written by the devkit's host, but by Azure's: the details of a queue message, and a request for each run.
TRIGGER_LINES_OF_A_LEAD = 1
REQUESTS_OF_A_RUN = 1
# What a row of the workspace is charged for, about: its text, and the columns that say where it comes from.
ROW_BYTES = 1_000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What 30 days cause beside storage requests: so much of everything that is priced."""

    runs: int
    gb_seconds: float
    rows: int

    @property
    def gigabytes(self) -> float:
        return self.rows * ROW_BYTES / 1e9

    def functions(self, *, free: bool) -> float:
        return _beyond(What.GB_SECOND, self.gb_seconds, free=free) + _beyond(
            What.MILLION_RUNS, self.runs / 1e6, free=free
        )

    def logs(self, *, free: bool) -> float:
        return _beyond(What.LOG_GIGABYTE, self.gigabytes, free=free)


def always_ready(span: timedelta, *, gigabytes: float = SMALLEST_INSTANCE_GB) -> float:
    """What the instance costs that is kept awake for posts. While it works its price is higher, for seconds a lead."""
    return OTHER_PRICES[What.ALWAYS_READY] * gigabytes * span.total_seconds()


def month_of(*, leads: int, sweeps: bool = True, gigabytes: float = SMALLEST_INSTANCE_GB) -> Month:
    """Of so many leads, with or without the sweeps of the month, on instances with so much memory."""
    hours = 30 * 24 if sweeps else 0
    runs_of_leads, runs_of_sweeps = RUNS_OF_A_LEAD * leads, 60 * hours
    lines = (LINES_OF_A_LEAD + TRIGGER_LINES_OF_A_LEAD) * leads + HOST_LINES_OF_A_RUN * runs_of_leads
    runs = runs_of_leads + runs_of_sweeps
    return Month(
        runs=runs,
        gb_seconds=runs * RUN_SECONDS * gigabytes,
        rows=lines + LINES_OF_A_QUIET_HOUR * hours + REQUESTS_OF_A_RUN * runs,
    )


def _beyond(what: What, amount: float, *, free: bool) -> float:
    """The price of the amount, or of what is not free of it."""
    return max(0.0, amount - (FREE[what] if free else 0)) * OTHER_PRICES[what]


def _price(requests: dict[Service, int] | Counter[Service]) -> float:
    return sum(count * PRICES[service] / 10_000 for service, count in requests.items())
