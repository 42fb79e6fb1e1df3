"""What the forms of `leadpipe import` share: the source's account, the question, the progress and the report."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Annotated

import typer

from leadpipe.cli.batch import ask, counting, end, printer, say_counts, stoppable, with_progress
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.table import text_of
from leadpipe.operations.batch import paced
from leadpipe.operations.decisions import Outcome
from leadpipe.operations.moving.sources import Account, account_of
from leadpipe.operations.take_in import Item, TakingIn
from leadpipe.operations.target import Target


def _source(text: str) -> str:
    if ";" in text or "://" in text or "AccountKey" in text:
        raise typer.BadParameter(
            "give the name of an environment variable or of a file, never the connection string itself: a command line"
            " stays in the shell's history and is shown to everyone on the machine"
        )
    return text


From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="NAME",
        callback=_source,
        help="Another storage account: the environment variable that holds its connection string, or a file with it,"
        " such as the earlier app's local.settings.json.",
    ),
]


def account_from(source: str, target: Target) -> Account:
    """The account that --from names; says which it is where it is not leadpipe's own."""
    account = account_of(source, target, os.environ)
    if not account.is_own:
        say(f"from the storage account {account.name}")
    return account


def take_in_listed(
    items: Sequence[Item],
    taking: TakingIn,
    *,
    known_too: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    rate: float | None,
) -> None:
    """Takes in what is not here yet, after asking. `known_too`: the report has what is here already as well."""
    new = [*taking.not_here(items)]
    say_what_is_new(new, known=len(items) - len(new))
    if len(new) > 1 and not dry_run:
        number = sum(len(item.leads) for item in new)
        rest = f", and keep {others} as rejected" if (others := _others(new)) else ""
        ask(f"take in {leads(number)}, to be written into Dynamics{rest}?", yes=yes)
    chosen = items if known_too else new
    finish(*carry_in(chosen, len(chosen), taking, dry_run=dry_run, as_json=as_json, rate=rate))


def say_what_is_new(new: Sequence[Item], *, known: int) -> None:
    """Counts what may be leads, and what is not."""
    times = sorted(item.at for item in new if item.at)
    span = f", last written from {text_of(times[0])} until {text_of(times[-1])}" if times else ""
    say(f"{leads(sum(len(item.leads) for item in new))} to take in{span}")
    if others := _others(new):
        say(f"  {others} more that are no leads, to be kept as rejected")
    if known:
        say(f"  {known} already here")


def _others(items: Iterable[Item]) -> int:
    """How many of them have no lead in them."""
    return sum(not item.leads for item in items)


def carry_in(
    items: Iterable[Item], total: int, taking: TakingIn, *, dry_run: bool, as_json: bool, rate: float | None
) -> tuple[Counter[Outcome], bool]:
    """Takes the items in while it prints what became of each; returns the counts, and whether it was stopped."""
    counts: Counter[Outcome] = Counter()
    reasons: Counter[str] = Counter()
    begun: Counter[None] = Counter()
    new: Counter[bool] = Counter()
    show = printer(Outcome.TAKEN_IN, Outcome.ALREADY_HERE, as_json=as_json)
    with stoppable() as stop:
        wanted = with_progress(paced(items, rate, cost=lambda: new.pop(True, 0)), total, "take in")
        each = counting(takewhile(lambda _: not stop.pressed, wanted), begun, lambda _: None)
        taken = counting(taking.results(each), new, lambda result: result.outcome is not Outcome.ALREADY_HERE)
        results = counting(taken, counts, lambda result: result.outcome)
        show(counting(results, reasons, lambda result: result.reason if result.outcome is Outcome.FAILED else ""))
    say_counts(counts, left=max(0, total - begun.total()), dry_run=dry_run)
    for reason, number in reasons.items():
        if reason:
            say(f"  {number} failed ({reason})")
    return counts, stop.pressed


def finish(counts: Counter[Outcome], stopped: bool) -> None:
    if counts[Outcome.REJECTED]:
        say("`leadpipe poison list` shows what was no lead; what is one after all can be edited and replayed")
    end(counts, stopped=stopped, named=False)
