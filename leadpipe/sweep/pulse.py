"""Beats the pulse: every five minutes one log line with the counts of now, from reads that stay small.

The line is the heartbeat too: where it is missing, the sweep or the whole app stands still.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from leadpipe.model.keys import WRONG_KEY
from leadpipe.model.latency import latency_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD, ONE_DAY
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Ledger, Marks
from leadpipe.model.pulse import (
    BEAT,
    COUNT,
    DAYS,
    MOST_NAMES,
    Beat,
    LastDay,
    Pulse,
    is_of_a_customer,
    names_of,
)
from leadpipe.model.record import OPEN, PERSON_UNREAD, Record, State
from leadpipe.model.waiting import Tallies, tallies_of
from leadpipe.sweep.days import STRETCH
from leadpipe.sweep.run import Run, today
from leadpipe.sweep.without_record import messages_without_record

# A sweep can begin a little earlier in its minute than the one before it.
EARLY = timedelta(seconds=20)
# Days for which written leads that a person has to complete are looked for.
COMPLETED_WITHIN = timedelta(days=7)
# What is remembered has to fit into one cell.
MOST_GROUPS = 60
MOST_LINES = 3
LONGEST_LINE = 1000

log = logging.getLogger(__name__)


def keep_beating(pulse: Pulse, unsettled: Sequence[Record], marks: Marks, run: Run) -> Pulse:
    """Counts and reports what is due, and remembers it. Of two sweeps at once one reports."""
    if not is_due(pulse, run.now()):
        return pulse
    guard, after = run.guard("pulse"), pulse
    parts: dict[str, Callable[[Pulse], Pulse]] = {
        "beat": lambda pulse: beating(pulse, run=run),
        "count": lambda pulse: counted(pulse, marks=marks, run=run),
        "days": lambda pulse: summed_up(pulse, run=run),
    }
    for name, part in parts.items():
        if not guard.goes_on():
            break
        with guard.item(part=name):
            after = part(after)
    after = replace(after, at=run.now())
    if not run.ports.attention.keep_pulse(pulse, after):
        return pulse
    report(pulse, after, uncounted(unsettled, after, run), run)
    return after


def is_due(pulse: Pulse, now: datetime) -> bool:
    """Also if it is of the future: then a wrong clock was put right."""
    return pulse.at is None or abs(now - pulse.at) >= BEAT - EARLY


def counted(pulse: Pulse, *, marks: Marks, run: Run) -> Pulse:
    """The pulse with the hourly count, if that is due: what each sweep's own reads do not reach, and the last day."""
    now = run.now()
    first = marks.watermark or EPOCH.date()
    fresh = pulse.counted_at is not None and timedelta(0) <= now - pulse.counted_at < COUNT - EARLY
    if fresh and pulse.counted_before == first:
        return pulse
    ledger, damage = run.ports.ledger, list[str]()
    older = [] if first == EPOCH.date() else [*_poisoned_before(first, marks, ledger, damage)]
    incomplete = ledger.between(
        today(run) - COMPLETED_WITHIN,
        _latest(run),
        states=frozenset({State.WRITTEN}),
        reason=PERSON_UNREAD,
        damage=damage,
    )
    tallies = tallies_of([*older, *incomplete], now)
    return replace(
        pulse,
        counted_at=now,
        counted_before=first,
        first_day=pulse.first_day or ledger.first_day(),
        older=tuple(sorted(tallies.values(), key=lambda tally: -tally.leads)[:MOST_GROUPS]),
        damaged={
            "leadledger": _few(damage),
            "leadclaims": _few(run.ports.claims.damaged(at_a_glance=True)),
            "marketplaceleads": _few(run.ports.fallback.damaged(EPOCH.date(), date.max)),
        },
        last_day=_last_day(ledger.between(today(run) - ONE_DAY, _latest(run), damage=damage), now),
    )


def summed_up(pulse: Pulse, *, run: Run) -> Pulse:
    """The pulse with the days before today: how many leads each had, and which words of the marketplace's."""
    if pulse.days_until and pulse.days_until > today(run):  # a wrong clock was put right
        pulse = replace(pulse, days={}, days_until=None, last_lead=None)
    ledger = run.ports.ledger
    while (pulse.days_until is None or pulse.days_until < today(run)) and run.time_left():
        first = ledger.next_day(pulse.days_until or today(run) - timedelta(days=DAYS))
        if first is None or first >= today(run):
            return pulse.with_days(today(run), [])
        until = min(first + STRETCH, today(run))
        records = [*ledger.between(first, until - ONE_DAY, damage=[])]
        pulse = _with_names(pulse.with_days(until, records), records)
    return pulse


