"""The workspace that the queries read: what tables it has, and the rules of infra/alerts.json run on lines."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb_kql

from tests.alerts.product import Line, Product, Request

ROOT = Path(__file__).parents[2]
# https://learn.microsoft.com/azure/azure-monitor/reference/tables/apptraces, and apprequests: the columns used here.
SCHEMA = {
    "AppTraces": "(TimeGenerated:datetime, Message:string, SeverityLevel:int, Properties:dynamic, OperationName:string,"
    " OperationId:string, AppRoleName:string, AppRoleInstance:string, ItemCount:int, _BilledSize:real)",
    "AppRequests": "(TimeGenerated:datetime, Name:string, Url:string, ResultCode:string, Success:bool, DurationMs:real,"
    " OperationName:string, OperationId:string, AppRoleName:string, AppRoleInstance:string, ItemCount:int)",
}
# When a line is in its table: https://learn.microsoft.com/azure/azure-monitor/logs/data-ingestion-time
LATE = timedelta(minutes=5)
# Azure named these when it was asked for another one: https://github.com/Azure/azure-rest-api-specs/issues/21258
SPANS = {
    **{f"PT{minutes}M": timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 45)},
    **{f"PT{hours}H": timedelta(hours=hours) for hours in (1, 2, 3, 4, 5, 6)},
    **{f"P{days}D": timedelta(days=days) for days in (1, 2)},
}
_TRACES = "TimeGenerated timestamp, Message varchar, SeverityLevel int, Properties json, OperationName varchar"
_REQUESTS = "TimeGenerated timestamp, Name varchar, Url varchar, ResultCode varchar, Success boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    name: str
    severity: int
    every: timedelta
    window: timedelta
    query: str


@cache
def rules() -> dict[str, Rule]:
    found = json.loads((ROOT / "infra" / "alerts.json").read_text(encoding="utf-8"))["rules"]
    return {
        each["name"]: Rule(
            name=each["name"],
            severity=each["severity"],
            every=SPANS[each["evaluationFrequency"]],
            window=SPANS[each["windowSize"]],
            query=each["query"],
        )
        for each in found
    }


@cache
def workbook_queries() -> dict[str, str]:
    items = json.loads((ROOT / "infra" / "workbook.json").read_text(encoding="utf-8"))["items"]
    return {item["name"]: item["content"]["query"] for item in items if item["type"] == 3}


@cache
def translated(query: str) -> str:
    """The query in DuckDB's SQL, whose `now` is that of the run."""
    return str(duckdb_kql.to_sql(query))


class Workspace:
    """Rows as they are in the workspace at one moment, which is the real clock's now: queries may say `ago(1h)`."""

    def __init__(self, lines: Sequence[Line], requests: Sequence[Request], at: datetime) -> None:
        self._now = datetime.now(UTC).replace(tzinfo=None)
        self._shift = self._now - at.replace(tzinfo=None)
        self._tables = duckdb_kql.connect()
        self._tables.execute(f"create table AllTraces({_TRACES}, _BilledSize double)")
        self._tables.execute(f"create table AllRequests({_REQUESTS})")
        there = at - LATE
        self._fill("AllTraces", [self._trace(line) for line in lines if line.at <= there])
        self._fill("AllRequests", [self._request(request) for request in requests if request.at <= there])

    def run(self, query: str, window: timedelta) -> list[Any]:
        """The rows that the query gives on what was written within the window."""
        for table in ("Traces", "Requests"):
            self._tables.execute(
                f"create or replace view App{table} as select * from All{table}"  # noqa: S608 - no one else's text
                f" where TimeGenerated > timestamp '{self._now - window}' and TimeGenerated <= timestamp '{self._now}'"
            )
        return self._tables.execute(translated(query)).fetchall()

    def firing(self) -> set[str]:
        """The names of the rules that have a row."""
        return {rule.name for rule in rules().values() if self.run(rule.query, rule.window)}

    def _trace(self, line: Line) -> tuple[object, ...]:
        category = json.dumps({"Category": f"Function.{line.function}.User"})
        return self._time(line.at), line.text, line.severity, category, line.function, float(len(line.text))

    def _request(self, request: Request) -> tuple[object, ...]:
        url = f"https://contoso.azurewebsites.net/api/{request.name}"
        return self._time(request.at), request.name, url, str(request.code), request.code < 400

    def _time(self, at: datetime) -> datetime:
        return at.replace(tzinfo=None) + self._shift

    def _fill(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        if columns:
            values = ", ".join("unnest(?)" for _ in columns)
            self._tables.execute(f"insert into {table} select {values}", columns)


def of(product: Product) -> Workspace:
    """The workspace when all that the product wrote until now has arrived."""
    return Workspace(product.lines, product.requests, product.world.at + LATE)
