"""Carries messages between the host and its worker, as gRPC does on Azure.

Messages are pickled objects of the few kinds that are named here: what an app returns must not bring in its own.
"""

import pickle
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from azure.functions import meta

from devkit.functions_host.functions import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """From the host: run this function."""

    run_id: str
    function: str
    data: meta.Datum
    metadata: Mapping[str, meta.Datum]


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """From the worker, once: it has loaded the app, and takes invocations."""

    functions: Sequence[Function]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotLoaded:
    """From the worker, instead: the app cannot be run. `reason` is for the developer."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """From the worker: a run came to its end. `error` is the exception with its traceback, empty after a success."""

    run_id: str
    value: meta.Datum | None = None
    error: str = ""


class LinkLostError(Exception):
    """The other end is gone, or says what is no message."""


_MESSAGES = {"azure.functions.meta", "devkit.functions_host.functions", "http.cookies", __name__}


class _Messages(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in _MESSAGES or (module, name) == ("builtins", "frozenset"):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not part of a message")


class Link:
    """One end. `send` is thread-safe, and raises what pickle raises; only one thread may receive."""

    def __init__(self, *, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._sending = threading.Lock()

    def send(self, message: object) -> None:
        pickled = pickle.dumps(message)
        try:
            with self._sending:
                self._writer.write(pickled)
                self._writer.flush()
        except (OSError, ValueError) as error:  # ValueError: closed here
            raise LinkLostError from error

    def receive(self) -> Any:
        try:
            return _Messages(self._reader).load()
        except Exception as error:  # there is no list of what pickle raises on bytes that are no message
            raise LinkLostError from error

    def close(self) -> None:
        """Close both ways. Only when the other end is gone, since it waits for a `send` that is under way."""
        for way in (self._reader, self._writer):
            with suppress(OSError):  # what was still to be written has no reader
                way.close()
