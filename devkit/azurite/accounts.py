"""Runs one Azurite for a whole test run of many processes, and gives a fresh account to each caller.

It lives in the process that lives longest (pytest-xdist's controller), which workers ask over a local connection. If a
worker started Azurite, it would end with that worker.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener
from typing import NamedTuple

from devkit.azurite.install import InstallError
from devkit.azurite.server import Azurite
from devkit.launcher.part import PartError

# They are passed in one environment variable, which Linux limits to 128 KiB.
ACCOUNTS = [f"test{number}" for number in range(3000)]


class Address(NamedTuple):
    """Where to ask; can be passed to another process."""

    port: int
    key: str


class NoAccountError(Exception):
    """Azurite did not start, or all its accounts are used up."""


class AccountServer:
    """Call `close` in the process that made it."""

    def __init__(self) -> None:
        key = secrets.token_hex(16)
        self._listener = Listener(("127.0.0.1", 0), backlog=64, authkey=key.encode())
        self.address = Address(self._listener.address[1], key)
        self._azurite: Azurite | None = None
        self._unused = iter(ACCOUNTS)
        self._closed = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closed = True
        # Closing the socket would not wake the thread that waits on it; a connection does.
        with contextlib.suppress(OSError, EOFError):
            Client(("127.0.0.1", self.address.port), authkey=self.address.key.encode()).close()
        self._thread.join()
        self._listener.close()
        if self._azurite:
            self._azurite.kill()

    def _serve(self) -> None:
        while not self._closed:
            # A caller that died, or one without the key, must not end the service for others.
            with contextlib.suppress(OSError, EOFError, AuthenticationError), self._listener.accept() as caller:
                if not self._closed:
                    caller.send(self._answer())

    def _answer(self) -> tuple[str, str]:
        """Gives either a connection string or an error."""
        try:
            if self._azurite is None:
                azurite = Azurite(accounts=ACCOUNTS)
                azurite.start()
                self._azurite = azurite
            return self._azurite.connection_string(next(self._unused)), ""
        except (InstallError, PartError) as reason:
            return "", str(reason)
        except StopIteration:
            return "", f"all {len(ACCOUNTS)} accounts are used"


def fresh_account(address: Address) -> str:
    """Gives the connection string of an account that is unused in this run."""
    port, key = address
    with Client(("127.0.0.1", port), authkey=key.encode()) as server:
        connection_string, fault = server.recv()
    if fault:
        raise NoAccountError(fault)
    return str(connection_string)