def beating(pulse: Pulse, *, run: Run) -> Pulse:
    """The pulse with what is read every five minutes."""
    ports, now = run.ports, run.now()
    messages = messages_without_record(queue=ports.queue, ledger=ports.ledger, marks=ports.marks, at=now)
    newest = newest_lead(ports.ledger, pulse.days_until or today(run), today(run))
    last_lead = max(filter(None, (newest, pulse.last_lead)), default=None)
    rejected = ports.ledger.between(today(run) - ONE_DAY, _latest(run), states=frozenset({State.REJECTED}), damage=[])
    of_last_day = [record for record in rejected if record.received_at > now - ONE_DAY]
    wrong = unanswered((r.received_at for r in of_last_day if r.reason == WRONG_KEY), last_lead, now)
    beat = Beat(
        queue=messages.depth,
        without_record=messages.total,
        poison_queue=ports.poison_queue.depth(),
        rejected=sum(record.received_at.date() == today(run) for record in of_last_day),
        last_lead=last_lead,
        wrong_keys=len(wrong),
        wrong_key_at=min(wrong, default=None),
    )
    return replace(pulse, beat=beat)


def uncounted(unsettled: Iterable[Record], pulse: Pulse, run: Run) -> Tallies:
    """The tallies of the records that the hourly count does not have."""
    found = (record for record in unsettled if not record.is_canary and not is_counted(record, pulse))
    return tallies_of(found, run.now())


def is_counted(record: Record, pulse: Pulse) -> bool:
    """Whether the hourly count has the record already: a poisoned one of the days that the watermark has passed."""
    before = pulse.counted_before
    return record.state is State.POISONED and before is not None and record.received_at.date() < before


def newest_lead(ledger: Ledger, first: date, last: date) -> datetime | None:
    """When the last lead of a customer of these days was received. The first day is the last, or a day or so before.

    Reads the first page of a day only, if one is on it.
    """
    days = (last - number * ONE_DAY for number in range((last - first).days + 1))
    found = (record for day in days for record in ledger.between(day, day, damage=[]))
    return next((record.received_at for record in found if is_of_a_customer(record)), None)


def unanswered(wrong_keys: Iterable[datetime], last_lead: datetime | None, now: datetime) -> list[datetime]:
    """The posts of the last day with a wrong key since the last lead: the leads after it may all be among them."""
    since = max(filter(None, (now - ONE_DAY, last_lead)))
    return [at for at in wrong_keys if at > since]


def report(before: Pulse, pulse: Pulse, tallies: Tallies, run: Run) -> None:
    """Writes the line `pipeline_state`, and a line for each new name. docs/logs.md explains the fields."""
    _log_drift(before, pulse)
    now, beat, states = run.now(), pulse.beat, Counter[State]()
    for tally in (*tallies.values(), *pulse.older):
        states[tally.state] += tally.leads
    oldest = min((tally.oldest for tally in tallies.values() if tally.state in OPEN), default=None)
    day = pulse.last_day
    log.info(
        log_line(
            "pipeline_state",
            open=sum(states[state] for state in OPEN),
            accepted=states[State.ACCEPTED],
            deferred=states[State.DEFERRED],
            fallback=states[State.FALLBACK],
            poisoned=states[State.POISONED],
            rejected_today=beat.rejected,
            wrong_keys=beat.wrong_keys,
            queue=beat.queue,
            poison_queue=beat.poison_queue,
            without_record=beat.without_record,
            oldest_open_seconds=_seconds(now - oldest if oldest else None),
            last_lead_seconds=_seconds(now - beat.last_lead if beat.last_lead else None),
            usual_gap_seconds=_seconds(pulse.usual_gap),
            since_last_seconds=_seconds(now - before.at if before.at else None),
            accepted_24h=day.accepted,
            written_24h=day.written,
            p50_seconds=day.p50,
            p95_seconds=day.p95,
            slowest_seconds=day.slowest,
        )
    )


def _poisoned_before(first: date, marks: Marks, ledger: Ledger, damage: list[str]) -> Iterator[Record]:
    """The poisoned leads of the days that the watermark has passed. Retention has passed only days without any."""
    begin = marks.forgotten_before or EPOCH.date()
    return ledger.between(begin, first - ONE_DAY, states=frozenset({State.POISONED}), damage=damage)


def _last_day(records: Iterable[Record], now: datetime) -> LastDay:
    recent = [record for record in records if record.received_at > now - ONE_DAY and is_of_a_customer(record)]
    written = [record.written_at - record.received_at for record in recent if record.written_at]
    latency = latency_of(written)
    if latency is None:
        return LastDay(accepted=len(recent))
    return LastDay(
        accepted=len(recent),
        written=len(written),
        p50=round(latency.p50.total_seconds(), 1),
        p95=round(latency.p95.total_seconds(), 1),
        slowest=round(latency.slowest.total_seconds(), 1),
    )


def _with_names(pulse: Pulse, records: Iterable[Record]) -> Pulse:
    found = set().union(*map(names_of, records)) - pulse.names
    return replace(pulse, names=pulse.names | set(sorted(found)[: max(0, MOST_NAMES - len(pulse.names))]))


def _log_drift(before: Pulse, pulse: Pulse) -> None:
    """Logs each new source, action and unread key once, but not those of the very first leads."""
    for name in sorted(pulse.names - before.names) if before.names else ():
        what, _, word = name.partition(" ")
        log.warning(log_line("drift", what=what, name=word))


def _few(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line[:LONGEST_LINE] for line in islice(lines, MOST_LINES))


def _latest(run: Run) -> date:
    return (run.now() + MOST_AHEAD).astimezone(UTC).date()


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else max(0, int(span.total_seconds()))
