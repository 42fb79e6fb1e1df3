"""The options of `leadpipe setup`, checked before anything is read from Dynamics."""

from enum import Enum, auto
from typing import Annotated

import typer

from leadpipe.model.guid import is_guid
from leadpipe.operations.setup.application import is_tenant


class Mode(Enum):
    """What `leadpipe setup` does. REHEARSE and REHEARSE_REMOVAL are --apply and --remove with --dry-run."""

    SHOW = auto()
    AZURE = auto()
    APPLY = auto()
    REHEARSE = auto()
    REMOVE = auto()
    REHEARSE_REMOVAL = auto()

    @property
    def removes(self) -> bool:
        return self in {Mode.REMOVE, Mode.REHEARSE_REMOVAL}

    @property
    def changes(self) -> bool:
        return self in {Mode.APPLY, Mode.REMOVE}


def mode_of(*, apply: bool, remove: bool, azure: bool, dry_run: bool) -> Mode:
    """The mode that the flags choose. Raises a usage error for flags that exclude each other."""
    if apply and remove:
        raise typer.BadParameter("--apply and --remove are one or the other")
    if azure and (apply or remove):
        raise typer.BadParameter("--azure only shows commands: give it without --apply and --remove")
    if apply:
        return Mode.REHEARSE if dry_run else Mode.APPLY
    if remove:
        return Mode.REHEARSE_REMOVAL if dry_run else Mode.REMOVE
    return Mode.AZURE if azure else Mode.SHOW


def _id(text: str) -> str:
    if text and not is_guid(text):
        raise typer.BadParameter("an id looks like aaaabbbb-0000-cccc-1111-dddd2222eeee")
    return text


def _tenant(text: str) -> str:
    if text and not is_tenant(text):
        raise typer.BadParameter(
            "a directory's id looks like aaaabbbb-0000-cccc-1111-dddd2222eeee, its name like contoso.com"
        )
    return text


def _unit(text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise typer.BadParameter("give the business unit's name; without the option it is the root")
    return text


ClientId = Annotated[
    str,
    typer.Option(
        callback=_id,
        metavar="ID",
        help="The application's client id, or a managed identity's application id. Left out: as the settings have it.",
        show_default=False,
    ),
]
Tenant = Annotated[
    str,
    typer.Option(
        callback=_tenant,
        metavar="ID",
        help="The directory to sign in to, by id or domain name. Left out: as the settings have it, else your own.",
        show_default=False,
    ),
]
Unit = Annotated[
    str | None,
    typer.Option(
        "--business-unit",
        callback=_unit,
        metavar="NAME",
        help="The application user's business unit. Left out: the root.",
    ),
]
