"""Answers an owner's questions: what came in each day, what became of it, how long it took, and what it cost.

Pure: records in, a report out. Records are added one by one; of each lead only the time that it took is kept.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from leadpipe.model.latency import Latency, latency_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD
from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, Record, State
from leadpipe.operations.cost import Cost, storage_cost

# Microsoft advises to contact a lead within this time.
# https://learn.microsoft.com/partner-center/referrals/commercial-marketplace-get-customer-leads
FOLLOW_UP = timedelta(hours=24)
OPEN_LEAD = "open"
OUTCOMES = (*(state.value for state in State if state not in OPEN), OPEN_LEAD)
NO_OFFER, OTHER_OFFERS = "(no offer)", "(other offers)"
# A post may name any offer. Those beyond so many are counted together.
MOST_OFFERS = 500
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True, kw_only=True)
class Spans:
    """How long leads took; eight bytes for each."""

    microseconds: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, span: timedelta) -> None:
        self.microseconds.append(span // _MICROSECOND)

    def latency(self) -> Latency | None:
        return latency_of(each * _MICROSECOND for each in self.microseconds)


@dataclass(slots=True, kw_only=True)
class Offer:
    """The leads of one offer, by outcome."""

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    spans: Spans = field(default_factory=Spans)

    @property
    def leads(self) -> int:
        return self.outcomes.total()


@dataclass(slots=True, kw_only=True)
class Report:
    """The leads received from `since` until `at`. Days are UTC days.

    Test leads are counted apart, posts that were not leads as `rejected`, and canaries not at all. `running_since`: the
    first day of the ledger. `further_tries`: how often the leads were tried, without the first time. `prompt`, `late`:
    leads written within Microsoft's 24 hours, and after them; `waiting`: open or poisoned leads that are older.
    `untimed`: written leads whose record does not say when. `clock_behind`: leads written before they were received,
    by a wrong clock; they count as written at once.
    """

    since: datetime
    at: datetime
    running_since: datetime | None = None
    days: dict[date, Counter[str]] = field(default_factory=dict)
    test_leads: Counter[str] = field(default_factory=Counter)
    spans: Spans = field(default_factory=Spans)
    slowest_lead_id: str = ""
    further_tries: int = 0
    prompt: int = 0
    late: int = 0
    waiting: int = 0
    untimed: int = 0
    clock_behind: int = 0
    _slowest: timedelta = timedelta(-1)
    _offers: dict[str, Offer] = field(default_factory=dict)

    @property
    def outcomes(self) -> Counter[str]:
        """What became of the leads and the refused posts of all days, test leads not included."""
        return sum(self.days.values(), Counter[str]())

    @property
    def leads(self) -> int:
        """All leads: not the test leads, and not the posts that were not leads."""
        return self.outcomes.total() - self.outcomes[State.REJECTED]

    @property
    def offers(self) -> list[Offer]:
        """The offers, those with the most leads first."""
        return sorted(self._offers.values(), key=lambda offer: (-offer.leads, offer.name))

    @property
    def due(self) -> int:
        """The leads that were written, or should have been within the 24 hours."""
        return self.prompt + self.late + self.waiting

    @property
    def latency(self) -> Latency | None:
        return self.spans.latency()

    @property
    def cost(self) -> Cost:
        start = max(self.since, self.running_since or self.at)
        return storage_cost(
            leads=self.leads + self.test_leads.total(),
            further_tries=self.further_tries,
            rejected=self.outcomes[State.REJECTED],
            span=max(self.at - start, timedelta(0)),
        )

    def add(self, record: Record) -> None:
        if not self.since <= record.received_at <= self.at + MOST_AHEAD or _is_canary(record):
            return
        outcome = outcome_of(record.state)
        self.further_tries += record.attempt - 1
        if record.is_test:
            self.test_leads[outcome] += 1
            return
        self.days.setdefault(record.received_at.astimezone(UTC).date(), Counter())[outcome] += 1
        if record.state is not State.REJECTED:
            offer = self._offer_of(record)
            offer.outcomes[outcome] += 1
            self._add_time(record, offer)

    def _offer_of(self, record: Record) -> Offer:
        name = record.offer or NO_OFFER
        if name not in self._offers and len(self._offers) >= MOST_OFFERS:
            name = OTHER_OFFERS
        return self._offers.setdefault(name, Offer(name=name))

    def _add_time(self, record: Record, offer: Offer) -> None:
        if record.written_at is not None:
            self._add_span(record, record.written_at - record.received_at, offer)
        elif record.state is State.WRITTEN:
            self.untimed += 1
        elif record.state in OPEN | {State.POISONED}:
            self.waiting += self.at - record.received_at > FOLLOW_UP

    def _add_span(self, record: Record, span: timedelta, offer: Offer) -> None:
        if span < timedelta(0):
            self.clock_behind += 1
            span = timedelta(0)
        self.spans.add(span)
        offer.spans.add(span)
        self.prompt += span <= FOLLOW_UP
        self.late += span > FOLLOW_UP
        if span > self._slowest:
            self._slowest, self.slowest_lead_id = span, record.lead_id


def reported(ledger: Ledger, report: Report) -> Iterator[date]:
    """Adds the records of the span to the report. Yields the day of each record, so that a caller can show progress."""
    first_day = ledger.first_day()
    if first_day is None:
        return
    report.running_since = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    first = max(report.since, EPOCH).astimezone(UTC).date()
    for record in ledger.between(first, (report.at + MOST_AHEAD).astimezone(UTC).date()):
        report.add(record)
        yield record.received_at.date()


def outcome_of(state: State) -> str:
    return OPEN_LEAD if state in OPEN else state.value


def _is_canary(record: Record) -> bool:
    return record.state is State.KEPT and record.reason == "canary"
