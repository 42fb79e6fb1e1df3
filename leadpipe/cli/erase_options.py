"""The options of `leadpipe erase`, checked before anything is read."""

from pathlib import Path
from typing import Annotated

import typer

from leadpipe.operations.addresses import is_address

Email = Annotated[
    str,
    typer.Option(
        "--email",
        metavar="X",
        help="Every lead with this whole e-mail address, in any case of letters. Asks even for one lead.",
    ),
]
Mentions = Annotated[
    bool, typer.Option("--mentions", help="With --email: also leads of other people that mention the address.")
]
Dynamics = Annotated[
    bool, typer.Option("--dynamics", help="Also delete each lead in Dynamics, signed in as an administrator.")
]
Empty = Annotated[
    bool,
    typer.Option(
        "--empty", help="With --dynamics: keep the row there, and empty its columns for a person and the mapping's own."
    ),
]
ReceiptFile = Annotated[
    Path | None,
    typer.Option("--receipt", metavar="FILE", help="Write a proof without personal data into this new file, as JSON."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before erasing.")]


def require_a_choice(lead_ids: list[str] | None, email: str, *, mentions: bool, dynamics: bool, empty: bool) -> None:
    """Raises a usage error for options that do not go together."""
    if bool(lead_ids) == bool(email.strip()):
        raise typer.BadParameter("name leads by ID, or one address with --email")
    if email and not is_address(email):
        raise typer.BadParameter("give a whole address, like jane@contoso.com", param_hint="--email")
    if mentions and not email:
        raise typer.BadParameter("--mentions goes with --email")
    if empty and not dynamics:
        raise typer.BadParameter("--empty goes with --dynamics")
