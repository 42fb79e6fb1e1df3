"""Keeps a lock that lapses, so that of the hosts with one data folder only one runs a timer function.

The real host holds a blob's lease for it (SingletonListener.cs, BlobLeaseDistributedLockManager.cs). A row of SQLite is
taken and renewed by one statement, whichever process asks.
"""

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

LOCK_SECONDS = 60
_BUSY_SECONDS = 30
_TABLE = "CREATE TABLE IF NOT EXISTS locks (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL)"
_TAKE = """
    INSERT INTO locks VALUES (:name, :holder, :until)
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE locks.until <= :now OR locks.holder = excluded.holder
"""
_RELEASE = "DELETE FROM locks WHERE name = :name AND holder = :holder"


class LockLostError(Exception):
    """Another host took the lock, because this one did not renew it in time."""


class TimerLock:
    """Thread-safe. `seconds` is how long the lock lives, and how long another host waits before it asks again."""

    def __init__(
        self, path: Path, name: str, *, seconds: float = LOCK_SECONDS, now: Callable[[], float] = time.time
    ) -> None:
        self.seconds = seconds
        self._path = path
        self._name = name
        self._now = now
        self._holder = f"process {os.getpid()} {uuid.uuid4()}"

    def take(self) -> bool:
        """Take the lock if it is free or has lapsed, or renew it; False if another host holds it."""
        now = self._now()
        values = {"name": self._name, "holder": self._holder, "until": now + self.seconds, "now": now}
        with self._locks() as locks:
            return locks.execute(_TAKE, values).rowcount == 1

    def release(self) -> None:
        with self._locks() as locks:
            locks.execute(_RELEASE, {"name": self._name, "holder": self._holder})

    @contextmanager
    def _locks(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS)) as connection, connection:
            connection.execute(_TABLE)
            yield connection
