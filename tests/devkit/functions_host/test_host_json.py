import os
from pathlib import Path
from typing import Any

import pytest

from devkit.functions_host import host_json
from devkit.functions_host.errors import CannotStart

VERSION = {"version": "2.0"}


def options(environ: dict[str, str] | None = None, **document: Any) -> host_json.HostOptions:
    return host_json.parse(VERSION | document, environ or {})


def test_the_defaults_are_the_extensions_own() -> None:
    queues = options().queues
    assert (queues.batch_size, queues.new_batch_threshold) == (16, 8 * (os.cpu_count() or 1))
    assert (queues.max_dequeue_count, queues.visibility_timeout, queues.base64) == (5, 0, True)


def test_an_idle_queue_is_asked_every_two_seconds_in_development_and_every_minute_elsewhere() -> None:
    assert options().queues.max_polling_interval == 2
    assert options({"AZURE_FUNCTIONS_ENVIRONMENT": "Production"}).queues.max_polling_interval == 60


@pytest.mark.parametrize(("text", "seconds"), [("00:00:00.500", 0.5), ("00:00:00.1", 0.1), ("00:00:01.2500000", 1.25)])
def test_an_idle_queue_can_be_asked_several_times_a_second(text: str, seconds: float) -> None:
    assert options(extensions={"queues": {"maxPollingInterval": text}}).queues.max_polling_interval == seconds


@pytest.mark.parametrize("text", ["00:00:00.099", "00:00:00", "00:00:00.12345678", "00:00:00.", "500"])
def test_a_polling_interval_below_a_tenth_of_a_second_or_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(CannotStart, match="maxPollingInterval"):
        options(extensions={"queues": {"maxPollingInterval": text}})


def test_queue_options_are_read_under_extensions() -> None:
    read = options(extensions={"queues": {"batchSize": 8, "newBatchThreshold": 4, "visibilityTimeout": "00:01:30"}})
    assert (read.queues.concurrency, read.queues.visibility_timeout) == (12, 90)


def test_the_environment_overrides_the_file_without_regard_to_case() -> None:
    environ = {
        "AzureFunctionsJobHost__extensions__Queues__batchSize": "3",
        "azurefunctionsjobhost__functionTimeout": "00:00:09",
    }
    read = options(environ, extensions={"queues": {"batchSize": 8}})
    assert (read.queues.batch_size, read.function_timeout) == (3, 9)


@pytest.mark.parametrize(("text", "seconds"), [("00:05:00", 300), ("1.00:00:00", 86400), ("-1", None)])
def test_function_timeout_is_a_time_span_or_unbounded(text: str, seconds: float | None) -> None:
    assert options(functionTimeout=text).function_timeout == seconds


def test_the_route_prefix_may_be_empty() -> None:
    assert options().route_prefix == "api"
    assert options(extensions={"http": {"routePrefix": ""}}).route_prefix == ""


@pytest.mark.parametrize("key", ["retry", "queues", "http", "extension"])
def test_a_root_key_that_does_nothing_good_is_warned_about_by_name(key: str) -> None:
    assert f"'{key}'" in "".join(options(**{key: {}}).warnings)


def test_known_root_keys_are_not_warned_about() -> None:
    known = options(logging={}, extensionBundle={}, functionTimeout="00:05:00", telemetryMode="OpenTelemetry")
    assert known.warnings == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [("batchSize", 33), ("batchSize", "many"), ("maxDequeueCount", 0), ("maxPollingInterval", "00:00:00.05"),
     ("visibilityTimeout", "soon"), ("messageEncoding", "utf8")],
)  # fmt: skip
def test_a_value_out_of_range_stops_the_start_and_is_named(key: str, value: object) -> None:
    with pytest.raises(CannotStart, match=key):
        options(extensions={"queues": {key: value}})


@pytest.mark.parametrize("text", ["", "[]", '{"version": "1.0"}', "{"])
def test_a_file_that_is_no_host_json_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(CannotStart, match=r"host\.json"):
        host_json.read(tmp_path / "host.json", environ={})
