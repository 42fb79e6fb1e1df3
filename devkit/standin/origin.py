"""Gives the addresses under which a client knows this server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

HOSTS = ("localhost", "127.0.0.1")


def origin_of(request: Request) -> str:
    return request.host_url.rstrip("/")


def origins(request: Request) -> tuple[str, ...]:
    """Uses the socket's own port: a Host header must not make another server's token valid here."""
    port = request.environ["SERVER_PORT"]
    return tuple(f"https://{host}:{port}" for host in HOSTS)
