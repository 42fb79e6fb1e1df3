"""Lists leads a page at a time, newest first, with a bound on what one page reads.

A page ends where it is full, where it has passed over too many leads, or where it has looked back far enough. In each
case it names the place from which the next page goes on, so that nothing is left out.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from leadpipe.model.lead_id import ENTROPY_BYTES, new_lead_id, received_at
from leadpipe.model.ports import Ledger
from leadpipe.model.record import Record
from leadpipe.operations.find import Search
from leadpipe.operations.ledger_pages import LAST_DAY, newest_first, position

PAGE_SIZE = 50
MOST_PASSED_OVER = 1000
# The service gives so many rows at once; a page asks for fewer: its own, the one after it, and some canaries.
_LARGEST_PAGE = 900
_OTHERS = 10
# How far back a page looks for leads that a filter chooses.
FURTHEST_BACK = timedelta(days=92)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`older`: the lead id after which the next page begins; empty where the ledger has no more.

    `is_cut`: the page is not full, and yet older leads were not looked at. `back_to`: how far back it looked.
    """

    records: list[Record] = field(default_factory=list)
    older: str = ""
    is_cut: bool = False
    back_to: datetime | None = None


def page_of(
    ledger: Ledger,
    search: Search,
    *,
    today: date,
    after: str = "",
    size: int = PAGE_SIZE,
    most_passed_over: int = MOST_PASSED_OVER,
    fields: frozenset[str] | None = None,
) -> Page:
    """The first leads that match; with `after` those that come after the lead of that id."""
    oldest = ledger.first_day()
    if oldest is None:
        return Page()
    last = received_at(after).date() if after else LAST_DAY
    first = max(oldest, search.since.date()) if search.since else oldest
    horizon = max(first, min(last, today) - FURTHEST_BACK) if search.narrows else first
    found: list[Record] = []
    passed_over = 0
    stored = newest_first(
        ledger,
        horizon,
        today,
        states=search.states,
        reason=search.only_reason,
        last=last,
        wanted=size,
        fields=fields,
        page=None if search.looks_into_texts or size >= _LARGEST_PAGE else size + _OTHERS,
    )
    for record in stored:
        if after and position(record.lead_id) <= position(after):
            continue
        if not search.matches(record):
            passed_over += 1
            if passed_over >= most_passed_over:
                return Page(records=found, older=record.lead_id, is_cut=True, back_to=record.received_at)
        elif len(found) == size:
            return Page(records=found, older=found[-1].lead_id)
        else:
            found.append(record)
    if horizon > first:
        before = _before(horizon)
        return Page(records=found, older=before, is_cut=True, back_to=received_at(before))
    return Page(records=found)


def _before(day: date) -> str:
    """An id in the place behind all leads of that day."""
    return new_lead_id(datetime.combine(day, time(), UTC), b"\xff" * ENTROPY_BYTES)
