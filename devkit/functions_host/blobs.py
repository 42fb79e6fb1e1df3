"""Says how the account's blob storage, which this host does not use, would be: the real host needs it to start."""

import logging
import socket
import time
from collections.abc import Callable
from enum import StrEnum
from typing import NoReturn

_REFUSING_SECONDS = 70
_log = logging.getLogger("Host")


class Blobs(StrEnum):
    HERE = "here"
    MISSING = "missing"  # no setting leads to it: no key is right, and all else goes on
    AWAY = "away"  # it cannot be reached at the start: nothing is served


def serve_nothing(address: tuple[str, int], *, hurry: float, listening: Callable[[int], object]) -> NoReturn:
    """Refuse connections for 70 s divided by `hurry`, then accept them and never answer, until a signal ends it.

    `listening` is called with the port.
    """
    _log.error("Blob storage is away, as asked for: connections are refused, and later not answered.")
    time.sleep(_REFUSING_SECONDS / hurry)
    with socket.create_server(address, backlog=128) as server:
        listening(server.getsockname()[1])
        while True:
            time.sleep(1)
