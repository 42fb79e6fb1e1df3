"""Asks Microsoft's parser of the Kusto query language what is wrong with queries: syntax, names, types, functions.

The npm package is the parser of the Azure portal, compiled to JavaScript. It has no dependencies and runs in Node.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.bootstrap import ROOT
from devkit.npm import Installed, Package, ensure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).resolve().parent
PARSER = Package(
    name="the Kusto parser",
    logs_name="kusto",
    source=HERE,
    entry="@kusto/language-service-next",
    lasts="a few seconds",
)
LONGEST_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the parser says; `code` is the number of its rule, such as KS142, `at` the place in the query's text."""

    code: str
    severity: str
    message: str
    at: int


def ensure_parser(say: Callable[[str], None], home: Path = ROOT / ".devkit" / "kusto") -> Installed:
    """Installs the parser if needed; otherwise reads two files."""
    return ensure(PARSER, say, home)


def faults_of(
    queries: Mapping[str, str], schema: Mapping[str, str], say: Callable[[str], None] = print
) -> dict[str, list[Fault]]:
    """The faults of each query, by its name. `schema`: the columns of each table, as `(Name:type, …)`."""
    parser = ensure_parser(say)
    answer = subprocess.run(
        [parser.node, str(HERE / "parse.js"), parser.script],
        input=json.dumps({"queries": queries, "schema": schema}),
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=LONGEST_SECONDS,
    )
    found = json.loads(answer.stdout)
    return {name: [Fault(**fault) for fault in found[name]] for name in queries}
