"""Looking through the ledger from the newest day back."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest

from leadpipe.model.record import Record, State
from leadpipe.ops.leads import Wanted, found_in
from tests.factories import RECEIVED_AT, lead_id, record

TODAY = RECEIVED_AT


class Days:
    """A ledger with a lead on each day, which notes the days that were read."""

    def __init__(self, count: int) -> None:
        self.first = TODAY.date() - timedelta(days=count - 1)
        self.read: list[date] = []

    def first_day(self) -> date | None:
        return self.first

    def records(self, day: date, *, states: frozenset[State] | None = None) -> Iterator[Record]:
        assert states is None
        self.read.append(day)
        yield record(lead_id(day - TODAY.date()), email=f"{day}@fabrikam.com", offer="contoso.widget")


def found(ledger: Days, **wanted: object) -> Iterator[Record]:
    return found_in(ledger, Wanted(**wanted), until=TODAY)


def test_days_are_read_newest_first_and_only_as_far_as_needed() -> None:
    ledger = Days(1000)
    assert [r.received_at for r in islice(found(ledger), 2)] == [TODAY, TODAY - timedelta(days=1)]
    assert ledger.read == [TODAY.date(), TODAY.date() - timedelta(days=1)]


def test_nothing_older_than_the_ledger_s_first_day_is_asked_for() -> None:
    ledger = Days(3)
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    assert len([*found(ledger, since=long_ago)]) == 3
    assert len(ledger.read) == 3


def test_since_holds_to_the_second() -> None:
    since = TODAY - timedelta(days=2) + timedelta(seconds=1)
    assert len([*found(Days(10), since=since)]) == 2


@pytest.mark.parametrize("wanted", [{"email": "2026-03-12@FABRIKAM"}, {"offer": "WIDGET", "email": "03-12"}])
def test_texts_are_found_anywhere_and_in_any_case(wanted: dict[str, str]) -> None:
    assert [r.email for r in found(Days(10), **wanted)] == ["2026-03-12@fabrikam.com"]
