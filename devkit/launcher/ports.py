"""Checks whether a port is free. Another program may still take it before it is used."""

from __future__ import annotations

import os
import secrets
import socket

# No system gives these to a connection, which could take a port between the look at it and its use.
UNASKED = range(20_000, 32_000)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        if os.name != "nt":
            # As servers do: recently closed connections must not make the port look used.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def any_free(host: str = "127.0.0.1") -> int:
    return next(port for port in secrets.SystemRandom().sample(UNASKED, 100) if is_free(port, host))
