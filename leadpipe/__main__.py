"""`python -m leadpipe`, also installed as `leadpipe`: the one place where a failure becomes a line and an exit code."""

import os
import sys
from typing import NoReturn

from leadpipe.model.errors import LeadpipeError

FAILED = 1
USAGE = 2
INTERRUPTED = 130


def main() -> NoReturn:
    """Runs the command that sys.argv names; usage errors are said by Typer, which exits with 2."""
    try:
        _run()
    except LeadpipeError as error:
        from leadpipe.ops.words import failure_in_words, say  # noqa: PLC0415 - only where the packages are there

        say(f"leadpipe: {failure_in_words(error)}")
        sys.exit(FAILED)
    except BrokenPipeError:
        # The reader, `head` perhaps, has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit()


def _run() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding does not have must not end a command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        from leadpipe.ops.cli import app  # noqa: PLC0415 - the function app's own packages are not enough for it
    except ModuleNotFoundError as error:
        _say_what_is_missing(error)
    try:
        app(prog_name="leadpipe")
    finally:
        sys.stdout.flush()


def _say_what_is_missing(error: ModuleNotFoundError) -> NoReturn:
    package = (error.name or "").partition(".")[0]
    if package in {"", "leadpipe"}:
        raise error
    fix = "pip install 'leadpipe[ops]', or beside a deployed app: pip install typer rich"
    sys.stderr.write(f"leadpipe: the command line needs {package}: {fix}\n")
    sys.exit(USAGE)


if __name__ == "__main__":
    main()
