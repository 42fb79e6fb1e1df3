"""Leads on their whole way through our host and Microsoft's worker runtime: tests from elsewhere once more."""

import sys

import pytest

if sys.version_info < (3, 13):
    pytest.skip("Microsoft has its worker's runtime for Python 3.13 and newer", allow_module_level=True)

from tests.factories import payload
from tests.host_process import until
from tests.integration.app.test_logs import (
    VERBOSE,
    test_nothing_of_a_lead_and_no_credential_is_logged_at_any_level,  # noqa: F401
)
from tests.integration.app.test_one_lead import (  # noqa: F401
    test_each_documented_lead_is_found_in_dynamics_with_the_columns_of_the_default_mapping,
    test_one_payload_posted_twenty_times_at_once_makes_one_lead_and_nineteen_visible_duplicates,
)
from tests.integration.conftest import Starter


def test_it_is_microsofts_worker_that_runs_the_functions(start_app: Starter, storage_account: str) -> None:
    app = start_app(storage_account, **VERBOSE)
    lead_id = app.accepted(payload())

    until(lambda: f"INFO Function.deliver.User: lead_settled lead_id={lead_id}" in app.host.log, "the line about it")
    assert "azure.functions: Function name: deliver, Function Type: sync" in app.host.log
