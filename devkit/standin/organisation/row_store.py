"""Keeps the rows that clients wrote in one SQLite file. A change is committed before it is answered."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devkit.standin.organisation.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    row_id: str
    version: int
    created_at: str
    columns: dict[str, Any]

    @property
    def etag(self) -> str:
        return f'W/"{self.version}"'


class Written(Enum):
    DONE = auto()
    EXISTS = auto()
    MISSING = auto()
    STALE = auto()


class Database:
    """Thread-safe: one lock around one connection. SQLite allows only one writer at a time anyway."""

    def __init__(self, path: Path) -> None:
        self.lock = threading.Lock()
        self.file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.file.execute("PRAGMA journal_mode=WAL")
        # A killed process loses nothing by this; only a machine that loses power could.
        self.file.execute("PRAGMA synchronous=OFF")

    def close(self) -> None:
        with self.lock:
            self.file.close()


class RowStore:
    """The rows of one table. Only names from the table's description are put into SQL, never values."""

    def __init__(self, database: Database, table: Table) -> None:
        self._lock, self._file = database.lock, database.file
        self._name, self._key = table.entity_set, table.key
        with self._lock:
            self._file.execute(
                f"CREATE TABLE IF NOT EXISTS {self._name} ({self._key} TEXT PRIMARY KEY, version INTEGER NOT NULL, "
                "created_at TEXT NOT NULL, columns TEXT NOT NULL)"
            )
            newest = f"SELECT coalesce(max(version), 1000000) FROM {self._name}"  # noqa: S608 - see the class
            self._version: int = self._file.execute(newest).fetchone()[0]

    def create(self, row_id: str, columns: dict[str, Any]) -> Written:
        insert = f"INSERT OR IGNORE INTO {self._name} VALUES (?, ?, ?, ?)"  # noqa: S608 - see the class
        with self._lock:
            row = (row_id, self._next_version(), timestamp(datetime.now(UTC)), _to_json(columns))
            added = self._file.execute(insert, row).rowcount
        return Written.DONE if added else Written.EXISTS

    def update(
        self, row_id: str, revise: Callable[[dict[str, Any]], dict[str, Any]], *, version: int | None = None
    ) -> Written:
        change = f"UPDATE {self._name} SET version = ?, columns = ? WHERE {self._key} = ?"  # noqa: S608 - see the class
        with self._lock:
            row = self._read(row_id)
            if row is None:
                return Written.MISSING
            if version not in (None, row.version):
                return Written.STALE
            self._file.execute(change, (self._next_version(), _to_json(revise(row.columns)), row_id))
        return Written.DONE

    def delete(self, row_id: str, *, version: int | None = None) -> Written:
        with self._lock:
            row = self._read(row_id)
            if row is None:
                return Written.MISSING
            if version not in (None, row.version):
                return Written.STALE
            self._file.execute(f"DELETE FROM {self._name} WHERE {self._key} = ?", (row_id,))  # noqa: S608 - see the class
        return Written.DONE

    def get(self, row_id: str) -> Row | None:
        with self._lock:
            return self._read(row_id)

    def newest(self, limit: int = -1) -> list[Row]:
        """Gives the rows, last written first; -1 is no limit."""
        query = f"SELECT * FROM {self._name} ORDER BY rowid DESC LIMIT ?"  # noqa: S608 - see the class
        with self._lock:
            return [_row(found) for found in self._file.execute(query, (limit,))]

    def since(self, moment: str) -> list[Row]:
        """Gives the rows created at this `timestamp` or later, first written first."""
        query = f"SELECT * FROM {self._name} WHERE created_at >= ? ORDER BY rowid"  # noqa: S608 - see the class
        with self._lock:
            return [_row(found) for found in self._file.execute(query, (moment,))]

    def count(self) -> int:
        with self._lock:
            return int(self._file.execute(f"SELECT count(*) FROM {self._name}").fetchone()[0])  # noqa: S608 - see the class

    def clear(self) -> None:
        with self._lock:
            self._file.execute(f"DELETE FROM {self._name}")  # noqa: S608 - see the class

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    def _read(self, row_id: str) -> Row | None:
        query = f"SELECT * FROM {self._name} WHERE {self._key} = ?"  # noqa: S608 - see the class
        found = self._file.execute(query, (row_id,)).fetchone()
        return None if found is None else _row(found)


def timestamp(moment: datetime) -> str:
    """Writes a time. All have the same width, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _row(found: tuple[str, int, str, str]) -> Row:
    row_id, version, created_at, columns = found
    return Row(row_id=row_id, version=version, created_at=created_at, columns=json.loads(columns))


def _to_json(columns: dict[str, Any]) -> str:
    return json.dumps(columns, ensure_ascii=False)
