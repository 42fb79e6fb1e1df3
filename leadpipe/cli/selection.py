"""The leads that a decision is about: named by ID, or chosen by a filter over what is poisoned or rejected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import typer

from leadpipe.cli.options import LeadIds, Offer, Reasons, Since
from leadpipe.cli.say import say
from leadpipe.model.record import State
from leadpipe.operations.find import FOR_A_DECISION, Search, oldest_first
from leadpipe.operations.summary import Group, grouped
from leadpipe.operations.target import Target

_CHOICES = "--cause, --since, --offer, --state or --all"

OneState = Annotated[
    State | None, typer.Option("--state", metavar="STATE", help="Only those that are poisoned, or only rejected ones.")
]


AllOfThem = Annotated[bool, typer.Option("--all", help="All that are poisoned or rejected.")]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """The options that filter what is poisoned or rejected."""

    cause: Reasons = None
    since: Since = None
    offer: Offer = ""
    state: OneState = None

    def wanted(self) -> Search:
        """Raises a usage error for another state."""
        if self.state is not None and self.state not in FOR_A_DECISION:
            raise typer.BadParameter("it is poisoned or rejected", param_hint="--state")
        states = FOR_A_DECISION if self.state is None else frozenset({self.state})
        return Search(states=states, reasons=frozenset(self.cause or ()), since=self.since, offer=self.offer)


@dataclass(frozen=True, kw_only=True)
class LeadChoice(Filter):
    """The options that choose leads for a decision."""

    lead_ids: LeadIds = None
    everything: AllOfThem = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The leads, oldest first, and how many there are for each reason; `named` by their ids."""

    lead_ids: Sequence[str]
    named: bool
    groups: Sequence[Group] = field(default=())

    def say_counts(self, verb: str) -> None:
        """Says how many there are, by reason where a filter chose them."""
        for group in self.groups:
            say(f"  {group}")
        say(f"{leads(len(self.lead_ids))} to {verb}")


def leads(number: int) -> str:
    return "1 lead" if number == 1 else f"{number} leads"


def selected(choice: LeadChoice, target: Target) -> Selection:
    """The leads that the command line chose. Raises a usage error when it chose none, or by ID and by filter."""
    wanted, lead_ids, everything = choice.wanted(), choice.lead_ids, choice.everything
    narrowed = bool(wanted.reasons or wanted.since or wanted.offer)
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
    groups = grouped(oldest_first(target.ports.ledger, wanted), found)
    say_reasons_there(wanted, groups, target=target)
    return Selection(lead_ids=sorted(found), named=False, groups=groups)


def say_reasons_there(wanted: Search, groups: Iterable[Group], *, target: Target) -> None:
    """Where no lead has a wanted reason, says which reasons there are: the name may be mistyped."""
    absent = wanted.reasons - {group.reason for group in groups}
    if not absent:
        return
    waiting = grouped(oldest_first(target.ports.ledger, Search(states=wanted.states)))
    there = ", ".join(dict.fromkeys(group.reason for group in waiting)) or "none"
    say(f"no lead has the cause {', '.join(sorted(absent))}; there are: {there}")
