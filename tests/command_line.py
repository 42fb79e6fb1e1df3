"""leadpipe's commands, built once for each process: Typer builds all of them anew for each call, which takes longer."""

import functools
from typing import Any

import typer.main

from leadpipe.cli.app import app

get_command = functools.cache(typer.main.get_command)


def command_line() -> Any:
    return get_command(app)
