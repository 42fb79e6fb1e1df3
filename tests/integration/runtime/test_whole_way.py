"""Leads on their whole way, with our host and Microsoft's worker runtime: the tests of one lead once more."""

import sys

import pytest

if sys.version_info < (3, 13):
    pytest.skip("Microsoft has its worker's runtime for Python 3.13 and newer", allow_module_level=True)

from tests.integration.app.test_one_lead import (  # noqa: F401
    test_each_documented_lead_is_found_in_dynamics_with_the_columns_of_the_default_mapping,
    test_one_payload_posted_twenty_times_at_once_makes_one_lead_and_nineteen_visible_duplicates,
)
