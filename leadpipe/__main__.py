"""`python -m leadpipe`, also installed as `leadpipe`: the one place where a failure becomes a line and an exit code."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from leadpipe.model.errors import LeadpipeError

FAILED = 1
USAGE = 2
INTERRUPTED = 130
# As a shell has it for a program that a closed pipe ended: what was asked is not known to be wrong.
READER_GONE = 141
_CANNOT_BE_WRITTEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def main() -> NoReturn:
    """Runs the command that sys.argv names; usage errors are said by Typer, which exits with 2."""
    try:
        _run()
    except LeadpipeError as error:
        from leadpipe.ops.words import failure_in_words, say  # noqa: PLC0415 - only where the packages are there

        say(f"leadpipe: {failure_in_words(error)}")
        sys.exit(FAILED)
    except BrokenPipeError:
        _leave_unwritten()
        sys.exit(READER_GONE)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Typer makes a 1 of it
            _leave_unwritten()
            sys.exit(READER_GONE)
        raise
    except OSError as error:
        if error.errno not in _CANNOT_BE_WRITTEN:
            raise
        _leave_unwritten()
        with suppress(OSError):
            sys.stderr.write(f"leadpipe: what it says cannot be written: {error.strerror}\n")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit()


def _leave_unwritten() -> None:
    """The reader, `head` perhaps, has seen enough, or the disk is full. Python would say so again when it flushes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us, as `>&-` does
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - it stays open to the end
        # A name that the terminal's encoding does not have must not end a command.
        getattr(sys, name).reconfigure(errors="backslashreplace")
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
