"""The sweep: once a minute, it finishes what nothing else will.

A process can die between any two writes, a store can be away for one of them, and the host gives up on a message
after five crashes. The sweep finds what was left undone: records that should have been tried, messages in the host's
poison queue, leads in the fallback table, rows that the marketplace itself wrote.

Two sweeps at once are harmless: everything they do is an insert, a write under an ETag, or a message that may come
twice. An item that fails is logged and stays where it is; the loop goes on with the next (guard.py). The marks of a
task are written before the next one begins, even if it ran out of time. Each task has a file; TASKS lists the order.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from leadpipe.model.errors import reason_of
from leadpipe.model.log_line import log_line
from leadpipe.model.marks import damage, set_aside
from leadpipe.model.ports import Marks, Ports
from leadpipe.model.settings import Settings
from leadpipe.sweep.arrivals import take_in_arrivals
from leadpipe.sweep.attention import call_for_attention
from leadpipe.sweep.canary import keep_a_canary_out
from leadpipe.sweep.expiry import warn_of_expiry
from leadpipe.sweep.fallback import drain_fallback
from leadpipe.sweep.overdue import look_back, queue_overdue
from leadpipe.sweep.poison_queue import bring_back_poisoned
from leadpipe.sweep.retention import forget_old
from leadpipe.sweep.run import LONGEST_SWEEP, Head, Run

LOOK_BACK_EVERY = timedelta(hours=1)

Task = Callable[[Marks, Run], Marks]

TASKS: dict[str, Task] = {
    "poison_queue": bring_back_poisoned,
    "overdue": queue_overdue,
    "look_back": look_back,
    "fallback": drain_fallback,
    "arrivals": take_in_arrivals,
    "retention": forget_old,
    "expiry": warn_of_expiry,
    "canary": keep_a_canary_out,
    "attention": call_for_attention,
}

log = logging.getLogger(__name__)


def sweep(
    *,
    now: Callable[[], datetime],
    chance: float,
    ports: Ports,
    settings: Settings,
    at_once: int = 1,
    tasks: Mapping[str, Task] | None = None,
) -> None:
    """Runs every task, or those given. One that fails is logged and does not stop the next.

    `at_once`: how many resting leads are delivered at the same time.
    Raises StorageFailed if the marks cannot be read, because then storage is away.
    """
    stored = ports.marks.read()
    marks = set_aside(stored, now())
    run = Run(
        now=now,
        until=now() + LONGEST_SWEEP,
        hourly=marks.looked_back_at is None or now() - marks.looked_back_at >= LOOK_BACK_EVERY,
        head=Head(ports.queue),
        at_once=at_once,
        chance=chance,
        ports=ports,
        settings=settings,
    )
    for mark in damage(stored, now()):
        log.error(log_line("mark_damaged", mark=mark))
    marks = keep_marks("marks", stored, marks, run)
    for name, task in (tasks or TASKS).items():
        try:
            after = task(marks, run.for_one_task())
        except Exception as error:  # noqa: BLE001 - one task's fault must not stop the next
            log.error(log_line("sweep_failed", step=name, reason=reason_of(error)))
        else:
            marks = keep_marks(name, marks, after, run)


def keep_marks(task: str, before: Marks, after: Marks, run: Run) -> Marks:
    """Writes the marks and returns them as they now are. If that fails, returns `after`, for the next task to write."""
    if after == before:
        return before
    try:
        run.ports.marks.write(before, after)
        return set_aside(run.ports.marks.read(), run.now())
    except Exception as error:  # noqa: BLE001 - the tasks matter more than their marks
        log.error(log_line("sweep_failed", step=task, reason=reason_of(error)))
        return after
