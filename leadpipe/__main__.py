"""Runs the command line, and turns each failure into one line and an exit code: `python -m leadpipe`, or `leadpipe`."""

import errno
import logging
import os
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb
from typing import NoReturn, TextIO

from leadpipe.cli.exit_codes import FAILED, INTERRUPTED, READER_GONE, USAGE
from leadpipe.model.errors import LeadpipeError

_CANNOT_BE_WRITTEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
_PACKAGE = Path(__file__).parent


def main() -> NoReturn:
    """Runs the command that sys.argv names; Typer itself reports usage errors, and exits with 2."""
    faults = _Faults()
    faults.take_over()
    try:
        code = _run()
    except LeadpipeError as error:
        from leadpipe.operations.causes import failure_in_words  # noqa: PLC0415 - only where the packages are there

        _say(failure_in_words(error))
        code = FAILED
    except (BrokenPipeError, SystemExit) as end:
        code = _code_of(end)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException as error:  # noqa: BLE001 - the last resort: never a traceback, which may quote a token or a lead
        code = _unforeseen(error)
    sys.exit(code or (FAILED if faults.seen else 0))


class _Faults:
    """Reports exceptions that no `except` reaches, in threads and at exit, in place of Python's traceback."""

    seen = False

    def take_over(self) -> None:
        threading.excepthook = lambda thread: self._of_a_thread(thread.exc_value)
        sys.unraisablehook = lambda unraisable: self._report(unraisable.exc_value)
        sys.excepthook = lambda _kind, error, _trace: self._report(error)
        logging.raiseExceptions = False
        logging.lastResort = None
        if not sys.warnoptions:
            warnings.simplefilter("ignore")

    def _of_a_thread(self, error: BaseException | None) -> None:
        self.seen = True
        self._report(error)

    @staticmethod
    def _report(error: BaseException | None) -> None:
        if error is not None and not isinstance(error, KeyboardInterrupt | BrokenPipeError):
            _say(_words(error))


def _code_of(end: BrokenPipeError | SystemExit) -> int:
    if isinstance(end, SystemExit) and not isinstance(end.__context__, BrokenPipeError):  # Typer makes a 1 of that
        return end.code if isinstance(end.code, int) else FAILED if end.code else 0
    _leave_unwritten(sys.stdout)
    return READER_GONE


def _unforeseen(error: BaseException) -> int:
    if isinstance(error, OSError) and error.errno in _CANNOT_BE_WRITTEN:
        _leave_unwritten(sys.stdout)
        _say(f"the output cannot be written: {os.strerror(error.errno)}")
    else:
        _say(_words(error))
    return FAILED


def _words(error: BaseException) -> str:
    """The kind and the innermost place of leadpipe's own; never the exception's text."""
    places = [(Path(frame.f_code.co_filename), line) for frame, line in walk_tb(error.__traceback__)]
    own = [(file, line) for file, line in places if file.is_relative_to(_PACKAGE)]
    where = f" in {own[-1][0].relative_to(_PACKAGE.parent).as_posix()} line {own[-1][1]}" if own else ""
    number = error.errno if isinstance(error, OSError) else None
    why = f" ({os.strerror(number)})" if isinstance(number, int) else ""
    return f"unforeseen: {type(error).__name__}{why}{where}: this is a fault in leadpipe, report it"


def _say(words: str) -> None:
    """Prints on stderr, which may be closed or full as well."""
    with suppress(OSError, ValueError):
        try:
            sys.stderr.write(f"leadpipe: {words}\n")
            sys.stderr.flush()
        except OSError:
            _leave_unwritten(sys.stderr)


def _leave_unwritten(stream: TextIO) -> None:
    """Drops the rest: its reader is gone or the disk is full, and Python would report that again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run() -> int:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the parent process closed it, as `>&-` does
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - it stays open to the end
        # A character that the terminal's encoding lacks must not end a command.
        getattr(sys, name).reconfigure(errors="backslashreplace")
    try:
        from leadpipe.cli.app import app  # noqa: PLC0415 - the function app's own packages are not enough for it
    except ModuleNotFoundError as error:
        _say_what_is_missing(error)
    try:
        app(prog_name="leadpipe")
    finally:
        sys.stdout.flush()
    return 0


def _say_what_is_missing(error: ModuleNotFoundError) -> NoReturn:
    package = (error.name or "").partition(".")[0]
    if package in {"", "leadpipe"}:
        raise error
    fix = "pip install 'leadpipe[ops]', or beside a deployed app: pip install typer rich"
    _say(f"the command line needs {package}: {fix}")
    sys.exit(USAGE)


if __name__ == "__main__":
    main()
