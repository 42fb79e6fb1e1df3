"""Plans a decision about many leads, shows what it will do before it does it, and carries it out when asked to.

A plan lives as long as the console. Its id has the choice that it was made by, so that it can be made again after that.
Then it has the leads that are left: a lead that was decided about is no longer in the state that the plan looks for.
"""

import base64
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import islice, takewhile
from urllib.parse import parse_qsl, urlencode

from leadpipe.console.jobs import Job
from leadpipe.model.errors import NotAllowed
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD
from leadpipe.model.ports import Ledger
from leadpipe.model.record import OPEN, Record, State
from leadpipe.operations.batch import AT_ONCE, Work, paced
from leadpipe.operations.decisions import Desk, Outcome, Result, complete, discard, erase, replay
from leadpipe.operations.drain import drained, resources_of
from leadpipe.operations.find import read_unless_damaged
from leadpipe.operations.target import Target

MOST_PLANNED = 5000
# Each of these is rehearsed when the plan is made, and followed after it was carried out.
MOST_SHOWN = 200
MOST_KEPT = 30
# Fewer leads do not show a pace.
FEWEST_FOR_A_PACE = 3
_SHORTEST = 0.001
# An address of twice that length may be refused before it gets here.
_LONGEST_ID = 4000
_FIELDS = frozenset({"verb", "state", "cause", "anyway", "all", "lead"})
SLOW = 10.0
Results = Callable[[Iterable[str]], Iterable[Result]]


class Verb(StrEnum):
    REPLAY = "replay"
    DISCARD = "discard"
    ERASE = "erase"
    COMPLETE = "complete"
    DRAIN = "drain"


