"""The guard of a loop: what it lets pass, what it stops, and what it says."""

import pytest

from leadpipe.model.errors import InvalidLead, RowRefused, StorageFailed, Transient, reason_of
from leadpipe.sweep.guard import OUTAGE, Guard, is_outage

AWAY = StorageFailed("storage_unreachable", "Jane Doe")
OF_ONE_ROW = [
    RowRefused("row_refused"),
    RowRefused("storage_error"),
    StorageFailed("record_damaged"),
    StorageFailed("record_gone"),
    Transient("dynamics_error"),
    InvalidLead("not_json"),
    TypeError("Jane Doe"),
    KeyError("x"),
    RecursionError(),
]


def passed(guard: Guard, *failures: Exception | None) -> int:
    """How many items the loop came to; each fails with its exception, or not at all."""
    for number, failure in enumerate(failures):
        if not guard.goes_on():
            return number
        with guard.item(lead_id=number):
            if failure is not None:
                raise failure
    return len(failures)


@pytest.mark.parametrize("failure", [AWAY, *OF_ONE_ROW], ids=repr)
@pytest.mark.parametrize("place", [0, 10, 19])
def test_one_item_that_fails_stops_none_behind_it(failure: Exception, place: int) -> None:
    failures: list[Exception | None] = [None] * 20
    failures[place] = failure
    guard = Guard("overdue")
    assert passed(guard, *failures) == 20
    assert (guard.failed, guard.failure) == (1, failure)


@pytest.mark.parametrize("failure", OF_ONE_ROW, ids=repr)
def test_rows_that_fail_each_for_itself_are_no_outage_however_many(failure: Exception) -> None:
    assert passed(Guard("overdue"), *[failure] * 100) == 100


def test_an_outage_ends_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    assert passed(Guard("overdue"), *[AWAY] * 10_000) == OUTAGE
    assert caplog.messages[-1] == "sweep_failed step=overdue reason=storage_unreachable"


def test_an_outage_stays_one_whatever_is_still_done(caplog: pytest.LogCaptureFixture) -> None:
    guard = Guard("overdue")
    passed(guard, *[AWAY] * OUTAGE)
    with guard.item(day="2026-03-14"):
        pass
    assert not guard.goes_on()
    assert caplog.text.count("sweep_failed") == 1


@pytest.mark.parametrize("between", [None, TypeError()])
def test_failures_with_something_else_in_between_are_no_outage(between: Exception | None) -> None:
    failures = [*[AWAY] * (OUTAGE - 1), between] * 5
    assert passed(Guard("overdue"), *failures) == len(failures)


def test_the_loop_ends_when_its_time_is_over() -> None:
    left = iter([True, True, False])
    assert passed(Guard("overdue", lambda: next(left)), None, None, None) == 2


@pytest.mark.parametrize(("failure", "reason"), [(AWAY, "storage_unreachable"), (TypeError("Jane Doe"), "TypeError")])
def test_an_item_that_fails_is_logged_once_by_its_name_and_reason_and_without_data(
    failure: Exception, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    passed(Guard("arrivals"), None, failure, None)
    assert caplog.messages == [f"sweep_item_failed step=arrivals lead_id=1 reason={reason}"]
    assert reason_of(failure) == reason


def test_what_ends_the_process_is_not_held_up() -> None:
    guard = Guard("overdue")
    with pytest.raises(KeyboardInterrupt), guard.item(lead_id=1):
        raise KeyboardInterrupt
    assert guard.failed == 0


def test_only_storage_that_does_not_answer_is_an_outage() -> None:
    assert [failure for failure in (AWAY, *OF_ONE_ROW) if is_outage(failure)] == [AWAY]
