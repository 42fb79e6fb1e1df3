"""Prints messages for the operator on stderr, so that stdout holds only data."""

from collections.abc import Callable
from itertools import count

import typer

from leadpipe.cli.terminal_text import one_line

# A command that is not about damage names only so many damaged rows.
MOST_NAMED = 5


def say(text: str) -> None:
    typer.echo(one_line(text), err=True)


def damage_reporter() -> Callable[[str], None]:
    """A function that reports a damaged row; after the first few it says once that there are more."""
    number = count(1)

    def report(row: str) -> None:
        match next(number):
            case nth if nth <= MOST_NAMED:
                say(f"a row of the ledger is damaged: {row}")
            case nth if nth == MOST_NAMED + 1:
                say("more rows are damaged: `leadpipe balance` names each")

    return report
