"""Decides what needs a person. docs/alerts.md explains each reason.

`status`, `doctor`, the log line `attention` and the post to LEADPIPE_NOTIFY_URL all say what `attention_of` says.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import reduce
from itertools import groupby

from leadpipe.model.duration import in_words
from leadpipe.model.expiry import URGENT_DAYS, Ending
from leadpipe.model.reasons import BLOCKED
from leadpipe.model.record import OPEN, State
from leadpipe.model.settings import Settings
from leadpipe.model.text import bounded
from leadpipe.model.waiting import TOO_LONG, Tallies, Tally, together

# The sweep runs every minute and says so every five.
SWEEP_STANDS_STILL = timedelta(minutes=10)
# Partner Center keeps leads for six months. What is not compared by then can never be found.
RECONCILE_EVERY = timedelta(days=150)
LONGEST_ABOUT = 256
# The reasons that are about leads.
OF_LEADS = frozenset({"poisoned", "incomplete", "blocked", "waiting", "overdue"})
_FIXES_ARE_SHOWN = frozenset({"poisoned", "incomplete", "blocked", "poison_queue", "setting"})
_SWEEP_FIX = "see whether the function app runs and its function `sweep` is not switched off; `leadpipe doctor` looks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One thing that a person has to do. No field ever holds a lead's data.

    `reason` is a slug; `about` names which one of its kind, such as a reason in the ledger, a setting or a function. A
    longer text is shortened, so that the mark of it that is read back has the same key.
    `says` is one line: what is wrong. `fix` is the command or the action that ends it. `count`: how many leads, rows or
    messages; 0 where nothing is counted. `since`: when it began, None if that is unknown.
    """

    reason: str
    about: str = ""
    says: str
    fix: str
    count: int = 0
    since: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "about", bounded(self.about, LONGEST_ABOUT))

    @property
    def key(self) -> str:
        """What makes two of them the same, whatever their counts."""
        return f"{self.reason} {self.about}".strip()

    @property
    def line(self) -> str:
        """What is wrong, with the fix unless the text names it already or `status` shows it beside the group."""
        return self.says if self.reason in _FIXES_ARE_SHOWN else f"{self.says}: {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the pipeline at one moment. Whoever leaves a field out does not know it.

    `tallies`: of the unsettled leads, and of written ones that a person has to complete. `damaged`: a line for each
    damaged row, by its table. `swept_at`: when the sweep last said that it runs; None if it never did. `oldest_lead`:
    when the first lead was received. `last_lead` and `usual_gap`: when the last lead of a customer was received, and
    how long it usually takes at most until the next one. `wrong_keys`: posts of the last day with a wrong key since a
    lead came with a right one; `wrong_key_at`: when the first of them came. `reconciled_at`: until when the leads are
    compared with Partner Center; `first_day`: the day of the oldest record. `others`: what other modules found.
    """

    at: datetime
    tallies: Tallies = field(default_factory=dict)
    on_poison_queue: int = 0
    messages_without_record: int = 0
    damaged: Mapping[str, Sequence[str]] = field(default_factory=dict)
    damaged_marks: Sequence[str] = ()
    mapping_faults: Sequence[str] = ()
    switched_off: Mapping[str, str] = field(default_factory=dict)
    ending: Ending | None = None
    knows_the_sweep: bool = True
    swept_at: datetime | None = None
    oldest_lead: datetime | None = None
    last_lead: datetime | None = None
    usual_gap: timedelta | None = None
    wrong_keys: int = 0
    wrong_key_at: datetime | None = None
    reconciled_at: datetime | None = None
    first_day: date | None = None
    others: Sequence[Attention] = ()


class Stage(StrEnum):
    """Why a person hears of it now."""

    BEGINS = "begins"
    LASTS = "lasts"  # once a day
    OVER = "over"
    TEST = "test"  # `leadpipe notify --test`


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is posted to LEADPIPE_NOTIFY_URL. `app` says which leadpipe: the site's name or the storage account's."""

    stage: Stage
    app: str
    attention: Attention
    at: datetime


def attention_of(facts: Facts, settings: Settings) -> list[Attention]:
    """Everything that needs a person, leads first. Nothing else decides that."""
    return [
        *_of_leads(facts.tallies),
        *_of_waiting(facts.tallies, facts.at),
        *_of_queues(facts),
        *_of_damage(facts),
        *_of_settings(facts, settings),
        *_of_sweep(facts),
        *_of_silence(facts),
        *_of_reconcile(facts),
        *facts.others,
    ]


