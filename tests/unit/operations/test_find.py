"""Looking through the ledger from the newest day back."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest

from leadpipe.model.record import Record, State
from leadpipe.operations.find import Search, found_in
from tests.factories import RECEIVED_AT, lead_id, record

TODAY = RECEIVED_AT


class Days:
    """A ledger with a lead on each of these days, so long before today, which notes the days that were read."""

    def __init__(self, ago: Iterable[int]) -> None:
        self.days = {TODAY.date() - timedelta(days=days) for days in ago}
        self.read: list[tuple[date, date]] = []

    def first_day(self) -> date | None:
        return min(self.days, default=None)

    def between(
        self, first: date, last: date, *, states: frozenset[State] | None = None, **other: object
    ) -> Iterator[Record]:
        assert states is None
        assert not any(other.values())
        self.read.append((first, last))
        for day in sorted(day for day in self.days if first <= day <= last):
            for minute in (1, 0):  # newest first within a day, as the real one
                after = day - TODAY.date() + timedelta(minutes=minute)
                yield record(lead_id(after), email=f"{day}@fabrikam.com", offer="contoso.widget")


def found(ledger: Days, **wanted: object) -> Iterator[Record]:
    return found_in(ledger, Search(**wanted), today=TODAY.date())  # type: ignore[arg-type]


def in_order(ledger: Days) -> list[datetime]:
    return [each.received_at for each in found(ledger)]


def test_days_are_read_newest_first_and_only_as_far_as_needed() -> None:
    ledger = Days(range(1000))
    newest = [TODAY + timedelta(minutes=minute) - timedelta(days=days) for days in (0, 1) for minute in (1, 0)]
    assert [each.received_at for each in islice(found(ledger), 4)] == newest
    today = TODAY.date()
    yesterday = today - timedelta(days=1)
    assert ledger.read == [(today + timedelta(days=1), date.max), (today, today), (yesterday, yesterday)]


def test_nothing_older_than_the_ledger_s_first_day_is_asked_for() -> None:
    ledger = Days(range(3))
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    assert len([*found(ledger, since=long_ago)]) == 6
    assert min(first for first, _ in ledger.read) == ledger.first_day()


@pytest.mark.parametrize("gap", [1, 2, 3, 30, 366, 20_000])
def test_days_without_leads_are_read_many_at_once(gap: int) -> None:
    """A single record of 1970 must not cost a request for each day since."""
    ledger = Days([0, 1, gap, gap + 1, gap + 2])
    assert in_order(ledger) == sorted(in_order(ledger), reverse=True)
    assert len(in_order(ledger)) == 2 * len(ledger.days)
    ledger.read.clear()
    in_order(ledger)
    assert len(ledger.read) < 30


def test_a_lead_of_a_day_to_come_is_listed_first() -> None:
    ledger = Days([0, 5, -2_900_000, -1])
    assert in_order(ledger) == sorted(in_order(ledger), reverse=True)
    assert len(in_order(ledger)) == 8


def test_since_holds_to_the_second() -> None:
    since = TODAY - timedelta(days=2) + timedelta(seconds=1)
    assert len([*found(Days(range(10)), since=since)]) == 4 + 1


@pytest.mark.parametrize("wanted", [{"email": "2026-03-12@FABRIKAM"}, {"offer": "WIDGET", "email": "03-12"}])
def test_texts_are_found_anywhere_and_in_any_case(wanted: dict[str, str]) -> None:
    assert {each.email for each in found(Days(range(10)), **wanted)} == {"2026-03-12@fabrikam.com"}
