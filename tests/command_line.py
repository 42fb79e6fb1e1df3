"""leadpipe's commands as the command line knows them, built once: building them takes longer than most calls."""

import functools
from typing import Any

from typer.main import get_command

from leadpipe.cli.app import app


@functools.cache
def command_line() -> Any:
    return get_command(app)
