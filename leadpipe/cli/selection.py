"""Which leads a decision is about: named one by one, or by a filter over what is poisoned or rejected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer

from leadpipe.cli.say import say
from leadpipe.model.record import State
from leadpipe.operations.find import FOR_A_DECISION, Wanted, grouped, oldest_first
from leadpipe.operations.summary import Group
from leadpipe.operations.target import Target

_CHOICES = "--cause, --since, --offer, --state or --all"

OneState = Annotated[
    State | None, typer.Option("--state", metavar="STATE", help="Only those that are poisoned, or only rejected ones.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The leads, oldest first, and how many there are for each cause; `named` by their ids."""

    lead_ids: Sequence[str]
    named: bool
    groups: Sequence[Group] = field(default=())

    def say_counts(self, verb: str) -> None:
        """Says how many there are, by cause where a filter chose them."""
        for group in self.groups:
            say(f"  {group.leads} {group.oldest.state} ({group.reason})")
        say(f"{leads(len(self.lead_ids))} to {verb}")


def leads(number: int) -> str:
    return "1 lead" if number == 1 else f"{number} leads"


def selected(lead_ids: Sequence[str], wanted: Wanted, *, everything: bool, target: Target) -> Selection:
    """What the command line chose. Raises a usage error when that is nothing, or both ways at once."""
    narrowed = bool(wanted.causes or wanted.since or wanted.offer)
    filtered = narrowed or everything or wanted.states != FOR_A_DECISION
    if everything and narrowed:
        raise typer.BadParameter("--all leaves nothing to --cause, --since and --offer: give it, or them")
    if lead_ids and filtered:
        raise typer.BadParameter(f"name leads by ID or choose them by {_CHOICES}, not both")
    if not (lead_ids or filtered):
        raise typer.BadParameter(f"which leads? Name them by ID, or choose by {_CHOICES}")
    if lead_ids:
        return Selection(lead_ids=[*dict.fromkeys(lead_ids)], named=True)
    found: list[str] = []
    groups = grouped(oldest_first(target.ledger, wanted), found)
    say_causes_there(wanted, groups, target=target)
    return Selection(lead_ids=sorted(found), named=False, groups=groups)


def say_causes_there(wanted: Wanted, groups: Iterable[Group], *, target: Target) -> None:
    """Says of wanted causes that no lead has which there are instead: the name may be mistyped."""
    absent = wanted.causes - {group.reason for group in groups}
    if not absent:
        return
    waiting = grouped(oldest_first(target.ledger, Wanted(states=wanted.states)))
    there = ", ".join(dict.fromkeys(group.reason for group in waiting)) or "none"
    say(f"no lead has the cause {', '.join(sorted(absent))}; there are: {there}")


def states_of(state: State | None) -> frozenset[State]:
    """The states that `--state` means, both where it is not given."""
    if state is None:
        return FOR_A_DECISION
    if state not in FOR_A_DECISION:
        raise typer.BadParameter("it is poisoned or rejected", param_hint="--state")
    return frozenset({state})
