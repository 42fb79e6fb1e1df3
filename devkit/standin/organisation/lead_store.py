"""The leads, in one SQLite file. A change is committed before it is answered: killing the process loses none."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS leads (
    leadid TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    columns TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    leadid: str
    version: int
    created_at: str
    columns: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """SQL of ours over the stored columns; whatever came from outside stands in `values`."""

    conditions: Sequence[str] = ()
    values: Sequence[Any] = ()
    order: str = "rowid DESC"
    limit: int = 5000


class Written(Enum):
    DONE = auto()
    EXISTS = auto()
    MISSING = auto()
    STALE = auto()


class Leads:
    """Thread-safe: one lock around one connection, which SQLite's single writer would amount to anyhow."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        # A killed process loses nothing by this; only a dying machine could.
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.executescript(_SCHEMA)
        self._version: int = self._file.execute("SELECT coalesce(max(version), 1000000) FROM leads").fetchone()[0]

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def create(self, leadid: str, columns: dict[str, Any]) -> Written:
        with self._lock:
            row = (leadid, self._next_version(), timestamp(datetime.now(UTC)), _to_json(columns))
            added = self._file.execute("INSERT OR IGNORE INTO leads VALUES (?, ?, ?, ?)", row).rowcount
        return Written.DONE if added else Written.EXISTS

    def update(
        self, leadid: str, revise: Callable[[dict[str, Any]], dict[str, Any]], *, version: int | None = None
    ) -> Written:
        with self._lock:
            lead = self._read(leadid)
            if lead is None:
                return Written.MISSING
            if version not in (None, lead.version):
                return Written.STALE
            self._file.execute(
                "UPDATE leads SET version = ?, columns = ? WHERE leadid = ?",
                (self._next_version(), _to_json(revise(lead.columns)), leadid),
            )
        return Written.DONE

    def delete(self, leadid: str, *, version: int | None = None) -> Written:
        with self._lock:
            lead = self._read(leadid)
            if lead is None:
                return Written.MISSING
            if version not in (None, lead.version):
                return Written.STALE
            self._file.execute("DELETE FROM leads WHERE leadid = ?", (leadid,))
        return Written.DONE

    def get(self, leadid: str) -> Lead | None:
        with self._lock:
            return self._read(leadid)

    def find(self, search: Search) -> list[Lead]:
        query = f"SELECT * FROM leads{_where(search)} ORDER BY {search.order} LIMIT ?"  # noqa: S608 - see Search
        with self._lock:
            return [_lead(row) for row in self._file.execute(query, (*search.values, search.limit))]

    def count(self, search: Search | None = None) -> int:
        search = search or Search()
        query = f"SELECT count(*) FROM leads{_where(search)}"  # noqa: S608 - see Search
        with self._lock:
            return int(self._file.execute(query, tuple(search.values)).fetchone()[0])

    def clear(self) -> None:
        with self._lock:
            self._file.execute("DELETE FROM leads")

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    def _read(self, leadid: str) -> Lead | None:
        row = self._file.execute("SELECT * FROM leads WHERE leadid = ?", (leadid,)).fetchone()
        return None if row is None else _lead(row)


def timestamp(moment: datetime) -> str:
    """One width for all, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _lead(row: tuple[str, int, str, str]) -> Lead:
    leadid, version, created_at, columns = row
    return Lead(leadid=leadid, version=version, created_at=created_at, columns=json.loads(columns))


def _to_json(columns: dict[str, Any]) -> str:
    return json.dumps(columns, ensure_ascii=False)


def _where(search: Search) -> str:
    return f" WHERE {' AND '.join(search.conditions)}" if search.conditions else ""
