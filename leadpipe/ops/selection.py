"""Which leads a decision is about: named one by one, or by a filter over what waits for a person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

import typer

from leadpipe.model.record import Record, State
from leadpipe.ops.leads import Wanted, oldest_first
from leadpipe.ops.summary import Group
from leadpipe.ops.target import Target
from leadpipe.ops.words import say

WAITING_FOR_A_PERSON = frozenset({State.POISONED, State.REJECTED})

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


def selected(
    lead_ids: Sequence[str], wanted: Wanted, *, everything: bool, target: Target, until: datetime
) -> Selection:
    """What the command line chose. Raises a usage error when that is nothing, or both ways at once."""
    filtered = bool(wanted.causes or wanted.since or wanted.offer)
    if lead_ids and (filtered or everything):
        raise typer.BadParameter("name leads by ID or choose them by --cause, --since, --offer or --all, not both")
    if not (lead_ids or filtered or everything):
        raise typer.BadParameter("which leads? Name them by ID, or choose by --cause, --since, --offer or --all")
    if lead_ids:
        return Selection(lead_ids=[*dict.fromkeys(lead_ids)], named=True)
    found: list[str] = []
    groups = grouped(oldest_first(target.ledger, wanted, until=until), found)
    return Selection(lead_ids=sorted(found), named=False, groups=groups)


def grouped(records: Iterable[Record], ids: list[str] | None = None) -> list[Group]:
    """One group for each state and cause, the largest first; adds each lead's id to `ids`."""
    groups: dict[tuple[State, str], Group] = {}
    for record in records:
        groups.setdefault((record.state, record.reason), Group(oldest=record)).add(record)
        if ids is not None:
            ids.append(record.lead_id)
    return sorted(groups.values(), key=lambda group: -group.leads)


def states_of(state: State | None) -> frozenset[State]:
    """The states that `--state` means, both where it is not given."""
    if state is None:
        return WAITING_FOR_A_PERSON
    if state not in WAITING_FOR_A_PERSON:
        raise typer.BadParameter("it is poisoned or rejected", param_hint="--state")
    return frozenset({state})
