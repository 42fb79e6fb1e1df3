"""The options that several commands share, so that each is spelled and explained once."""

import getpass
import socket
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from leadpipe.model.lead_id import is_lead_id
from leadpipe.ops.span import since_of
from leadpipe.wiring import now


def _lead_id(text: str) -> str:
    """As Dynamics writes ids is as good as our own way: in upper case or in braces."""
    lead_id = text.strip().strip("{}").lower()
    if not is_lead_id(lead_id):
        raise typer.BadParameter(
            "a lead id looks like 01890a5d-ac96-774b-bcce-b302099a8057; `leadpipe leads` lists them"
        )
    return lead_id


def _start(text: str) -> datetime:
    try:
        return since_of(text, now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def user_at_host() -> str:
    """Who runs the command, for the history of a lead."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under an id that has no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


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
        parser=_start,
        metavar="SPAN",
        help="How far back: 7d, 24h, 30m, or since a UTC day or time like 2026-11-01.",
    ),
]
