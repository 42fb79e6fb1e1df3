"""Says what needs a person: logs and posts it when it begins, once a day while it lasts, and when it is over.

It reads little: the unsettled leads since the watermark, one partition with what earlier sweeps counted and said, and
every five minutes what `pulse` counts.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice

from leadpipe.model.attention import Attention, Facts, Notice, Stage, attention_of
from leadpipe.model.canary import CanaryMark, canary_attention
from leadpipe.model.errors import reason_of
from leadpipe.model.expiry import ending_of
from leadpipe.model.lead_id import EPOCH, MOST_AHEAD
from leadpipe.model.log_line import log_line
from leadpipe.model.ports import Marks, Notifier, Ports
from leadpipe.model.pulse import Pulse
from leadpipe.model.record import UNSETTLED, Record
from leadpipe.model.settings import Settings
from leadpipe.model.told import Told, after_post, is_due, steps_of
from leadpipe.model.waiting import Tallies, tallies_of, together
from leadpipe.sweep.pulse import is_counted, keep_beating
from leadpipe.sweep.run import Run

# Of more unsettled leads the rest is not read: they wait for the same few reasons.
MOST_LISTED = 5000

log = logging.getLogger(__name__)


def call_for_attention(marks: Marks, run: Run) -> Marks:
    """Beats the pulse where that is due, and says what needs a person."""
    pulse, told = run.ports.attention.read()
    damage: list[str] = []
    unsettled = [*islice(_unsettled(marks, run, damage), MOST_LISTED)]
    counted_now = (record for record in unsettled if not record.is_canary and not is_counted(record, pulse))
    tallies = tallies_of(counted_now, run.now())
    pulse = keep_beating(pulse, tallies, marks, run)
    facts = facts_of(pulse, tallies, damage, run)
    post(say(attention_of(facts, run.settings), told, run), run)
    return marks


def facts_of(pulse: Pulse, tallies: Tallies, damage: Iterable[str], run: Run) -> Facts:
    """What the sweep knows: that it runs itself is one thing that it cannot miss."""
    settings, beat = run.settings, pulse.beat
    return Facts(
        at=run.now(),
        tallies=merged(tallies, pulse.tallies),
        on_poison_queue=beat.poison_queue,
        messages_without_record=beat.without_record,
        damaged={
            **pulse.damaged,
            "leadledger": [*{**dict.fromkeys(damage), **dict.fromkeys(pulse.damaged.get("leadledger", ()))}],
        },
        mapping_faults=run.ports.mapping_faults(),
        switched_off=settings.switched_off,
        ending=ending_of(settings, certificate_ends=run.ports.certificate_ends()),
        knows_the_sweep=False,
        last_lead=beat.last_lead,
        usual_gap=pulse.usual_gap,
        wrong_keys=beat.wrong_keys,
        wrong_key_at=beat.wrong_key_at,
        others=canary_attention(canary_mark(run.ports, settings), run.now(), settings),
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
    to_post = []
    for step in steps_of(wanted, told, run.now(), posts=run.ports.notifier is not None):
        kept = run.ports.attention.mark(step.before, step.after)
        if kept is None:
            continue
        if step.says:
            _log(step.says, kept.attention)
        if kept.pending:
            to_post.append(kept)
    written = {mark.attention.key for mark in to_post}
    again = (mark for key, mark in told.items() if key not in written and is_due(mark, run.now()))
    return to_post + [
        tried for mark in again if (tried := run.ports.attention.mark(mark, replace(mark, tried_at=run.now())))
    ]


def post(marks: Iterable[Told], run: Run) -> None:
    """Posts what is pending. After one that fails, or without time, the rest waits for the next sweep."""
    notifier = run.ports.notifier
    for mark in marks:
        if notifier is None or not run.time_left() or not _is_posted(mark, notifier, run):
            return
        run.ports.attention.mark(mark, after_post(mark))


def _is_posted(mark: Told, notifier: Notifier, run: Run) -> bool:
    notice = Notice(
        stage=mark.pending or Stage.LASTS, app=run.settings.app_name, attention=mark.attention, at=run.now()
    )
    try:
        notifier.send(notice)
    except Exception as error:  # noqa: BLE001 - nobody may lose a sweep over a webhook
        log.error(
            log_line(
                "notify_failed", reason=reason_of(error), detail=getattr(error, "detail", ""), of=mark.attention.reason
            )
        )
        return False
    return True


def _unsettled(marks: Marks, run: Run, damage: list[str]) -> Iterator[Record]:
    """No lead from before the watermark is open."""
    latest = (run.now() + MOST_AHEAD).date()
    return run.ports.ledger.between(marks.watermark or EPOCH.date(), latest, states=UNSETTLED, damage=damage)


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
