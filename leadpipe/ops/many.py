"""One decision for one lead or for thousands: counted and asked for first, in a measured pace, and stoppable.

Ctrl-C lets the leads that are being worked on come to their end. A run that was stopped, or died, is begun again with
the same words: what it has done is no longer in the state that it looks for.
"""

import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import takewhile
from types import FrameType
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from leadpipe.model.errors import LeadpipeError, NotAllowed, RecordDamaged, RowRefused, StorageFailed
from leadpipe.model.record import OPEN, Record, State
from leadpipe.ops.decisions import Outcome, Result
from leadpipe.ops.hostile_text import one_line
from leadpipe.ops.json_output import print_json
from leadpipe.ops.table import Column, print_table
from leadpipe.ops.words import failure_in_words, say

INTERRUPTED = 130
DRY_RUN = "dry run: nothing was changed"
# Said of leads that no decision changes, be it made or rehearsed.
AS_IT_IS = frozenset({Outcome.ALREADY_WRITTEN, Outcome.ALREADY_DISCARDED, Outcome.ON_ITS_WAY, Outcome.FAILED})
# Most of the time goes by waiting for storage.
AT_ONCE = 8
RESULT_COLUMNS = (
    Column(title="LEAD ID", field="lead_id", key=True),
    Column(title="OUTCOME", field="outcome", key=True),
    Column(title="STATE", field="state", key=True),
    Column(title="REASON", field="reason"),
    Column(title="DETAIL", field="detail", at_most=300),
)

T = TypeVar("T")


class Stop:
    """Whether somebody pressed Ctrl-C."""

    pressed = False


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Turns the first Ctrl-C into a wish that is looked at between two leads; the second one interrupts at once."""
    stop = Stop()

    def press(_signal: int, _frame: FrameType | None) -> None:
        stop.pressed = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def paced(
    items: Iterable[T],
    rate: float | None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[T]:
    """The items, no more than `rate` of them a second."""
    due = clock()
    for item in items:
        if rate:
            sleep(max(0.0, due - clock()))
            due = max(due, clock()) + 1 / rate
        yield item


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A decision to carry out; `done` is its outcome where all went well, `look` reads a record."""

    act: Callable[[str], Record]
    done: Outcome
    look: Callable[[str], Record | None]
    at_once: int = AT_ONCE

    def results(self, lead_ids: Iterable[str]) -> Iterator[Result]:
        """What became of each lead, in their order; begins no further one once storage no longer answers."""
        under_way: deque[Future[Result]] = deque()
        with ThreadPoolExecutor(self.at_once) as pool:
            for lead_id in lead_ids:
                under_way.append(pool.submit(self._result, lead_id))
                if len(under_way) < self.at_once:
                    continue
                result = under_way.popleft().result()
                yield result
                if result.outcome is Outcome.FAILED:
                    break
            yield from (future.result() for future in under_way)

    def _result(self, lead_id: str) -> Result:
        try:
            record = self.act(lead_id)
        except NotAllowed as why:
            return self._not_allowed(lead_id, why)
        except (RecordDamaged, RowRefused) as failure:  # this lead's own row; storage answers
            words = failure_in_words(failure)
            return Result(lead_id=lead_id, outcome=Outcome.REFUSED, reason=failure.slug, detail=words)
        except StorageFailed as failure:
            words = failure_in_words(failure)
            return Result(lead_id=lead_id, outcome=Outcome.FAILED, reason=failure.slug, detail=words)
        except LeadpipeError as why:
            return Result(lead_id=lead_id, outcome=Outcome.REFUSED, reason=why.slug, detail=why.detail)
        except Exception as error:  # noqa: BLE001 - what is wrong with one lead is not the next one's fault
            return Result.unforeseen(lead_id, error)
        found = record.state is State.WRITTEN and self.done is not Outcome.COMPLETED
        outcome = Outcome.WRITTEN if found else self.done
        detail = "Dynamics has it" if outcome is Outcome.WRITTEN else ""
        return Result(lead_id=lead_id, outcome=outcome, state=record.state, attempt=record.attempt, detail=detail)

    def _not_allowed(self, lead_id: str, why: NotAllowed) -> Result:
        """A lead that goes its way, or has gone it, is told apart from one that waits for a person still."""
        record = self.look(lead_id)
        return Result(
            lead_id=lead_id,
            outcome=self._stands(record),
            state=record.state if record else "",
            attempt=record.attempt if record else 0,
            reason=why.slug,
            detail=why.detail,
        )

    def _stands(self, record: Record | None) -> Outcome:
        if record is None:
            return Outcome.REFUSED
        if record.state is State.DISCARDED and self.done is Outcome.DISCARDED:
            return Outcome.ALREADY_DISCARDED
        if record.state is State.WRITTEN:
            return Outcome.ALREADY_WRITTEN
        return Outcome.ON_ITS_WAY if record.state in OPEN else Outcome.REFUSED


def carry_out(
    lead_ids: Sequence[str],
    work: Callable[[Iterable[str]], Iterable[Result]],
    tell: Callable[[Iterable[Result]], object],
    *,
    title: str,
    rate: float | None = None,
    dry_run: bool = False,
) -> tuple[Counter[Outcome], bool]:
    """Does the work while `tell` prints its results; how often each outcome came, and whether it was stopped."""
    counts: Counter[Outcome] = Counter()

    def counted(results: Iterable[Result]) -> Iterator[Result]:
        for result in results:
            counts[result.outcome] += 1
            yield result

    with stoppable() as stop:
        wanted = with_progress(paced(lead_ids, rate), len(lead_ids), title)
        tell(counted(work(takewhile(lambda _: not stop.pressed, wanted))))
    words = ", ".join(_counted(outcome, number, dry_run=dry_run) for outcome, number in counts.items())
    said = words or "nothing was done"
    left = len(lead_ids) - counts.total()
    say(f"{said}; {left} not reached, the same command goes on with them" if left else said)
    if dry_run:
        say(DRY_RUN)
    return counts, stop.pressed


def _counted(outcome: Outcome, number: int, *, dry_run: bool) -> str:
    return f"{number} would be {outcome}" if dry_run and outcome not in AS_IT_IS else f"{number} {outcome}"


def end(counts: Counter[Outcome], *, stopped: bool, named: bool) -> None:
    """Ends the command with the exit code that the outcomes mean; returns where that is 0."""
    if stopped:
        raise typer.Exit(INTERRUPTED)
    missed = counts[Outcome.CHANGED] or counts[Outcome.ON_ITS_WAY]
    if counts[Outcome.REFUSED] or counts[Outcome.FAILED] or (named and missed):
        raise typer.Exit(1)


def teller(done: Outcome, *, as_json: bool) -> Callable[[Iterable[Result]], int]:
    """Prints all results as JSON, or as a table those that are not what was meant."""
    if as_json:
        return lambda results: print_json(map(asdict, results))
    return lambda results: print_table(
        (asdict(result) for result in results if result.outcome is not done), RESULT_COLUMNS
    )


def ask(question: str, *, yes: bool, instead: str = "--yes does") -> None:
    """Goes on when the person says so, or has said so with --yes; else ends the command.

    `instead`: what does it where nobody can answer.
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
