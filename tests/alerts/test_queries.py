"""What can be said of each query without running it: grammar, names, Azure's rules for alerts, and docs/logs.md."""

import json
import re
from collections.abc import Iterable
from datetime import timedelta

import pytest

from devkit.kusto import faults_of
from leadpipe.model import attention
from tests.alerts.workspace import LATE, ROOT, SCHEMA, SPANS, rules, workbook_queries

LOGS = (ROOT / "docs" / "logs.md").read_text(encoding="utf-8")
ALERTS = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
QUERIES = {**{name: rule.query for name, rule in rules().items()}, **workbook_queries()}
EXAMPLE = (
    "AppTraces | where Message startswith 'lead_settled ' | extend reason = extract(@'\\breason=(\\S+)', 1, Message)"
)
# Attention that no line `attention` reports, and the rule that looks at something else for it; see each rule's query.
OTHERWISE = {
    "silent": "silent",
    "wrong_key": "wrong_keys",
    "credential": "credential",
    "sweep_stands_still": "no_pulse",
}


def events_and_fields() -> dict[str, set[str]]:
    """Of docs/logs.md: each event, and the fields of its lines."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| .+ \| (.+) \|$", LOGS, re.MULTILINE)
    found = {event: set(" ".join(re.findall(r"`([^`]+)`", fields)).split()) for event, fields in rows}
    section = LOGS.partition("## `pipeline_state`")[2].partition("\n## ")[0]
    gauges = [names.partition(":")[0] for names in re.findall(r"^- (.+)$", section, re.MULTILINE)]
    return {**found, "pipeline_state": set(re.findall(r"`(\w+)`", " ".join(gauges)))}


def events_in(query: str) -> set[str]:
    """The first words that the query looks for, and those that it compares `event` with."""
    compared = " ".join(re.findall(r"event (?:in \([^)]*\)|[=!]= '\w+')", query))
    return {*re.findall(r"startswith '(\w+) '", query), *re.findall(r"'(\w+)'", compared)}


def fields_in(query: str) -> set[str]:
    return set(re.findall(r"\\b(\w+)=\(", query))


def unknown_in(query: str) -> set[str]:
    """What the query looks for that no line has."""
    known = events_and_fields()
    events = events_in(query)
    there = set().union(*(known.get(event, set()) for event in events))
    return (events - known.keys()) | (fields_in(query) - there)


PLANTED = {
    "a reserved word": (EXAMPLE.replace("extend reason", "extend kind"), "KS228"),
    "no such column": (EXAMPLE.replace("where Message", "where Mesage"), "KS142"),
    "no such table": (EXAMPLE.replace("AppTraces", "AppTrace"), "KS204"),
    "no such function": (EXAMPLE.replace("extract(", "extrct("), "KS211"),
    "a text as a number": (EXAMPLE + " | where SeverityLevel startswith 'a'", "KS106"),
    "a parenthesis": (EXAMPLE.removesuffix(")"), "KS005"),
}


@pytest.fixture(scope="module")
def faults() -> dict[str, list[str]]:
    """The faults of all queries, ours and the planted, from one start of the parser."""
    asked = {**QUERIES, "the example": EXAMPLE, **{what: query for what, (query, _) in PLANTED.items()}}
    return {name: [fault.code for fault in found] for name, found in faults_of(asked, SCHEMA).items()}


def test_microsofts_own_parser_finds_no_fault_in_any_query(faults: dict[str, list[str]]) -> None:
    assert {name: faults[name] for name in [*QUERIES, "the example"] if faults[name]} == {}


@pytest.mark.parametrize("what", PLANTED)
def test_the_parser_finds_a_planted_mistake(what: str, faults: dict[str, list[str]]) -> None:
    assert PLANTED[what][1] in faults[what]


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_query_names_events_and_fields_of_the_log_only(name: str) -> None:
    assert unknown_in(QUERIES[name]) == set()


def test_planted_names_that_the_log_does_not_have_are_found() -> None:
    assert unknown_in(EXAMPLE) == set()
    assert unknown_in(EXAMPLE.replace("lead_settled", "lead_setled")) == {"lead_setled", "reason"}
    assert unknown_in(EXAMPLE.replace("reason=(", "cause=(")) == {"cause"}
    compared = rules()["lost"].query
    assert unknown_in(compared.replace("'post_crashed')", "'post_chrashed')")) == {"post_chrashed"}
    assert unknown_in(compared.replace("== 'lead_accepted'", "== 'lead_kept'")) == {"lead_kept"}


def test_each_rule_reads_lines_or_the_hosts_requests() -> None:
    assert {name for name, rule in rules().items() if not events_in(rule.query)} == {"refused"}


def test_every_attention_has_exactly_one_rule() -> None:
    section = ALERTS.partition("## Each attention")[2].partition("\n## ")[0]
    reasons = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    lists = {name: re.findall(r"reason in \(([^)]+)\)", rule.query) for name, rule in rules().items()}
    found = [reason for names in lists.values() for each in names for reason in re.findall(r"'(\w+)'", each)]
    assert sorted([*found, *OTHERWISE]) == sorted(reasons)
    assert set(OTHERWISE.values()) <= rules().keys()


def test_the_reasons_of_attention_are_those_of_the_code() -> None:
    source = (ROOT / "leadpipe" / "model" / "attention.py").read_text(encoding="utf-8")
    canary = (ROOT / "leadpipe" / "model" / "canary.py").read_text(encoding="utf-8")
    in_code = set(re.findall(r'reason="(\w+)"', source + canary)) | {"poisoned", "incomplete", "blocked"}
    section = ALERTS.partition("## Each attention")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == in_code
    assert rules()["no_pulse"].window > attention.SWEEP_STANDS_STILL


# What Azure asks of an alert's query and times


def forbidden_in(query: str) -> set[str]:
    """What a log alert may not have, https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-create-log-alert-rule."""
    words = set(re.findall(r"\b(bag_unpack|pivot|narrow|search|union|take|limit)\b", query))
    return words | {found for found in re.findall(r"ago\(([^)]*)\)", query) if not re.fullmatch(r"\d+[smhd]", found)}


@pytest.mark.parametrize("name", sorted(rules()))
def test_a_rule_keeps_to_what_azure_allows(name: str) -> None:
    rule = rules()[name]
    assert forbidden_in(rule.query) == set()
    assert rule.every <= rule.window <= SPANS["P2D"]
    assert rule.severity in range(5)


def test_what_azure_does_not_allow_is_found() -> None:
    assert forbidden_in("T | evaluate bag_unpack(x) | where t > ago(span)") == {"bag_unpack", "span"}


@pytest.mark.parametrize("name", sorted(rules()))
def test_a_line_that_arrives_late_is_still_in_a_window(name: str) -> None:
    rule = rules()[name]
    assert rule.window - rule.every >= 2 * LATE


def test_a_beat_that_is_late_and_one_that_is_missing_are_no_silence() -> None:
    assert rules()["no_pulse"].window > 2 * timedelta(minutes=6) + LATE


def test_all_rules_have_the_same_settings_and_a_name_of_their_own() -> None:
    found = json.loads((ROOT / "infra" / "alerts.json").read_text(encoding="utf-8"))["rules"]
    assert len({each["name"] for each in found}) == len({each["displayName"] for each in found}) == len(found)
    assert shapes(found) == {("Count", "GreaterThan", 0, True, 1, 1)}
    assert all(re.fullmatch(r"[a-z_]{3,20}", each["name"]) and each["description"] for each in found)


def shapes(found: Iterable[dict[str, object]]) -> set[tuple[object, ...]]:
    kept = ("timeAggregation", "operator", "threshold", "autoMitigate", "evaluationPeriods", "failingPeriods")
    return {tuple(each[key] for key in kept) for each in found}


def test_the_document_has_each_rule_as_it_is() -> None:
    section = ALERTS.partition("## Alerts in Azure")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\d) \| (\w+ \w+) \| (\w+ \w+) \|", section, re.MULTILINE)
    assert rows == [
        (rule.name, str(rule.severity), worded(rule.every), worded(rule.window)) for rule in rules().values()
    ]


def worded(span: timedelta) -> str:
    minutes = round(span / timedelta(minutes=1))
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            return f"{minutes // size} {unit}{'s' * (minutes > size)}"
    raise AssertionError(span)


@pytest.mark.parametrize("event", ["attention", "credential_ends"])
def test_what_is_written_once_a_day_is_looked_for_in_two_days(event: str) -> None:
    """In a window of one day the alert would end and begin again, whenever a line came minutes later than before."""
    looking = [rule for rule in rules().values() if f"startswith '{event} '" in rule.query]

    assert looking
    assert {rule.window for rule in looking} == {timedelta(days=2)}
