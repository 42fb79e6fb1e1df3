"""Reads host.json as the host does: `extensions.*`, environment overrides, and warnings for what is not read."""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from devkit.functions_host.errors import CannotStart

# HostJsonFileConfigurationSource.cs
_ROOT_KEYS = {
    "$schema", "aggregator", "concurrency", "customhandler", "extensionbundle", "extensions", "functions",
    "functiontimeout", "healthmonitor", "http", "logging", "manageddependencies", "metadataprovidertimeout", "queues",
    "retry", "sendcanceledinvocationstoworker", "singleton", "telemetrymode", "version", "watchdirectories",
    "watchfiles",
}  # fmt: skip
_OVERRIDE = "azurefunctionsjobhost__"
_TIME_SPAN = re.compile(r"(?:(?P<d>\d+)\.)?(?P<h>\d{1,2}):(?P<m>\d{1,2})(?::(?P<s>\d{1,2}(?:\.\d{1,7})?))?")
_DEFAULT_FUNCTION_TIMEOUT = "00:30:00"  # every plan but Consumption (ScriptJobHostOptionsSetup.cs)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOptions:
    """QueuesOptions.cs; times in seconds."""

    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    visibility_timeout: float
    max_polling_interval: float
    base64: bool

    @property
    def concurrency(self) -> int:
        return self.batch_size + self.new_batch_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    queues: QueueOptions
    route_prefix: str
    function_timeout: float | None
    log_levels: Mapping[str, str]
    warnings: tuple[str, ...]


def read(path: Path, *, environ: Mapping[str, str] = os.environ) -> HostOptions:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise CannotStart(f"{path}: cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("version") != "2.0":
        raise CannotStart(f'{path}: must be a JSON object with "version": "2.0"')
    return parse(document, environ)


def parse(document: Mapping[str, Any], environ: Mapping[str, str]) -> HostOptions:
    warnings = tuple(_warnings(document))
    tree = _lower_keys(document)
    for name, value in environ.items():
        if name.lower().startswith(_OVERRIDE):
            _put(tree, name.lower().removeprefix(_OVERRIDE).split("__"), value)
    timeout = _at(tree, "functionTimeout", _DEFAULT_FUNCTION_TIMEOUT)
    return HostOptions(
        queues=_queue_options(tree, environ),
        route_prefix=str(_at(tree, "extensions.http.routePrefix", "api")).strip("/"),
        function_timeout=None if str(timeout) in {"-1", "-00:00:00.0010000"} else _seconds("functionTimeout", timeout),
        log_levels={key: str(level) for key, level in _branch(tree, "logging.logLevel").items()},
        warnings=warnings,
    )


def _queue_options(tree: dict[str, Any], environ: Mapping[str, str]) -> QueueOptions:
    def number(key: str, default: int, low: int, high: float = math.inf) -> int:
        name = f"extensions.queues.{key}"
        try:
            value = int(_at(tree, name, default))
        except (TypeError, ValueError):
            raise CannotStart(f"host.json: {name} must be a whole number") from None
        return int(_within(name, value, low, high))

    def span(key: str, default: str, low: float) -> float:
        name = f"extensions.queues.{key}"
        return _within(name, _seconds(name, _at(tree, name, default)), low)

    encoding = str(_at(tree, "extensions.queues.messageEncoding", "base64")).lower()
    if encoding not in {"base64", "none"}:
        raise CannotStart("host.json: extensions.queues.messageEncoding must be base64 or none")
    # StorageQueuesWebJobsBuilderExtensions.cs: shorter, for developers.
    development = environ.get("AZURE_FUNCTIONS_ENVIRONMENT", "Development").lower() == "development"
    batch_size = number("batchSize", 16, 1, 32)
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=number("newBatchThreshold", batch_size // 2 * (os.cpu_count() or 1), 0),
        max_dequeue_count=number("maxDequeueCount", 5, 1),
        visibility_timeout=span("visibilityTimeout", "00:00:00", 0),
        max_polling_interval=span("maxPollingInterval", "00:00:02" if development else "00:01:00", 0.1),
        base64=encoding == "base64",
    )


def _warnings(document: Mapping[str, Any]) -> list[str]:
    roots = {key.lower(): key for key in document}
    found = [f"host.json: unknown key {key!r} is ignored" for low, key in roots.items() if low not in _ROOT_KEYS]
    if "retry" in roots:
        found.append(
            "host.json: 'retry' would hold every function, HTTP callers included, through its back-off; ignored"
        )
    version_1 = [key for key in ("queues", "http") if key in roots]
    return found + [
        f"host.json: '{key}' at the root is version 1; it is only read under 'extensions'" for key in version_1
    ]


def _seconds(name: str, text: object) -> float:
    match = _TIME_SPAN.fullmatch(str(text))
    if match is None:
        raise CannotStart(f"host.json: {name} must be a time span such as 00:05:00")
    days, hours, minutes, seconds = (float(match[part] or 0) for part in "dhms")
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()


def _within(name: str, value: float, low: float, high: float = math.inf) -> float:
    if not low <= value <= high:
        limits = f"at least {low}" if high == math.inf else f"{low} to {high}"
        raise CannotStart(f"host.json: {name} is {value}, must be {limits}")
    return value


def _lower_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key).lower(): _lower_keys(item) for key, item in value.items()}
    return value


def _put(tree: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[keys[-1]] = value


def _branch(tree: dict[str, Any], dotted: str) -> dict[str, Any]:
    for key in dotted.lower().split("."):
        below = tree.get(key)
        tree = below if isinstance(below, dict) else {}
    return tree


def _at(tree: dict[str, Any], dotted: str, default: object) -> Any:
    *branches, leaf = dotted.split(".")
    value = (_branch(tree, ".".join(branches)) if branches else tree).get(leaf.lower())
    return default if value is None else value
