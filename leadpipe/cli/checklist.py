"""Prints a checklist: a line for each step as soon as it is done, with a sign, and below it what to do about it."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TypeVar

from leadpipe.cli.json_output import print_json
from leadpipe.cli.say import say
from leadpipe.cli.terminal_text import one_line
from leadpipe.operations.doctor.finding import CheckResult, Finding
from leadpipe.operations.send_test import TrialStep
from leadpipe.operations.setup.step import Step, StepState

_SIGNS: dict[str, str] = {
    **dict.fromkeys((CheckResult.OK, StepState.DONE, StepState.CHANGED), "✓"),
    **dict.fromkeys((CheckResult.FAILED, StepState.FAILED, StepState.PERSON), "✗"),
    **dict.fromkeys((CheckResult.SKIPPED, StepState.LEFT), "–"),
    CheckResult.WARNING: "!",
    StepState.TO_DO: "+",
}
T = TypeVar("T", Finding, TrialStep, Step)


def print_checklist(steps: Iterable[T], text_of: Callable[[T], str], *, as_json: bool) -> list[T]:
    """Prints the steps and returns them. The JSON array comes last; it is printed also where a step raises."""
    printed: list[T] = []
    try:
        for step in steps:
            printed.append(step)
            if not as_json:
                sys.stdout.write(text_of(step))
                sys.stdout.flush()
    finally:
        if as_json:
            print_json(asdict(step) for step in printed)
    return printed


def entry(result: CheckResult | StepState, title: str, fact: str, *notes: str) -> str:
    """The text of one step: its line, and below the fact a line for each note that is not empty."""
    head = f"{_SIGNS[result]} {title} "
    lines = [f"{head}{one_line(fact)}", *(f"{'':<{len(head)}}{one_line(note)}" for note in notes if note)]
    return "".join(f"{line}\n" for line in lines)


@contextmanager
def when_stopped(words: Callable[[], str]) -> Iterator[None]:
    """Says the words on Ctrl-C, on a line of their own: the terminal shows ^C on the current one."""
    try:
        yield
    except KeyboardInterrupt:
        say("")
        say(words())
        raise
