"""Chooses the simulated web server that answers: the one in the client's cookie, else the next in turn.

https://learn.microsoft.com/power-apps/developer/data-platform/send-parallel-requests
"""

from __future__ import annotations

import hashlib
import itertools

COOKIE = "ARRAffinity"


class Servers:
    """Thread-safe: the counter gives each number once."""

    def __init__(self, organization_id: str) -> None:
        self._organization_id = organization_id
        self._turns = itertools.count()
        self._names: list[str] = []

    def pick(self, cookie: str | None, size: int) -> str:
        names = self._first(size)
        return cookie if cookie is not None and cookie in names else names[next(self._turns) % size]

    def _first(self, size: int) -> list[str]:
        names = self._names
        if len(names) != size:
            names = self._names = [self._name(number) for number in range(size)]
        return names

    def _name(self, number: int) -> str:
        return hashlib.sha256(f"{self._organization_id} {number}".encode()).hexdigest()
