"""docs/cost.md says what the counts and the prices in `leadpipe/operations/cost.py` make."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from leadpipe.operations.cost import (
    FREE,
    HOST_LINES_OF_A_RUN,
    LINES_OF_A_LEAD,
    LINES_OF_A_QUIET_HOUR,
    OTHER_PRICES,
    ROW_BYTES,
    What,
    always_ready,
    month_of,
    storage_cost,
)

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
RULES = json.loads((ROOT / "infra" / "alerts.json").read_text(encoding="utf-8"))["rules"]
MONTH = timedelta(days=30)
LEADS = (0, 1_000, 10_000)


def storage(leads: int) -> float:
    return storage_cost(leads=leads, further_tries=0, rejected=0, span=MONTH).total


def alerts() -> float:
    quick = sum(rule["evaluationFrequency"] == "PT5M" for rule in RULES)
    return quick * OTHER_PRICES[What.QUICK_RULE] + (len(RULES) - quick) * OTHER_PRICES[What.SLOW_RULE]


def total(leads: int, *, free: bool) -> float:
    month = month_of(leads=leads)
    return (
        storage(leads)
        + month.functions(free=free)
        + month.logs(free=free)
        + alerts()
        + metric_alert()
        + always_ready(MONTH)
    )


def metric_alert() -> float:
    return OTHER_PRICES[What.METRIC_ALERT]


def row(what: str, *amounts: float) -> str:
    return f"| {what} | " + " | ".join(f"${amount:.2f}" for amount in amounts) + " |"


def test_each_price_is_in_the_table() -> None:
    for what, price in OTHER_PRICES.items():
        free = f"{FREE[what]:,} " if what in FREE else ""
        shown = f"{price:.2f}" if price >= 0.01 else f"{price:.6f}"
        assert f"| {what} | ${shown} | {free}|" in PAGE, what


def test_the_month_is_what_counts_and_prices_make() -> None:
    assert row("storage", *map(storage, LEADS)) in PAGE
    for free, parts in ((True, "beyond the free parts"), (False, "without free parts")):
        months = [month_of(leads=leads) for leads in LEADS]
        assert row(f"Functions, {parts}", *(month.functions(free=free) for month in months)) in PAGE
        assert row(f"logs, {parts}", *(month.logs(free=free) for month in months)) in PAGE
        assert row(f"**all**, {parts}", *(total(leads, free=free) for leads in LEADS)) in PAGE
    assert row(f"{len(RULES)} alert rules", *([alerts()] * 3)) in PAGE
    assert row("1 metric alert", *([metric_alert()] * 3)) in PAGE
    assert row("1 always-ready instance for posts", *([always_ready(MONTH)] * 3)) in PAGE


def test_it_counts_what_the_template_makes() -> None:
    defaults = (ROOT / "infra" / "main.bicepparam").read_text(encoding="utf-8")
    alert = "resource refused 'Microsoft.Insights/metricAlerts"
    assert "param alwaysReadyHttp = 1\n" in defaults
    assert "param instanceMemoryMB = 512\n" in defaults
    assert "param availabilityTest = false\n" in defaults
    assert (ROOT / "infra" / "alerts.bicep").read_text(encoding="utf-8").count(alert) == 1


@pytest.mark.parametrize("leads", LEADS[1:])
def test_what_leads_and_sweeps_write_is_compared(leads: int) -> None:
    rows = month_of(leads=leads, sweeps=False).rows
    assert f"| {leads:,} leads | {rows:,} | {rows * ROW_BYTES / 1e6:.0f} MB |" in PAGE


def test_the_sweeps_share_before_and_after_is_said() -> None:
    after = month_of(leads=0).rows
    before = after + 30 * 24 * 60 * (HOST_LINES_OF_A_RUN + 7)
    assert f"| the sweep, as shipped | {after:,} | {after * ROW_BYTES / 1e6:.0f} MB |" in PAGE
    assert f"| the sweep, with all of the host's lines | {before:,} | {before * ROW_BYTES / 1e6:.0f} MB |" in PAGE


def test_the_counts_of_lines_are_said() -> None:
    assert f"{LINES_OF_A_LEAD} lines of leadpipe and {2 * HOST_LINES_OF_A_RUN} of the host" in PAGE
    assert f"{LINES_OF_A_QUIET_HOUR} lines an hour" in PAGE
