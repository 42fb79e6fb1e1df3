"""Holds what was seen of one host in one scenario, and reads and writes the files of such traces."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Seen = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All times `t` are in seconds since the first start of the host.

    `wire` has each request as the proxy saw it, `events` what the function and the driver reported, `exits` each end
    of the host's process. `left` is the number of messages on the queue at the end, `poison` those on the poison
    queue; None is a queue that does not exist. `output` is the end of what the host printed.
    """

    scenario: str
    wire: tuple[Seen, ...]
    events: tuple[Seen, ...]
    exits: tuple[Seen, ...]
    left: int | None
    poison: tuple[Seen, ...] | None
    output: tuple[str, ...]

    def requests(self, *operations: str) -> list[Seen]:
        return [seen for seen in self.wire if seen["op"] in operations]

    def reported(self, *what: str) -> list[Seen]:
        return [seen for seen in self.events if seen["what"] in what]

    def until(self, t: float) -> "Trace":
        """Leave out what came after `t`, but for the exits."""
        return replace(
            self,
            wire=tuple(seen for seen in self.wire if seen["t"] <= t),
            events=tuple(seen for seen in self.events if seen["t"] <= t),
        )

    def of_message(self, n: int) -> "Trace":
        """Leave out the other messages: what was received, run, and done with them."""
        ids = {seen["id"] for seen in self.reported("begin") if seen["n"] == n}
        return replace(
            self,
            wire=tuple(_without_others(seen, ids) for seen in self.wire if seen.get("id") in {None, *ids}),
            events=tuple(seen for seen in self.events if seen.get("n") in {None, n}),
        )


def queue_of(scenario: str) -> str:
    return f"t-{scenario.replace('_', '-')}"[:50]


def load(path: Path) -> dict[str, Trace]:
    document = json.loads(gzip.decompress(path.read_bytes()))
    return {result["scenario"]: _parsed(result) for result in document["results"]}


def save(path: Path, traces: Iterable[Trace], *, command: Iterable[str]) -> None:
    results = [_as_json(trace) for trace in traces]
    text = json.dumps({"command": list(command), "results": results}, indent=1)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _parsed(result: Mapping[str, Any]) -> Trace:
    poison = result["visible_on_poison"]
    return Trace(
        scenario=result["scenario"],
        wire=tuple(result["wire"]),
        events=tuple(result["host"]),
        exits=tuple(result["exits"]),
        left=result["left_on_queue"],
        poison=None if poison is None else tuple(poison),
        output=tuple(result["other_output"]),
    )


def _as_json(trace: Trace) -> dict[str, Any]:
    return {
        "scenario": trace.scenario,
        "wire": trace.wire,
        "host": trace.events,
        "exits": trace.exits,
        "left_on_queue": trace.left,
        "visible_on_poison": trace.poison,
        "other_output": trace.output,
    }


def _without_others(seen: Seen, ids: set[str]) -> Seen:
    if "messages" not in seen:
        return seen
    return {**seen, "messages": [message for message in seen["messages"] if message["id"] in ids]}
