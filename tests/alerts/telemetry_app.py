"""Runs leadpipe with OpenTelemetry on, set up by the worker's own code, and prints the lines that it wrote as JSON."""

import json
import logging
import sys

import pytest
from azure_functions_runtime.otel import initialize_azure_monitor, otel_manager
from opentelemetry._logs import get_logger_provider

from tests.alerts import test_rules as trouble
from tests.alerts.product import MINUTE, Product


def main() -> None:
    logging.getLogger().setLevel(logging.INFO)  # as the worker does
    initialize_azure_monitor()
    assert otel_manager.get_azure_monitor_available()
    with pytest.MonkeyPatch.context() as patches, Product(patches) as product:
        trouble.a_lead_is_posted_and_written(product)
        trouble.no_store_takes_a_lead(product)
        trouble.what_is_no_lead_is_posted(product)
        trouble.dynamics_refuses_a_lead(product)
        trouble.the_secret_ends_in(29)(product)
        trouble.the_mapping_has_faults(product)
        product.goes_on_for(5 * MINUTE)
        lines = [(line.text, line.severity) for line in product.lines]
    get_logger_provider().force_flush(10_000)  # type: ignore[attr-defined]
    json.dump(lines, sys.stdout)


if __name__ == "__main__":
    main()