# What the leads of a plan become; the outcome of each that went as planned.
DONE = {
    Verb.REPLAY: Outcome.REPLAYED,
    Verb.DISCARD: Outcome.DISCARDED,
    Verb.ERASE: Outcome.ERASED,
    Verb.COMPLETE: Outcome.COMPLETED,
    Verb.DRAIN: Outcome.WRITTEN,
}
# Which leads a filter may choose for it.
CHOOSABLE = {
    Verb.REPLAY: frozenset({State.POISONED, State.REJECTED}),
    Verb.DISCARD: frozenset({State.POISONED, State.REJECTED}),
    Verb.DRAIN: frozenset({State.FALLBACK}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which leads, and for which decision. `lead_ids` empty: all in `state` with that reason."""

    verb: Verb
    lead_ids: tuple[str, ...] = ()
    state: State = State.POISONED
    reason: str | None = None
    anyway: bool = False

    @property
    def form(self) -> list[tuple[str, str]]:
        """What a page posts to have a plan made of it."""
        cause = [] if self.reason is None else [("cause", self.reason)]
        leads = [("lead", lead_id) for lead_id in self.lead_ids] or [("all", "1")]
        return [("verb", self.verb), ("state", self.state), *cause, *([("anyway", "1")] if self.anyway else []), *leads]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A lead of the plan as it was when the plan was made. `why_not`: why it would be skipped; empty if it is not."""

    lead_id: str
    record: Record | None
    why_not: str = ""


@dataclass(slots=True, kw_only=True)
class Plan:
    """`entries`: the first leads, rehearsed; of the others only the ids are known. `more`: leads beyond the plan.

    `looked`: how many leads a second were rehearsed. `rate`: the pace that the person set. `unasked`: whether Dynamics
    is not asked before a lead is discarded.
    """

    id: str
    choice: Choice
    made_at: datetime
    entries: Sequence[Entry]
    unrehearsed: Sequence[str] = ()
    more: bool = False
    looked: float = 1.0
    rate: float | None = None
    unasked: bool = False
    chosen: list[str] = field(default_factory=list)
    why: str = ""
    earlier: list[Result] = field(default_factory=list)
    job: Job[Result] | None = None

    @property
    def willing(self) -> list[Entry]:
        return [entry for entry in self.entries if not entry.why_not]

    @property
    def skipped(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.why_not]

    @property
    def results(self) -> list[Result]:
        return [*self.earlier, *(self.job.items if self.job else ())]

    @property
    def counts(self) -> Counter[Outcome]:
        return Counter(result.outcome for result in self.results)

    @property
    def left(self) -> list[str]:
        """The chosen leads that nothing was done about yet, or that storage did not answer for."""
        done = {result.lead_id for result in self.results if result.outcome is not Outcome.FAILED}
        return [lead_id for lead_id in self.chosen if lead_id not in done]

    @property
    def is_running(self) -> bool:
        return self.job is not None and self.job.is_running

    @property
    def pace(self) -> float | None:
        """How many leads a second the run takes; None where it has not taken enough of them to say so."""
        done = len(self.job.items) if self.job else 0
        return done / self.job.seconds if self.job and done >= FEWEST_FOR_A_PACE else None

    @property
    def time_left(self) -> timedelta | None:
        return timedelta(seconds=len(self.left) / self.pace) if self.is_running and self.pace else None


class Plans:
    """Thread-safe. Keeps the newest plans, and those that run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plans: dict[str, Plan] = {}

    def get(self, plan_id: str) -> Plan | None:
        with self._lock:
            return self._plans.get(plan_id)

    def keep(self, plan: Plan) -> None:
        with self._lock:
            self._plans[plan.id] = plan
            idle = [each.id for each in self._plans.values() if not each.is_running]
            for plan_id in idle[: max(0, len(self._plans) - MOST_KEPT)]:
                del self._plans[plan_id]

    def pace_of(self, verb: Verb) -> float | None:
        """How many leads a second the last run of that kind took, where nobody had set a pace."""
        with self._lock:
            plans = [*self._plans.values()]
        paces = (plan.pace for plan in reversed(plans) if plan.choice.verb is verb and not plan.rate)
        return next(filter(None, paces), None)

    def start(
        self, plan: Plan, results: Results, *, rate: float | None, at: datetime, then: Callable[[], None] = lambda: None
    ) -> None:
        """Carries out what is left of the plan, unless it runs already. `then`: called when that has ended."""
        with self._lock:
            if plan.is_running:
                return
            plan.rate = rate
            plan.earlier = [result for result in plan.results if result.outcome is not Outcome.FAILED]
            plan.job = Job(partial(_carry_out, lead_ids=plan.left, results=results, rate=rate, then=then), at=at)

    def stop_all(self) -> None:
        with self._lock:
            jobs = [plan.job for plan in self._plans.values() if plan.job]
        for job in jobs:
            job.stop()
        for job in jobs:
            job.wait()


def _carry_out(
    job: Job[Result], *, lead_ids: Sequence[str], results: Results, rate: float | None, then: Callable[[], None]
) -> Iterator[Result]:
    try:
        yield from results(takewhile(lambda _: not job.is_stopped, paced(lead_ids, rate)))
    finally:
        then()


def plan_of(choice: Choice, desk: Desk, *, first_day: datetime | None = None) -> Plan:
    """What would be done now. Reads, and changes nothing."""
    ledger, at = desk.ports.ledger, desk.now()
    lead_ids, more = ([*choice.lead_ids], False) if choice.lead_ids else _found(choice, ledger, first_day or EPOCH, at)
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        entries = [*pool.map(partial(_rehearsed, choice=choice, desk=desk), lead_ids[:MOST_SHOWN])]
    plan = Plan(
        id=id_of(choice),
        choice=choice,
        made_at=at,
        entries=entries,
        unrehearsed=lead_ids[MOST_SHOWN:],
        more=more,
        looked=max(1, len(entries)) / max(time.monotonic() - began, _SHORTEST),
    )
    plan.chosen = [*(entry.lead_id for entry in plan.willing), *plan.unrehearsed]
    return plan


def id_of(choice: Choice) -> str:
    """A new id, with the choice in it unless it names very many leads."""
    kept = base64.urlsafe_b64encode(urlencode(choice.form).encode()).decode().rstrip("=")
    return f"{secrets.token_urlsafe(12)}.{kept if len(kept) <= _LONGEST_ID else ''}"


def form_in(plan_id: str) -> list[tuple[str, str]]:
    """The form that a plan of this id was made by, unchecked; empty where the id has none."""
    kept = plan_id.partition(".")[2]
    try:
        text = base64.urlsafe_b64decode(kept + "=" * (-len(kept) % 4)).decode()
    except ValueError:
        return []
    return [(name, value) for name, value in parse_qsl(text, keep_blank_values=True) if name in _FIELDS]


def results_of(
    choice: Choice,
    target: Target,
    desk: Desk,
    *,
    why: str = "",
    without_asking: bool = False,
    rate: float | None = None,
) -> Results:
    """What carries the decision out. Raises SettingsError where leads cannot be delivered from here."""
    if choice.verb is Verb.DRAIN:
        resources = resources_of(target)
        return lambda lead_ids: drained(lead_ids, resources)
    act = _act(choice, desk, why=why, without_asking=without_asking, dry_run=False)
    # At a slow pace one after the other, so that the page shows each when it is done.
    at_once = 1 if rate and rate <= SLOW else AT_ONCE
    return Work(act=act, done=DONE[choice.verb], look=desk.ports.ledger.read, at_once=at_once).results


def followed(results: Sequence[Result], ledger: Ledger) -> list[tuple[Result, Record | None]]:
    """The first results, each with its lead's record as it is now."""
    shown = results[:MOST_SHOWN]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        records = pool.map(lambda result: read_unless_damaged(result.lead_id, ledger, damage=[]), shown)
        return [*zip(shown, records, strict=True)]


def _found(choice: Choice, ledger: Ledger, first: datetime, at: datetime) -> tuple[list[str], bool]:
    """The ids of the first leads that the filter chooses, oldest first, and whether there are more."""
    listed = ledger.between(
        first.date(), (at + MOST_AHEAD).date(), states=frozenset({choice.state}), reason=choice.reason or "", damage=[]
    )
    wanted = (r.lead_id for r in listed if not r.is_canary and choice.reason in {None, r.reason})
    found = [*islice(wanted, MOST_PLANNED + 1)]
    return sorted(found[:MOST_PLANNED]), len(found) > MOST_PLANNED


def _rehearsed(lead_id: str, choice: Choice, desk: Desk) -> Entry:
    record = read_unless_damaged(lead_id, desk.ports.ledger, damage=[])
    if record is None:
        return Entry(lead_id=lead_id, record=None, why_not="the ledger has no such lead, or its row is damaged")
    return Entry(lead_id=lead_id, record=record, why_not=why_not(record, choice, desk))


def why_not(record: Record, choice: Choice, desk: Desk) -> str:
    """Why the decision is not possible for the lead now; empty where it is. Nothing is asked but the ledger."""
    if choice.verb is Verb.DRAIN:
        return "" if record.state is State.FALLBACK else f"it is {record.state}, and no longer rests"
    if choice.verb is Verb.ERASE and record.state is State.ERASED:
        return "it is erased already"
    try:
        _act(choice, desk, why="–", without_asking=True, dry_run=True)(record.lead_id)
    except NotAllowed as error:
        return error.detail
    return ""


def _act(choice: Choice, desk: Desk, *, why: str, without_asking: bool, dry_run: bool) -> Callable[[str], Record]:
    match choice.verb:
        case Verb.REPLAY:
            return partial(replay, desk=desk, anyway=choice.anyway, dry_run=dry_run)
        case Verb.DISCARD:
            return partial(discard, desk=desk, why=why, without_asking=without_asking, dry_run=dry_run)
        case Verb.ERASE:
            return partial(erase, desk=desk, dry_run=dry_run)
        case Verb.COMPLETE:
            return partial(complete, desk=desk, dry_run=dry_run)
        case _:
            raise AssertionError(choice.verb)


def unchanged(plan: Plan, leads: Iterable[tuple[Result, Record | None]]) -> int:
    """How many of the leads were replayed and are poisoned again for the reason that they had before."""
    before = {entry.lead_id: entry.record for entry in plan.entries}
    if plan.choice.verb is not Verb.REPLAY:
        return 0
    return sum(_is_as_before(before.get(result.lead_id), record) for result, record in leads)


def _is_as_before(before: Record | None, now: Record | None) -> bool:
    if before is None or now is None or now.attempt == before.attempt:
        return False
    return (now.state, now.reason) == (State.POISONED, before.reason)


def is_moving(followed_leads: Iterable[tuple[Result, Record | None]]) -> bool:
    """Whether one of them is still on its way."""
    return any(record is not None and record.state in OPEN for _, record in followed_leads)


def command_of(choice: Choice) -> str:
    """The command that does the same."""
    ids = " ".join(choice.lead_ids[:3]) + (" …" if len(choice.lead_ids) > 3 else "")
    chosen = ids or f"--state {choice.state}" + (f" --cause {choice.reason}" if choice.reason else "")
    match choice.verb:
        case Verb.REPLAY:
            return f"leadpipe poison replay {chosen}" + (" --anyway" if choice.anyway else "")
        case Verb.DISCARD:
            return f'leadpipe poison discard --why "…" {chosen}'
        case Verb.DRAIN:
            return "leadpipe fallback drain"
        case _:
            return f"leadpipe {choice.verb} {chosen}"
