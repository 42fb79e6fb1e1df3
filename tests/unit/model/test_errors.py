from datetime import UTC, datetime, timedelta

import pytest

from leadpipe.model import errors
from leadpipe.model.errors import (
    Blocked,
    DeliveryFailed,
    GateShut,
    LeadpipeError,
    Refused,
    SettingsError,
    StorageFailed,
    Transient,
    raised_at,
    unforeseen_waits,
)

CLASSES = [found for found in vars(errors).values() if isinstance(found, type) and found.__module__ == errors.__name__]


def test_everything_raised_on_purpose_has_one_base() -> None:
    assert all(issubclass(found, LeadpipeError) for found in CLASSES)


def test_the_tree_in_the_docstring_names_every_class() -> None:
    tree = (errors.__doc__ or "").split()

    assert {found.__name__ for found in CLASSES} <= {*tree}


def test_an_error_says_its_slug_and_its_detail() -> None:
    assert str(LeadpipeError("too_large", "40000 bytes")) == "too_large: 40000 bytes"


def test_an_error_without_a_detail_says_its_slug() -> None:
    assert str(LeadpipeError("too_large")) == "too_large"


@pytest.mark.parametrize("failure", [Transient, StorageFailed, GateShut, Blocked, Refused])
def test_each_row_of_the_delivery_table_is_a_failed_delivery(failure: type[LeadpipeError]) -> None:
    assert issubclass(failure, DeliveryFailed)


def test_storage_that_is_away_heals_with_time() -> None:
    assert issubclass(StorageFailed, Transient)


def test_a_transient_failure_remembers_what_pause_was_asked_for() -> None:
    assert Transient("throttled", retry_after=timedelta(seconds=7)).retry_after == timedelta(seconds=7)


def test_a_blocked_lead_blocks_all_unless_it_says_otherwise() -> None:
    assert not Blocked("no_role").lead_only
    assert Blocked("owner_lacks_privilege", lead_only=True).lead_only


def test_a_shut_gate_says_when_it_opens_and_that_time_heals_it() -> None:
    opens_at = datetime(2026, 3, 14, tzinfo=UTC)
    shut = GateShut("no_role", "403", opens_at=opens_at)
    assert isinstance(shut, Transient)
    assert (shut.slug, shut.detail, shut.opens_at, shut.retry_after) == ("no_role", "403", opens_at, None)


@pytest.mark.parametrize("error", [KeyError("jane"), UnicodeError("jane"), MemoryError(), SettingsError("jane")])
def test_what_nobody_foresaw_waits_with_its_kind_and_without_its_words(error: Exception) -> None:
    with pytest.raises(Transient) as failed, unforeseen_waits():
        raise error

    assert (failed.value.slug, failed.value.detail) == ("unforeseen", type(error).__name__)
    assert failed.value.__cause__ is error


@pytest.mark.parametrize("failure", [Transient("throttled"), Blocked("no_role"), Refused("too_long")])
def test_a_failure_that_is_foreseen_stays_as_it_is(failure: DeliveryFailed) -> None:
    with pytest.raises(DeliveryFailed) as failed, unforeseen_waits():
        raise failure

    assert failed.value is failure


def test_the_end_of_the_process_is_no_failure() -> None:
    with pytest.raises(KeyboardInterrupt), unforeseen_waits():
        raise KeyboardInterrupt


def test_where_an_error_was_raised_is_told_by_file_and_line() -> None:
    with pytest.raises(Transient) as failed, unforeseen_waits():
        raise KeyError("jane")

    assert raised_at(failed.value.__cause__).startswith("test_errors.py:")


@pytest.mark.parametrize("error", [None, KeyError("never raised")])
def test_what_was_never_raised_was_raised_nowhere(error: Exception | None) -> None:
    assert raised_at(error) == ""
