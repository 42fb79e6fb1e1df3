"""`leadpipe console`: serves the console to the browser of this machine."""

import os
import signal
import webbrowser
from contextlib import suppress
from types import FrameType
from typing import Annotated

import typer

from leadpipe.cli.options import Actor, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.target import reach
from leadpipe.wiring import now

DEFAULT_PORT = 7171


def console(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 takes a free one.")
    ] = DEFAULT_PORT,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the browser.")] = False,
    actor: Actor = "",
    settings: SettingsFile = None,
) -> None:
    """Show the console in the browser: what waits, why, and the button that fixes it.

    Serves on 127.0.0.1 alone, until Ctrl-C, with this command's settings and rights. Prints the address that lets a
    browser in on stdout. An address works once; after each use the next one is printed.
    """
    from leadpipe.console.server import Server  # noqa: PLC0415 - only this command needs it, and its libraries

    server = Server(reach(context, settings), port=port, actor=actor, now=now, environment=dict(os.environ))
    server.door.on_entry = lambda: say(f"for another browser: {server.start_address}")
    typer.echo(f"listening {server.start_address}")
    if not no_browser:
        webbrowser.open(server.start_address)
    signal.signal(signal.SIGTERM, _interrupt)
    with suppress(KeyboardInterrupt):
        server.run()
    say("the console has ended")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Ends as on Ctrl-C: the leads that a plan has begun are finished."""
    raise KeyboardInterrupt
