"""Carries messages between the host and its worker, as gRPC does on Azure.

Both ends are this package, and the pipe between them is nobody else's, so messages can be pickled objects.
"""

import pickle
import threading
from collections.abc import Mapping, Sequence
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
    """The other end is gone."""


class Link:
    """One end. `send` is thread-safe; only one thread may receive."""

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
            return pickle.load(self._reader)  # noqa: S301 - both ends are ours
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            raise LinkLostError from error

    def close(self) -> None:
        """Close the way to the other end, which then sees the end of what it receives."""
        try:
            self._writer.close()
        except OSError:
            return  # the other end went first; there is nothing left to close
