"""The workbook's queries on the lines of one eventful day, and its parts as the portal wants them."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from leadpipe.model.errors import Refused, Transient
from tests.alerts import workspace
from tests.alerts.product import MINUTE, Product
from tests.factories import payload

WEEK = timedelta(days=7)
ITEMS = json.loads((workspace.ROOT / "infra" / "workbook.json").read_text(encoding="utf-8"))["items"]
CHARTS = {item["name"]: item["content"] for item in ITEMS if item["type"] == 3}


@pytest.fixture(scope="module")
def day() -> Iterator[Product]:
    """One lead is written, one waits and is written, one is poisoned, one waits; a post is no lead, one is not kept."""
    with pytest.MonkeyPatch.context() as patches, Product(patches) as product:
        world = product.world
        for mail, failing in (
            ("one", []),
            ("two", [Transient("dynamics_error", "503")]),
            ("three", [Refused("too_long", "subject")]),
            ("four", [Transient("dynamics_unreachable")] * 100),
        ):
            world.dynamics.failing = [*failing]
            product.post(payload(Email=f"{mail}@fabrikam.com").encode())
            product.goes_on_for(7 * MINUTE)
        product.post(b"[]")
        world.ledger.down = world.queue.down = True
        product.post()
        world.ledger.down = world.queue.down = False
        product.goes_on_for(5 * MINUTE)
        yield product


def rows(day: Product, name: str, **parameters: str) -> list[Any]:
    query = workspace.workbook_queries()[name]
    for parameter, value in parameters.items():
        query = query.replace(f"{{{parameter}}}", value)
    return workspace.of(day).run(query, WEEK)


def totals(found: list[Any], name: int, number: int) -> dict[str, int]:
    """Adds up what is drawn in bins, whose limits fall where the real clock has them."""
    added = Counter[str]()
    for row in found:
        added[row[name]] += row[number]
    return dict(added)


def test_the_newest_counts_are_shown(day: Product) -> None:
    ((_, *counts),) = rows(day, "now")
    names = re.findall(r"(\w+)(?: = [^,]+)?(?:,|$)", workspace.workbook_queries()["now"].rpartition("project ")[2])
    assert dict(zip(names[1:], counts, strict=True)) == {
        "open": 1,
        "oldest_open_minutes": 10,
        "resting": 0,
        "poisoned": 1,
        "rejected_today": 1,
        "wrong_keys": 0,
        "last_lead_hours": 0,
        "accepted_24h": 1,
        "written_24h": 1,
    }


def test_what_needs_a_person_is_listed_until_it_is_over(day: Product) -> None:
    assert [row[:3] for row in rows(day, "needed")] == [("poisoned", "too_long", 1)]


def test_outcomes_are_counted(day: Product) -> None:
    assert totals(rows(day, "outcomes"), 1, 2) == {"poisoned": 1, "written": 2}


def test_unsettled_leads_are_drawn_over_time(day: Product) -> None:
    drawn = rows(day, "unsettled")
    assert max(row[1] for row in drawn) == 1
    assert [row[3] for row in drawn][-1] == 1


def test_latency_is_drawn_where_it_was_measured(day: Product) -> None:
    assert {row[1:] for row in rows(day, "latency")} == {(60.0, 60.0)}  # deliveries are a minute apart here


def test_reasons_of_waiting_and_of_poison_are_counted_by_lead(day: Product) -> None:
    assert {row[0]: row[1] for row in rows(day, "deferred")} == {"dynamics_error": 1, "dynamics_unreachable": 1}
    assert [row[:2] for row in rows(day, "poison")] == [("too_long", 1)]


def test_posts_that_were_refused_or_not_kept_are_listed(day: Product) -> None:
    assert sorted(row[:3] for row in rows(day, "refused")) == [
        ("post_not_kept", "storage_unavailable", 1),
        ("post_refused", "not_an_object", 1),
    ]


def test_the_endpoints_answers_are_counted(day: Product) -> None:
    assert totals(rows(day, "answers"), 1, 2) == {"202": 4, "400": 1, "503": 1}


def test_a_leads_lines_are_found_by_its_id(day: Product) -> None:
    lead_id = next(line.text.partition("lead_id=")[2] for line in day.lines if line.event == "lead_accepted")
    events = [row[1].split()[0] for row in rows(day, "lead", LeadId=lead_id)]
    assert events == ["lead_accepted", "lead_settled"]
    assert rows(day, "lead", LeadId="") == []


def test_the_volume_of_the_lines_is_shown_by_function(day: Product) -> None:
    found = rows(day, "volume")
    assert {row[1] for row in found} == {f"Function.{name}.User" for name in ("leads", "deliver", "sweep")}
    assert sum(row[2] for row in found) == len(day.lines)


# The parts


def test_every_query_has_a_test_here() -> None:
    source = (workspace.ROOT / "tests" / "alerts" / "test_workbook.py").read_text(encoding="utf-8")
    assert {name for name in CHARTS if f'"{name}"' not in source} == set()


def test_each_part_is_as_the_portal_reads_it() -> None:
    assert len({item["name"] for item in ITEMS}) == len(ITEMS)
    for content in CHARTS.values():
        assert (content["version"], content["queryType"]) == ("KqlItem/1.0", 0)
        assert content["resourceType"] == "microsoft.operationalinsights/workspaces"
        assert content["visualization"] in {"table", "timechart", "barchart"}
        assert content["timeContextFromParameter"] == "TimeRange"


def test_every_parameter_that_a_query_uses_is_asked_for() -> None:
    asked = {each["name"] for item in ITEMS if item["type"] == 9 for each in item["content"]["parameters"]}
    used = {name for content in CHARTS.values() for name in re.findall(r"\{(\w+)\}", content["query"])}
    assert used | {"TimeRange"} == asked


def test_the_document_has_the_title_of_each_part() -> None:
    page = (workspace.ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    sketch = page.partition("### The workbook")[2]
    assert [content["title"] for content in CHARTS.values() if content["title"] not in sketch] == []
