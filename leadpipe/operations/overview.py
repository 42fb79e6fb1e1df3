"""Shows at a glance whether leads flow, from reads that stay small however large the ledger is.

It takes what the sweep counted from the pulse, and reads itself only the unsettled leads since the watermark and the
leads of today. `leadpipe status` looks at everything, and takes longer.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from leadpipe.model.attention import Attention, Facts, attention_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD, ONE_DAY
from leadpipe.model.ports import Ledger, Marks, Ports
from leadpipe.model.pulse import Pulse, is_of_a_customer
from leadpipe.model.record import OPEN, UNSETTLED, Record, State
from leadpipe.model.settings import Settings
from leadpipe.model.waiting import Tallies, tallies_of
from leadpipe.operations.find import Search
from leadpipe.operations.ledger_pages import position
from leadpipe.operations.listing import page_of
from leadpipe.operations.summary import Group, grouped
from leadpipe.operations.target import Target
from leadpipe.sweep.attention import MOST_LISTED, facts_of, merged, uncounted_from
from leadpipe.sweep.pulse import is_counted

LATEST = 8
# The leads of so many days at most are counted here, where the sweep's daily sum is not there yet.
MOST_DAYS_READ = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """The customers' leads of one UTC day: those that are settled, those that wait, and the poisoned ones."""

    day: date
    settled: int = 0
    waiting: int = 0
    poisoned: int = 0

    @property
    def leads(self) -> int:
        return self.settled + self.waiting + self.poisoned


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`tallies`: of all unsettled leads. `is_cut`: there are more of them than are listed."""

    facts: Facts
    settings: Settings
    pulse: Pulse
    tallies: Tallies
    is_cut: bool
    latest: Sequence[Record]
    days: Sequence[DayCount]

    @property
    def at(self) -> datetime:
        return self.facts.at

    @property
    def attention(self) -> list[Attention]:
        return attention_of(self.facts, self.settings)

    @property
    def states(self) -> Counter[State]:
        """How many leads are in each state in which a lead is unsettled."""
        counts: Counter[State] = Counter()
        for tally in self.tallies.values():
            counts[tally.state] += tally.leads
        return counts

    @property
    def open(self) -> int:
        return sum(self.states[state] for state in OPEN)

    @property
    def oldest_open(self) -> datetime | None:
        return min((tally.oldest for tally in self.tallies.values() if tally.state in OPEN), default=None)


class DayTotals:
    """How many customers' leads each of the last days had. Reads only those that came since it was asked before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[date, tuple[int, str]] = {}

    def of(self, day: date, ledger: Ledger) -> int:
        """A day's leads come newest first, so the reading ends at the newest one of the time before."""
        with self._lock:
            count, newest = self._known.get(day, (0, ""))
        first = ""
        for record in islice(ledger.between(day, day, damage=[]), MOST_LISTED):
            if newest and position(record.lead_id) >= position(newest):
                break
            first = first or record.lead_id
            count += is_of_a_customer(record)
        with self._lock:
            self._known[day] = count, first or newest
        return count


def overview_of(target: Target, *, days: int, at: datetime, totals: DayTotals | None = None) -> Overview:
    ports, damage = target.ports, list[str]()
    pulse, _ = ports.attention.read()
    marks = ports.marks.read()
    first_drawn = at.astimezone(UTC).date() - timedelta(days=days - 1)
    unsettled, is_cut = _unsettled(ports, min(uncounted_from(marks, pulse), first_drawn), at, damage)
    latest = page_of(ports.ledger, Search(), today=at.date(), size=LATEST).records
    uncounted = tallies_of((record for record in unsettled if not is_counted(record, pulse)), at)
    facts = facts_of(pulse, uncounted, damage, marks=marks, ports=ports, settings=target.settings, at=at)
    return Overview(
        facts=replace(
            facts,
            knows_the_sweep=True,
            swept_at=pulse.at,
            last_lead=_last_lead(facts, latest),
            oldest_lead=_oldest(ports, pulse, latest, at),
        ),
        settings=target.settings,
        pulse=pulse,
        tallies=merged(uncounted, {key: tally for key, tally in pulse.tallies.items() if tally.state in UNSETTLED}),
        is_cut=is_cut,
        latest=latest,
        days=[*_day_counts(pulse, unsettled, ports, first_drawn, at, totals or DayTotals())],
    )


def unsettled_groups(ports: Ports, at: datetime) -> tuple[list[Group], bool]:
    """What waits or is poisoned, by state and reason, and whether there is more of it than was read.

    Looks as far back as the hourly count does: retention passes only days on which no lead is unsettled.
    """
    marks: Marks = ports.marks.read()
    found, is_cut = _unsettled(ports, marks.forgotten_before or EPOCH.date(), at, [])
    return grouped(found), is_cut


def _unsettled(ports: Ports, first: date, at: datetime, damage: list[str]) -> tuple[list[Record], bool]:
    """The first of them, without canaries, and whether there are more."""
    listed = ports.ledger.between(first, (at + MOST_AHEAD).date(), states=UNSETTLED, damage=damage)
    found = [*islice((record for record in listed if not record.is_canary), MOST_LISTED + 1)]
    return found[:MOST_LISTED], len(found) > MOST_LISTED


def _last_lead(facts: Facts, latest: Iterable[Record]) -> datetime | None:
    of_customers = (record.received_at for record in latest if is_of_a_customer(record))
    return max(filter(None, (facts.last_lead, *of_customers)), default=None)


def _oldest(ports: Ports, pulse: Pulse, latest: Sequence[Record], at: datetime) -> datetime | None:
    """A time when there was a lead already. Asked for only where it counts: whether no sweep has ever looked at it."""
    day = ports.ledger.first_day() if pulse.at is None else None
    if day is not None and day < at.astimezone(UTC).date():
        return datetime.combine(day + ONE_DAY, time(), UTC)
    return min((record.received_at for record in latest), default=None) if day else None


def _day_counts(
    pulse: Pulse, unsettled: Iterable[Record], ports: Ports, first: date, at: datetime, totals: DayTotals
) -> Iterator[DayCount]:
    """Each day's leads are in the pulse, but for the last ones; what of them waits is among the unsettled."""
    today = at.astimezone(UTC).date()
    read_from = max(first, pulse.days_until or today, today - (MOST_DAYS_READ - 1) * ONE_DAY)
    leads = Counter({day: known.leads for day, known in pulse.days.items() if day < read_from})
    for day in (read_from + number * ONE_DAY for number in range((today - read_from).days + 1)):
        leads[day] = totals.of(day, ports.ledger)
    waiting, poisoned = Counter[date](), Counter[date]()
    for record in filter(is_of_a_customer, unsettled):
        (poisoned if record.state is State.POISONED else waiting)[record.received_at.date()] += 1
    for day in (first + number * ONE_DAY for number in range((today - first).days + 1)):
        settled = max(0, leads[day] - waiting[day] - poisoned[day])
        yield DayCount(day=day, settled=settled, waiting=waiting[day], poisoned=poisoned[day])
