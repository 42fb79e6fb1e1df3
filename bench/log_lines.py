"""Counts the lines of the log: what is written is sent to Application Insights, and paid by its size.

The app runs twice beside itself, so that one wait for the sweep's minute serves both: with the levels that host.json
ships, and with all of the host's lines. Azure's own host writes one more line for each queue message, and requests.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from bench.app import App, Client, running, until
from bench.report import Row
from bench.stage import Account, Stage
from leadpipe.model.settings import Settings
from leadpipe.operations.cost import HOST_LINES_OF_A_RUN, LINES_OF_A_LEAD, LINES_OF_A_QUIET_HOUR
from leadpipe.sweep import sweep
from leadpipe.wiring import Wiring, now

ALL_LINES = {"AzureFunctionsJobHost__logging__logLevel__Function.sweep": "Information"}
DELIVERED = ("Function.deliver", "Executed")
MINUTE = timedelta(minutes=1)
_LINE = re.compile(r"^\[[^\]]+\] \w+ ([\w.]+): (\w+)", re.MULTILINE)
# The sweep begins with the minute, and the first one connects to everything.
_PATIENCE_SECONDS = 90.0


class Log:
    """What an app writes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> Counter[tuple[str, str]]:
        """How many lines there are of each category and first word."""
        return Counter(_LINE.findall(self.path.read_text(encoding="utf-8")))

    def has_a_pulse(self) -> bool:
        return any(word == "pipeline_state" for _, word in self.lines())


def measure(stage: Stage, *, leads: int, sweeps: bool) -> Iterator[Row]:
    """`sweeps`: whether to wait for one under the host."""
    shipped, everything = (Log(stage.folder / f"lines-{name}.log") for name in ("shipped", "everything"))
    with ExitStack() as apps:
        account = stage.fresh_account()
        client = Client(apps.enter_context(running(App.OURS, stage, account.connection_string, log=shipped.path)))
        if sweeps:
            other = stage.fresh_account().connection_string
            apps.enter_context(running(App.OURS, stage, other, settings=ALL_LINES, log=everything.path))
        for_leads = _of_leads(client, account, shipped, leads)
        for log in (shipped, everything) if sweeps else ():
            until(log.has_a_pulse, "a sweep has written pipeline_state", seconds=_PATIENCE_SECONDS)
    yield _row("log lines of leadpipe for one lead", _of_user(for_leads), LINES_OF_A_LEAD, leads)
    yield _row("log lines of the host for one lead", _of_host(for_leads), 2 * HOST_LINES_OF_A_RUN, leads)
    if sweeps:
        thin, full = (_of_sweeps(log.lines()) for log in (shipped, everything))
        yield _row("log lines of leadpipe for the first sweep", _of_user(thin), 1)
        yield _row("log lines of the host for one sweep", _of_host(thin), 0)
        yield _row("the same with all of the host's lines", _of_host(full), HOST_LINES_OF_A_RUN)
    yield _row("log lines of leadpipe in an hour of idle sweeps", _of_an_hour(stage), LINES_OF_A_QUIET_HOUR)


def _of_leads(client: Client, account: Account, log: Log, leads: int) -> Counter[tuple[str, str]]:
    """The lines of so many leads, after a first one that connects and signs in."""
    before: Counter[tuple[str, str]] = Counter()
    for number in range(1 + leads):
        lead_id = client.post_lead()
        until(lambda lead_id=lead_id: account.is_written(lead_id), "the lead is written")  # type: ignore[misc]
        until(lambda number=number: log.lines()[DELIVERED] > number, "its delivery has ended")  # type: ignore[misc]
        before = before or log.lines()
    return _only(log.lines() - before, lambda category: category.startswith(("Function.leads", "Function.deliver")))


def _of_sweeps(lines: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return _only(lines, lambda category: category.startswith("Function.sweep"))


def _of_an_hour(stage: Stage) -> Counter[tuple[str, str]]:
    """What sixty sweeps write, on a clock that the measurement moves."""
    settings = Settings.from_environment(
        {**stage.dynamics.settings, "AzureWebJobsStorage": stage.fresh_account().connection_string}
    )
    ports, start, recorder = Wiring(settings).delivery(), now(), _Recorder()
    log = logging.getLogger("leadpipe")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(recorder)
    try:
        for minute in range(60):
            at = start + minute * MINUTE
            sweep(now=lambda at=at: at, chance=0.5, ports=ports, settings=settings)  # type: ignore[misc]
    finally:
        log.removeHandler(recorder)
        log.setLevel(level)
    return recorder.lines


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: Counter[tuple[str, str]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines["Function.sweep.User", record.getMessage().split()[0]] += 1


def _only(lines: Counter[tuple[str, str]], wanted: Callable[[str], bool]) -> Counter[tuple[str, str]]:
    return Counter({key: count for key, count in lines.items() if wanted(key[0])})


def _of_user(lines: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return _only(lines, lambda category: category.endswith(".User"))


def _of_host(lines: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return _only(lines, lambda category: not category.endswith(".User"))


def _row(name: str, lines: Counter[tuple[str, str]], expected: float, of: int = 1) -> Row:
    value = lines.total() / of
    return Row(
        name=name,
        value=value,
        unit="lines",
        ours=", ".join(f"{count / of:g} {word}" for (_, word), count in lines.items()),
        target=f"{expected:g}",
        reached=value == expected,
    )
