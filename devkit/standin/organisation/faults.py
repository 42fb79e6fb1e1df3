"""Keeps the faults that are switched on, and decides which of them strikes a request."""

from __future__ import annotations

import base64
import itertools
import random
import threading
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

from devkit.standin.refusal import Body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Stage(Enum):
    """The point in a request's handling at which a fault strikes."""

    DISCOVERY = "discovery"
    USER_REALM = "user realm"
    SIGN_IN = "sign-in"
    ARRIVAL = "arrival"
    ACCESS = "access"
    PRIVILEGE = "privilege"
    WORK = "work"
    WRITE = "write"
    COMMITTED = "committed"


class FaultError(ValueError):
    """A fault that cannot be switched on; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The parts of a request that a fault may depend on."""

    method: str
    path: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    privilege: str | None = None

    def shows(self, wanted: Mapping[str, str]) -> bool:
        seen = {**self.columns, "method": self.method, "path": self.path}
        return all(text in str(seen.get(name, "")) for name, text in wanted.items())


@dataclass(slots=True, kw_only=True)
class Fault:
    """`count` is how often it still strikes, None until cleared. Only some kinds use the other fields."""

    kind: str
    id: int = 0
    count: int | None = None
    rate: float = 1.0
    seed: int = 0
    match: dict[str, str] = field(default_factory=dict)
    seconds: float = 60.0
    status: int | None = None
    code: str = ""
    message: str = ""
    retry_after: int | None = None
    body: Body = Body.JSON
    privilege: str = "prvCreateLead"
    number: int = 7000222
    # The whole answer with its status line, in base64, for the kinds that end in _raw.
    raw: str = ""
    fired: int = 0

    def to_json(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


class Faults:
    """Thread-safe. In memory: a restart clears them."""

    def __init__(self, stages: Mapping[str, Stage]) -> None:
        self._stages = stages
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._on: list[tuple[Fault, random.Random, threading.Event]] = []

    def switch_on(self, wanted: Any) -> Fault:
        fault = parse_fault(wanted, self._stages)
        with self._lock:
            fault.id = next(self._ids)
            self._on.append((fault, random.Random(fault.seed), threading.Event()))  # noqa: S311 - repeatable, no secret
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """Clears faults, and releases the requests that they delay."""
        with self._lock:
            cleared = [entry for entry in self._on if fault_id in (None, entry[0].id)]
            self._on = [entry for entry in self._on if entry not in cleared]
        for _, _, ended in cleared:
            ended.set()

    def to_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.to_json() for fault, _, _ in self._on]

    def striking(self, stage: Stage, sight: Sight) -> Iterator[tuple[Fault, threading.Event]]:
        """Yields the faults that strike. Each counts once it is yielded, so the others are left."""
        if not self._on:
            return
        with self._lock:
            candidates = [entry for entry in self._on if self._stages[entry[0].kind] is stage]
        for fault, chance, ended in candidates:
            with self._lock:
                strikes = _strikes(fault, chance, sight)
            if strikes:
                yield fault, ended


def parse_fault(wanted: Any, kinds: Mapping[str, Stage]) -> Fault:
    if not isinstance(wanted, dict) or wanted.get("kind") not in kinds:
        raise FaultError(f"kind: one of {', '.join(sorted(kinds))} is expected")
    settable = {each.name for each in fields(Fault)} - {"id", "fired"}
    if unknown := sorted(set(wanted) - settable):
        raise FaultError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(settable))}")
    for name, value in wanted.items():
        _check_type(name, value)
    if "body" in wanted and wanted["body"] not in list(Body):
        raise FaultError(f"body: one of {', '.join(Body)} is expected")
    if wanted["kind"] == "status" and not wanted.get("status"):
        raise FaultError("status: a fault of this kind needs one, like 503")
    try:
        base64.b64decode(wanted.get("raw", ""), validate=True)
    except ValueError:
        raise FaultError("raw: base64 is expected") from None
    return Fault(**wanted)


_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "count": (int, type(None)),
    "rate": (int, float),
    "seed": (int,),
    "match": (dict,),
    "seconds": (int, float),
    "status": (int, type(None)),
    "code": (str,),
    "message": (str,),
    "retry_after": (int, type(None)),
    "body": (str,),
    "privilege": (str,),
    "number": (int,),
    "raw": (str,),
}


def _check_type(name: str, value: Any) -> None:
    if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
        raise FaultError(f"{name}: {type(value).__name__} is not expected")


def _strikes(fault: Fault, chance: random.Random, sight: Sight) -> bool:
    if fault.count == 0 or not sight.shows(fault.match):
        return False
    if sight.privilege not in (None, fault.privilege):
        return False
    if fault.rate < 1 and chance.random() >= fault.rate:
        return False
    if fault.count is not None:
        fault.count -= 1
    fault.fired += 1
    return True
