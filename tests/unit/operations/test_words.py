"""Failures and causes in words."""

import pytest

from leadpipe.model.errors import Blocked, LeadpipeError, SettingsError, StorageFailed
from leadpipe.operations.causes import CAUSES, cause_of, failure_in_words
from tests.factories import LEAD_ID


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SettingsError("no_settings", "set AzureWebJobsStorage"), "set AzureWebJobsStorage"),
        (LeadpipeError("unknown_thing"), "unknown_thing"),
        (
            Blocked("no_role", "403 0x80042f09"),
            f"the application user has no role (403 0x80042f09): {CAUSES['no_role'].fix}",
        ),
    ],
)
def test_a_failure_is_one_line_with_its_fix(error: LeadpipeError, words: str) -> None:
    assert failure_in_words(error) == words


def test_storage_that_is_away_is_not_waited_out_at_a_terminal() -> None:
    words = failure_in_words(StorageFailed("storage_unreachable", "the ledger did not answer"))
    assert "the ledger did not answer" in words
    assert "firewall" in words
    assert "tried again by itself" not in words


def test_a_failure_with_line_ends_stays_one_line() -> None:
    assert "\n" not in failure_in_words(LeadpipeError("slug", "a\nb"))


def test_commands_in_a_fix_are_made_out_for_the_lead() -> None:
    assert f"`leadpipe poison edit {LEAD_ID}`" in cause_of("too_long", LEAD_ID).fix
    assert "`leadpipe poison edit ID`" in cause_of("too_long").fix


def test_a_reason_that_nobody_explained_leads_to_the_lead_itself() -> None:
    cause = cause_of("brand_new", LEAD_ID)
    assert (cause.says, cause.fix) == ("brand_new", f"`leadpipe show {LEAD_ID}` has the details")
