"""Says what needs a person: logs and posts it when it begins, once a day while it lasts, and when it is over.

It reads little: the unsettled leads since the watermark, one partition with what earlier sweeps counted and said, and
every five minutes what `pulse` counts.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import islice

from leadpipe.model.attention import OF_LEADS, Attention, Facts, Notice, Stage, attention_of
from leadpipe.model.canary import CanaryMark, canary_attention
from leadpipe.model.errors import LeadpipeError, reason_of
from leadpipe.model.expiry import ending_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Marks, Notifier, Ports
from leadpipe.model.pulse import Pulse
from leadpipe.model.record import UNSETTLED, Record, State
from leadpipe.model.settings import Settings
from leadpipe.model.told import Step, Told, after_post, is_due, steps_of
from leadpipe.model.waiting import Tallies, together
from leadpipe.sweep.pulse import keep_beating, uncounted
from leadpipe.sweep.run import Run

# Of more unsettled leads the rest is not read: they wait for the same few reasons.
MOST_LISTED = 5000

log = logging.getLogger(__name__)


def call_for_attention(marks: Marks, run: Run) -> Marks:
    """Beats the pulse where that is due, and says what needs a person."""
    pulse, told = run.ports.attention.read()
    damage, began = list[str](), run.now()
    unsettled = [*islice(_unsettled(marks, pulse, run, damage), MOST_LISTED)]
    rests = len(unsettled) == MOST_LISTED or any(record.state is State.FALLBACK for record in unsettled)
    run.ports.seen.nothing_rests_at = None if rests or marks.next_probe_at else began
    pulse = keep_beating(pulse, unsettled, marks, run)
    tallies = uncounted(unsettled, pulse, run)
    facts = facts_of(pulse, tallies, damage, marks=marks, ports=run.ports, settings=run.settings, at=run.now())
    wanted = attention_of(facts, run.settings)
    if len(unsettled) == MOST_LISTED:
        wanted += still_there(wanted, told)
    post(say(wanted, told, run), run)
    return marks


def still_there(wanted: Iterable[Attention], told: Mapping[str, Told]) -> list[Attention]:
    """What was said of leads and is not wanted now: there are more leads than were read, so it may not be over."""
    now = {attention.key for attention in wanted}
    there = (mark.attention for key, mark in told.items() if key not in now and not mark.is_over)
    return [attention for attention in there if attention.reason in OF_LEADS]


def facts_of(
    pulse: Pulse,
    tallies: Tallies,
    damage: Iterable[str],
    *,
    marks: Marks,
    ports: Ports,
    settings: Settings,
    at: datetime,
) -> Facts:
    """What the sweep knows: that it runs itself is one thing that it cannot miss."""
    beat = pulse.beat
    return Facts(
        at=at,
        tallies=merged(tallies, pulse.tallies),
        on_poison_queue=beat.poison_queue,
        messages_without_record=beat.without_record,
        damaged={
            **pulse.damaged,
            "leadledger": [*{**dict.fromkeys(damage), **dict.fromkeys(pulse.damaged.get("leadledger", ()))}],
        },
        mapping_faults=ports.mapping_faults(),
        switched_off=settings.switched_off,
        ending=ending_of(settings, certificate_ends=ports.certificate_ends()),
        knows_the_sweep=False,
        last_lead=beat.last_lead,
        usual_gap=pulse.usual_gap,
        wrong_keys=beat.wrong_keys,
        wrong_key_at=beat.wrong_key_at,
        reconciled_at=marks.reconciled_at,
        first_day=pulse.first_day,
        others=canary_attention(canary_mark(ports, settings), at, settings),
    )


def canary_mark(ports: Ports, settings: Settings) -> CanaryMark:
    """What became of the last canary; an empty mark if none is wanted."""
    return ports.canary_marks.read() if settings.canary else CanaryMark()


def merged(tallies: Tallies, others: Tallies) -> Tallies:
    """Both, those of one state and reason together."""
    both = {**others, **tallies}
    return both | {key: together(tallies[key], others[key]) for key in tallies.keys() & others.keys()}


def say(wanted: Iterable[Attention], told: Mapping[str, Told], run: Run) -> list[Told]:
    """Logs what begins, lasts or is over, and returns the marks of which something has to be posted.

    The mark is written first: the sweep that wrote it is the one that says it.
    """
    posts, guard, to_post = run.ports.notifier is not None, run.guard("attention"), list[Told]()
    steps = steps_of(wanted, told, run.now(), posts=posts)
    changed = {mark.attention.key for step in steps for mark in (step.before, step.after) if mark}
    if posts:
        again = (mark for key, mark in told.items() if key not in changed and is_due(mark, run.now()))
        steps += [Step(before=mark, after=replace(mark, tried_at=run.now())) for mark in again]
    for step in steps:
        with guard.item(attention=step.reason):
            to_post += _said(step, run)
    return to_post


def _said(step: Step, run: Run) -> Iterator[Told]:
    kept = run.ports.attention.mark(step.before, step.after)
    if kept and step.says:
        _log(step.says, kept.attention)
    if kept and kept.pending:
        yield kept


def post(marks: Iterable[Told], run: Run) -> None:
    """Posts what is pending. After one that fails, or without time, the rest waits for the next sweep."""
    notifier = run.ports.notifier
    for mark in marks:
        if notifier is None or not run.time_left() or not _is_posted(mark, notifier, run):
            return
        run.ports.attention.mark(mark, after_post(mark, run.now()))


def _is_posted(mark: Told, notifier: Notifier, run: Run) -> bool:
    notice = Notice(
        stage=mark.pending or Stage.LASTS, app=run.settings.app_name, attention=mark.attention, at=run.now()
    )
    try:
        notifier.send(notice)
    except Exception as error:  # noqa: BLE001 - nobody may lose a sweep over a webhook
        detail = error.detail if isinstance(error, LeadpipeError) else ""  # another's text may have the address
        log.error(log_line("notify_failed", reason=reason_of(error), detail=detail, of=mark.attention.reason))
        return False
    return True


def _unsettled(marks: Marks, pulse: Pulse, run: Run, damage: list[str]) -> Iterator[Record]:
    latest = (run.now() + MOST_AHEAD).date()
    return run.ports.ledger.between(uncounted_from(marks, pulse), latest, states=UNSETTLED, damage=damage)


def uncounted_from(marks: Marks, pulse: Pulse) -> date:
    """No lead from before the watermark is open. Those that the hourly count has not reached may be poisoned."""
    earliest = EPOCH.date()
    return min(marks.watermark or earliest, pulse.counted_before or earliest)


def _log(stage: Stage, attention: Attention) -> None:
    level = logging.INFO if stage is Stage.OVER else logging.ERROR
    line = log_line(
        "attention",
        stage=stage,
        reason=attention.reason,
        about=attention.about,
        count=attention.count or None,
        since=attention.since and f"{attention.since:%Y-%m-%dT%H:%M:%SZ}",
    )
    log.log(level, line)