def _of_leads(tallies: Tallies) -> Iterator[Attention]:
    """Leads that no retry helps, or that wait for something that only a person can fix."""
    wanted = [tally for tally in tallies.values() if tally.state not in OPEN or tally.reason in BLOCKED]
    for reason, group in _by_reason(wanted):
        kind, fix = _kind_and_fix(group[0].state, reason)
        says = ", ".join(f"{tally.leads} {tally.state}" for tally in group)
        yield Attention(
            reason=kind,
            about=reason,
            says=f"{says} ({reason})",
            fix=fix,
            count=sum(tally.leads for tally in group),
            since=min(tally.oldest for tally in group),
        )


def _kind_and_fix(state: State, reason: str) -> tuple[str, str]:
    if state is State.POISONED:
        return (
            "poisoned",
            f"`leadpipe poison list --cause {reason}` says the fix" if reason else "`leadpipe poison list`",
        )
    if state is State.WRITTEN:
        return "incomplete", "`leadpipe status` names the oldest; complete it in Dynamics, then `leadpipe complete ID`"
    return "blocked", "`leadpipe doctor` says what is wrong and how to fix it; the leads then go on by themselves"


def _by_reason(tallies: Iterable[Tally]) -> list[tuple[str, list[Tally]]]:
    """The tallies of one kind and reason together, the most leads first."""

    def key(tally: Tally) -> tuple[bool, bool, str]:
        return tally.state is State.POISONED, tally.state is State.WRITTEN, tally.reason

    groups = [(of[2], [*group]) for of, group in groupby(sorted(tallies, key=key), key)]
    return sorted(groups, key=lambda group: -sum(tally.leads for tally in group[1]))


def _of_waiting(tallies: Tallies, at: datetime) -> Iterator[Attention]:
    """Open leads that have waited so long that a person has to look, whatever they wait for."""
    open_ones = [tally for tally in tallies.values() if tally.state in OPEN]
    for reason, group in _by_reason(tally for tally in open_ones if tally.failing and tally.reason not in BLOCKED):
        since = min(tally.failing_since for tally in group if tally.failing_since)
        says = ", ".join(f"{tally.failing} {tally.state}" for tally in group)
        yield Attention(
            reason="waiting",
            about=reason,
            says=f"{says} ({reason}), failing for {in_words(at - since)}",
            fix=f"`leadpipe status` says what `{reason}` means; `leadpipe show ID` has a lead's history",
            count=sum(tally.failing for tally in group),
            since=since,
        )
    late = [tally for tally in open_ones if tally.overdue and not _waits_behind_a_probe(tally, tallies, at)]
    if late:
        both = reduce(together, late)
        yield Attention(
            reason="overdue",
            says=f"{both.overdue} open and overdue for {in_words(at - (both.overdue_since or at))}",
            fix="see whether the functions `deliver` and `sweep` run; `leadpipe balance` names the leads",
            count=both.overdue,
            since=both.overdue_since,
        )


def _waits_behind_a_probe(tally: Tally, tallies: Tallies, at: datetime) -> bool:
    """Whether resting leads wait only until one of them gets through: in an outage one at a time is tried."""
    resting = (other.tried_at for other in tallies.values() if other.state is State.FALLBACK)
    return tally.state is State.FALLBACK and max(resting) >= at - TOO_LONG


def _of_queues(facts: Facts) -> Iterator[Attention]:
    if facts.on_poison_queue:
        yield Attention(
            reason="poison_queue",
            says=f"{facts.on_poison_queue} on the queue leads-poison",
            fix="see whether the function `sweep` runs: it takes them from there every minute",
            count=facts.on_poison_queue,
        )
    if messages := facts.messages_without_record:
        counted = "1 message" if messages == 1 else f"{messages} messages"
        yield Attention(
            reason="message_without_record",
            says=f"{counted} without a record on the queue leads",
            fix="`leadpipe balance` names those it can see",
            count=messages,
        )


_ROWS = {"leadledger": "row", "leadclaims": "claim", "marketplaceleads": "row"}


