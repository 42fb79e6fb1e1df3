"""Writes log lines to stderr, filtered by category as host.json's `logging.logLevel` says."""

import logging
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from time import gmtime

from devkit.functions_host import app_settings
from devkit.functions_host.errors import CannotStart

current_function: ContextVar[str] = ContextVar("current_function", default="")

_LEVELS = {
    "trace": logging.NOTSET,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
# The host's loggers are categories already; the app's belong to the function that runs.
_HOST_CATEGORIES = ("Host.", "Function.")


class CategoryFilter(logging.Filter):
    """Filters by the longest configured prefix of a record's category, as .NET's logger filter does."""

    def __init__(self, log_levels: Mapping[str, str]) -> None:
        super().__init__()
        self._levels = {key.lower(): _level(key, name) for key, name in log_levels.items()}
        self._default = self._levels.pop("default", logging.INFO)
        self._known: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self.level_of(_category(record.name))

    def level_of(self, category: str) -> int:
        if category not in self._known:
            name = category.lower()
            prefixes = [key for key in self._levels if name == key or name.startswith(f"{key}.")]
            self._known[category] = self._levels[max(prefixes, key=len)] if prefixes else self._default
        return self._known[category]


class _Formatter(logging.Formatter):
    converter = staticmethod(gmtime)
    default_msec_format = "%s.%03dZ"
    default_time_format = "%Y-%m-%dT%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        record.category = _category(record.name)
        return super().format(record)


def configure(log_levels: Mapping[str, str]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(CategoryFilter(log_levels))
    handler.setFormatter(_Formatter("[%(asctime)s] %(levelname)s %(category)s: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # The worker's own rule (dispatcher.py): INFO, or DEBUG if configured.
    root.setLevel(logging.DEBUG if app_settings.is_on("PYTHON_ENABLE_DEBUG_LOGGING") else logging.INFO)
    threading.excepthook = _log_thread_error


def _log_thread_error(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        logging.getLogger("Host.Threads").error("A thread died.", exc_info=args.exc_value)


def _category(logger_name: str) -> str:
    if logger_name.startswith(_HOST_CATEGORIES):
        return logger_name
    function = current_function.get()
    return f"Function.{function}.User" if function else logger_name


def _level(category: str, name: str) -> int:
    try:
        return _LEVELS[name.lower()]
    except KeyError:
        raise CannotStart(f"host.json: logging.logLevel.{category}: {name!r} is no level") from None
