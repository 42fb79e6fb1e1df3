"""Shows at a glance whether leads flow, from reads that stay small however large the ledger is.

It takes what the sweep counted from the pulse, and reads itself only the unsettled leads since the watermark and the
days that have changed. `leadpipe status` looks at everything, and takes longer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from leadpipe.model.attention import Attention, Facts, attention_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD, ONE_DAY
from leadpipe.model.ports import Marks, Ports
from leadpipe.model.pulse import Pulse, is_of_a_customer
from leadpipe.model.record import OPEN, TO_GROUP, TO_LIST, UNSETTLED, Record, State
from leadpipe.model.settings import Settings
from leadpipe.model.waiting import Tallies, tallies_of
from leadpipe.operations.comebacks import Comeback, Comebacks
from leadpipe.operations.days import DayCount, DayCounts, signs_of
from leadpipe.operations.find import Search
from leadpipe.operations.listing import page_of
from leadpipe.operations.summary import Group, grouped
from leadpipe.operations.target import Target
from leadpipe.sweep.attention import MOST_LISTED, facts_of, merged, uncounted_from
from leadpipe.sweep.pulse import is_counted

LATEST = 8


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


def overview_of(target: Target, *, days: int, at: datetime, known: DayCounts | None = None) -> Overview:
    """`known`: the days that earlier views have counted."""
    ports, damage = target.ports, list[str]()
    pulse, _ = ports.attention.read()
    marks = ports.marks.read()
    first_drawn = at.astimezone(UTC).date() - timedelta(days=days - 1)
    unsettled, is_cut = _unsettled(ports, min(uncounted_from(marks, pulse), first_drawn), at, damage)
    latest = page_of(ports.ledger, Search(), today=at.date(), size=LATEST, fields=TO_LIST).records
    counted = _day_counts(
        first_drawn,
        ports,
        pulse,
        unsettled=unsettled,
        latest=latest,
        at=at,
        known=known or DayCounts(),
    )
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
        days=counted,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits or is poisoned, by state and reason. `is_cut`: there is more of it than was read.

    `comebacks`: the causes of poisoned leads that came back after a replay, by reason.
    """

    groups: list[Group]
    is_cut: bool
    comebacks: Mapping[str, Comeback]


def waiting_of(ports: Ports, at: datetime, known: Comebacks) -> Waiting:
    """Looks as far back as the hourly count does: retention passes only days on which no lead is unsettled."""
    marks: Marks = ports.marks.read()
    found, is_cut = _unsettled(ports, marks.forgotten_before or EPOCH.date(), at, [], fields=TO_GROUP)
    return Waiting(groups=grouped(found), is_cut=is_cut, comebacks=known.of(found, ports.ledger))


def _unsettled(
    ports: Ports, first: date, at: datetime, damage: list[str], *, fields: frozenset[str] | None = None
) -> tuple[list[Record], bool]:
    """The first of them, without canaries, and whether there are more."""
    listed = ports.ledger.between(first, (at + MOST_AHEAD).date(), states=UNSETTLED, fields=fields, damage=damage)
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
    first: date,
    ports: Ports,
    pulse: Pulse,
    *,
    unsettled: Iterable[Record],
    latest: Iterable[Record],
    at: datetime,
    known: DayCounts,
) -> list[DayCount]:
    """The days from the first one to today. What the sweep counted is shown of a day until it is read here."""
    today = at.astimezone(UTC).date()
    return known.of(
        [today - number * ONE_DAY for number in range((today - first).days + 1)],
        ports.ledger,
        signs=signs_of(unsettled, next((each for each in latest if each.received_at.date() == today), None)),
        expected={day: counted.leads for day, counted in pulse.days.items()},
        at=at,
    )[::-1]