def _of_damage(facts: Facts) -> Iterator[Attention]:
    """Names the first damaged row in full; `leadpipe balance` names the others."""
    for table, rows in facts.damaged.items():
        if not rows:
            continue
        kind = _ROWS.get(table, "row")
        counted = f"1 {kind} of {table} is" if len(rows) == 1 else f"{len(rows)} {kind}s of {table} are"
        yield Attention(
            reason="damaged_rows",
            about=table,
            says=f"{counted} damaged ({rows[0]})",
            fix="`leadpipe balance` says what to do",
            count=len(rows),
        )
    if facts.damaged_marks:
        yield Attention(
            reason="damaged_marks",
            says=f"marks of the sweep are damaged ({', '.join(facts.damaged_marks)})",
            fix="the next sweep replaces them; if it lasts, see whether the app and its sweep run",
        )


def _of_settings(facts: Facts, settings: Settings) -> Iterator[Attention]:
    for fault in settings.stopping:
        yield Attention(
            reason="setting",
            about=fault.setting,
            says=str(fault),
            fix="correct the app setting; `leadpipe doctor` shows all of them",
        )
    for fault_of_mapping in facts.mapping_faults:
        yield Attention(
            reason="mapping",
            says=f"the mapping file cannot be used ({fault_of_mapping})",
            fix="`leadpipe mapping check` lists all faults",
        )
    for function, setting in facts.switched_off.items():
        yield Attention(
            reason="switched_off",
            about=function,
            says=f"the function {function} is switched off",
            fix=f"remove the app setting {setting}, unless it is intended",
        )
    today = facts.at.astimezone(UTC).date()
    if facts.ending and facts.ending.is_urgent(today):
        yield Attention(
            reason="credential",
            about=facts.ending.name,
            says=f"{facts.ending.says(today)} (shown from {URGENT_DAYS} d before)",
            fix=facts.ending.renew,
        )


def _of_sweep(facts: Facts) -> Iterator[Attention]:
    if not facts.knows_the_sweep:
        return
    if facts.swept_at is None:
        if facts.oldest_lead and facts.at - facts.oldest_lead > SWEEP_STANDS_STILL:
            yield Attention(reason="sweep_stands_still", says="the sweep has never run", fix=_SWEEP_FIX)
    elif facts.at - facts.swept_at > SWEEP_STANDS_STILL:
        yield Attention(
            reason="sweep_stands_still",
            says=f"the sweep stands still: it last ran {in_words(facts.at - facts.swept_at)} ago",
            fix=_SWEEP_FIX,
            since=facts.swept_at,
        )


def _of_silence(facts: Facts) -> Iterator[Attention]:
    """No lead for unusually long, or none with a right key: nothing here fails, and yet leads may be lost."""
    silent = facts.at - facts.last_lead if facts.last_lead else timedelta(0)
    if facts.usual_gap is not None and silent > facts.usual_gap:
        yield Attention(
            reason="silent",
            says=f"no lead for {in_words(silent)}; the longest usual time without one is {in_words(facts.usual_gap)}",
            fix="`leadpipe send-test`, then compare the address and key in Partner Center with those of the endpoint",
            since=facts.last_lead,
        )
    if facts.wrong_keys:
        posts = "1 post" if facts.wrong_keys == 1 else f"{facts.wrong_keys} posts"
        yield Attention(
            reason="wrong_key",
            says=f"{posts} with a wrong key, and no lead with a right one since",
            fix="`leadpipe keys`; put the key in Partner Center right, or its value back into LEADPIPE_KEYS, then"
            " `leadpipe poison replay --state rejected --cause wrong_key`",
            count=facts.wrong_keys,
            since=facts.wrong_key_at,
        )


def _of_reconcile(facts: Facts) -> Iterator[Attention]:
    """Leads that never came here can only be found in Partner Center, and only for six months."""
    first = datetime.combine(facts.first_day, time(), UTC) if facts.first_day else None
    since = facts.reconciled_at or first
    if since is not None and facts.at - since > RECONCILE_EVERY:
        how_long = f"for {(facts.at - since).days} days" if facts.reconciled_at else "yet"
        yield Attention(
            reason="not_reconciled",
            says=f"leads were not compared with Partner Center {how_long}, which drops them after six months",
            fix="export its Leads page, then `leadpipe reconcile FILE`",
            since=since,
        )
