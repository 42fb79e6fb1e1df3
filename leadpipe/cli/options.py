"""Defines the options that several commands share, so that each is spelled and explained once."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from leadpipe.model.lead_id import is_lead_id
from leadpipe.operations.decisions import user_at_host
from leadpipe.operations.span import since_of
from leadpipe.wiring import now

T = TypeVar("T")


def _lead_id(text: str) -> str:
    """Takes ids as Dynamics writes them too: in upper case or in braces."""
    lead_id = text.strip().strip("{}").lower()
    if not is_lead_id(lead_id):
        raise typer.BadParameter(
            "a lead id looks like 01890a5d-ac96-774b-bcce-b302099a8057; `leadpipe leads` lists them"
        )
    return lead_id


def _lead_ids(texts: list[str] | None) -> list[str]:
    return [_lead_id(text) for text in texts or []]


def _actor(named: str) -> str:
    return named or user_at_host()


def usage(parse: Callable[[str], T]) -> Callable[[str], T]:
    """The parser for an option: its ValueError becomes a usage error."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return parsed


SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Take the settings from this file, in the shape of local.settings.json.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON array of records instead of a table.")]
LeadId = Annotated[
    str, typer.Argument(metavar="ID", callback=_lead_id, help="The lead's id, whole.", show_default=False)
]
Since = Annotated[
    datetime | None,
    typer.Option(
        parser=usage(lambda text: since_of(text, now())),
        metavar="SPAN",
        help="How far back: 7d, 24h, 30m, or since a UTC day or time like 2026-11-01.",
    ),
]
LeadIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", callback=_lead_ids, help="Leads by their ids, whole.", show_default=False),
]
Reasons = Annotated[
    list[str] | None, typer.Option("--cause", metavar="CAUSE", help="Only leads with this cause, may be given again.")
]
Offer = Annotated[str, typer.Option("--offer", metavar="TEXT", help="Only leads whose offer has this text in it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before changing more than one lead.")]
Rate = Annotated[float | None, typer.Option(min=0.01, metavar="N", help="At most so many leads a second.")]
Actor = Annotated[
    str,
    typer.Option(
        callback=_actor, metavar="NAME", help="Who decides, for the lead's history.", show_default="user@host"
    ),
]
