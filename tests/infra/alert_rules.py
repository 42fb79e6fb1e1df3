"""Checks the rules of alerts.json: that each has what the template reads, in words that Azure knows."""

import json
from collections.abc import Container, Iterator

from tests.infra.bicep import Bicep

# https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule
_PERIODS = frozenset(
    {"PT1M", "PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H", "PT2H", "PT3H", "PT4H", "PT5H", "PT6H"}
)
_LONG_PERIODS = frozenset({"P1D", "PT24H", "P2D", "PT48H"})
_RULE: dict[str, Container[object]] = {
    "severity": range(5),
    "evaluationFrequency": _PERIODS | _LONG_PERIODS,
    "windowSize": _PERIODS | _LONG_PERIODS,
    "operator": {"Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"},
    "timeAggregation": {"Count", "Average", "Maximum", "Minimum", "Total"},
    "autoMitigate": {True, False},
}


def alert_faults(template: Bicep, text: str) -> Iterator[str]:
    try:
        rules = json.loads(text)["rules"]
    except (ValueError, KeyError):
        yield "has no list of rules"
        return
    read = {path[1] for path in template.members if path[0] == "rule"}
    names = [rule.get("name") for rule in rules]
    if len({*names}) < len(names) or not rules:
        yield "needs rules, each with a name of its own"
    for rule in rules:
        yield from (f"{rule.get('name')}: {key} is missing" for key in sorted(read - rule.keys()))
        yield from (f"{rule.get('name')}: {key} is used by no template" for key in sorted(rule.keys() - read))
        for key, allowed in _RULE.items():
            if key in rule and rule[key] not in allowed:
                yield f"{rule.get('name')}: {key} is {rule[key]!r}"
