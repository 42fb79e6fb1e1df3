"""Carries out one decision for one lead or for thousands: asks first, keeps to a rate, and can be stopped.

Ctrl-C lets the current leads finish. After that, or after a crash, the same command goes on with the rest: a finished
lead is no longer in the state that the command looks for.
"""

import signal
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import takewhile
from types import FrameType
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from leadpipe.cli.exit_codes import INTERRUPTED
from leadpipe.cli.say import say
from leadpipe.cli.table import columns, print_records
from leadpipe.cli.terminal_text import one_line
from leadpipe.operations.batch import AS_IT_IS, T, paced
from leadpipe.operations.decisions import Outcome, Result

K = TypeVar("K")
SHOWN_EACH = 500
DRY_RUN = "dry run: nothing was changed"
RESULT_COLUMNS = columns(("lead_id", "outcome", "state"), ("reason", "detail"), at_most={"detail": 300})


class Stop:
    """Whether somebody pressed Ctrl-C."""

    pressed = False


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Notes the first Ctrl-C for the loop to see; the second one interrupts at once."""
    stop = Stop()

    def press(_signal: int, _frame: FrameType | None) -> None:
        stop.pressed = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def with_progress(items: Iterable[T], total: int, title: str) -> Iterator[T]:
    """The items, with a bar on stderr where that is a terminal and there is more than one."""
    screen = Console(stderr=True, highlight=False)
    if total < 2 or not screen.is_terminal:
        yield from items
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Rich would send what is printed on stdout meanwhile to stderr.
    with Progress(*columns, console=screen, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        yield from bar.track(items, total=total)


def watched(title: str) -> Callable[[Iterator[T]], Iterator[T]]:
    """Shows on stderr, where that is a terminal, how many items went by; nobody knows how many there are."""

    def shown(items: Iterator[T]) -> Iterator[T]:
        screen = Console(stderr=True, highlight=False)
        if not screen.is_terminal:
            yield from items
            return
        with screen.status(title) as status:
            for number, item in enumerate(items, start=1):
                if number % SHOWN_EACH == 0:
                    status.update(f"{title}: {number}")
                yield item

    return shown


def carry_out(
    lead_ids: Sequence[str],
    work: Callable[[Iterable[str]], Iterable[Result]],
    show: Callable[[Iterable[Result]], object],
    *,
    title: str,
    rate: float | None = None,
    dry_run: bool = False,
) -> tuple[Counter[Outcome], bool]:
    """Does the work while `show` prints its results; returns the count of each outcome, and whether it was stopped."""
    counts: Counter[Outcome] = Counter()
    with stoppable() as stop:
        wanted = with_progress(paced(lead_ids, rate), len(lead_ids), title)
        show(counting(work(takewhile(lambda _: not stop.pressed, wanted)), counts, lambda result: result.outcome))
    say_counts(counts, left=len(lead_ids) - counts.total(), dry_run=dry_run)
    return counts, stop.pressed


def unprinted(results: Iterable[Result]) -> None:
    """For `carry_out` where the results are printed in another way."""
    deque(results, maxlen=0)


def counting(items: Iterable[T], counts: Counter[K], key: Callable[[T], K]) -> Iterator[T]:
    """The items; counts each under its key as it goes by."""
    for item in items:
        counts[key(item)] += 1
        yield item


def say_counts(counts: Counter[Outcome], *, left: int, dry_run: bool) -> None:
    verbs = {outcome: "would be " if dry_run and outcome not in AS_IT_IS else "" for outcome in counts}
    words = ", ".join(f"{number} {verbs[outcome]}{outcome}" for outcome, number in counts.items())
    rest = f"; {left} not reached, the same command goes on with them" if left else ""
    say((words or "nothing was done") + rest)
    if dry_run:
        say(DRY_RUN)


def end(counts: Counter[Outcome], *, stopped: bool, named: bool) -> None:
    """Exits with the code that the outcomes mean; returns where that is 0."""
    if stopped:
        raise typer.Exit(INTERRUPTED)
    missed = counts[Outcome.CHANGED] or counts[Outcome.ON_ITS_WAY]
    if counts[Outcome.REFUSED] or counts[Outcome.FAILED] or (named and missed):
        raise typer.Exit(1)


def printer(*done: Outcome, as_json: bool) -> Callable[[Iterable[Result]], int]:
    """A function that prints all results as JSON, or a table of those whose outcome is another than `done`."""
    return lambda results: print_records(
        (asdict(result) for result in results if as_json or result.outcome not in done),
        RESULT_COLUMNS,
        as_json=as_json,
    )


def ask(question: str, *, yes: bool, instead: str = "--yes does") -> None:
    """Asks the question, unless --yes was given, and ends the command where the answer is not yes.

    `instead`: what to use where nobody can answer.
    """
    if yes:
        return
    try:
        if typer.confirm(one_line(question), err=True):
            return
    except typer.Abort:
        say("")
        say(f"nothing was changed: where nobody can answer, {instead}")
        raise typer.Exit(1) from None
    say("nothing was changed")
    raise typer.Exit(1)
