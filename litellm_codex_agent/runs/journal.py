"""The journal: every run with its events, in one SQLite file. What `await` returns from here is on the disk.

Reads are of a few indexed rows and are made at once. A file of a newer schema is refused, and only its owner may
read it: it holds what was asked and answered.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .identity import Known
from .record import COLUMNS, Record, record_of
from .writer import Statement, Writer

__all__ = ["Journal", "JournalError", "connect"]

SCHEMA = 1
# Another process may read or checkpoint (`codex-agent runs list`); no write of ours takes this long.
BUSY_SECONDS = 10.0

_NAMES = ", ".join(COLUMNS)
_TABLES = f"""
CREATE TABLE IF NOT EXISTS runs ({", ".join(COLUMNS.values())});
CREATE INDEX IF NOT EXISTS runs_by_key ON runs (tenant, key, created);
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (created);
CREATE TABLE IF NOT EXISTS events (
    run TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, event TEXT NOT NULL, PRIMARY KEY (run, seq)
) WITHOUT ROWID;
"""
_INTERRUPT = (
    "UPDATE runs SET state = 'ended', stopped_reason = 'interrupted', ended = ?, done = ? WHERE state != 'ended'"
)


class JournalError(Exception):
    """The journal cannot be read or written; the message says which file, and why."""


class Journal:
    """An open journal. Made, used and closed in one event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = connect(path)
        self._writer = Writer(lambda: connect(path))

    @property
    def fault(self) -> str:
        """Why the last write failed; empty while all is well."""
        return self._writer.fault

    async def add(self, record: Record) -> None:
        """A run begins."""
        marks = ", ".join("?" * len(COLUMNS))
        await self._durably((f"INSERT INTO runs VALUES ({marks})", record.row()))  # noqa: S608  # marks alone

    async def change(self, run_id: str, **columns: Any) -> None:
        """Some columns of a run become others."""
        await self._durably(_update(run_id, columns))

    def note(self, run_id: str, noted: Callable[[], None] = lambda: None, **columns: Any) -> None:
        """The same, where nobody has to wait for it; `noted` is called when it is on the disk, or cannot be."""
        self._writer.soon(_update(run_id, columns)).add_done_callback(lambda _: noted())

    def tell(self, run_id: str, seq: int, at: float, event: dict[str, Any]) -> None:
        """An event of a run. It is on the disk with the next thing that is awaited, at the latest."""
        row = (run_id, seq, at, json.dumps(event, ensure_ascii=False))
        self._writer.soon(("INSERT INTO events VALUES (?, ?, ?, ?)", row))

    async def interrupt(self, ended: float, done: str) -> int:
        """What had not ended when its server died is told as interrupted; how many runs those were."""
        (count,) = self._all("SELECT count(*) FROM runs WHERE state != 'ended'")[0]
        await self._durably((_INTERRUPT, (ended, done)))
        return int(count)

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Takes runs and their events out, and gives their room back to the file system."""
        for run_id in run_ids:
            await self._durably(
                ("DELETE FROM events WHERE run = ?", (run_id,)), ("DELETE FROM runs WHERE id = ?", (run_id,))
            )
        await self._durably(("PRAGMA incremental_vacuum", ()))

    def known(self, tenant: str, key: str) -> Known | None:
        """The newest run of a key."""
        found = self._records("WHERE tenant = ? AND key = ? ORDER BY created DESC LIMIT 1", (tenant, key))
        return found[0].known() if found else None

    def record(self, run_id: str) -> Record | None:
        """One run."""
        found = self._records("WHERE id = ?", (run_id,))
        return found[0] if found else None

    def newest(self, limit: int) -> list[Record]:
        """The newest runs, the newest first."""
        return self._records("ORDER BY created DESC LIMIT ?", (limit,))

    def oldest_ended(self, limit: int) -> list[Record]:
        """The oldest runs that have ended, the oldest first."""
        return self._records("WHERE state = 'ended' ORDER BY created LIMIT ?", (limit,))

    def events(self, run_id: str, after: int = 0) -> list[tuple[int, float, dict[str, Any]]]:
        """A run's events behind the one with the number `after`."""
        text = "SELECT seq, at, event FROM events WHERE run = ? AND seq > ? ORDER BY seq"
        return [(seq, at, json.loads(event)) for seq, at, event in self._all(text, (run_id, after))]

    def size(self) -> int:
        """The bytes in use, without those that are free to be written again."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, each = (self._all(f"PRAGMA {name}")[0][0] for name in names)
        return int((pages - free) * each)

    async def close(self) -> None:
        """Writes what is left. Nothing may be told afterwards."""
        await self._writer.close()
        self._reader.close()

    async def _durably(self, *statements: Statement) -> None:
        try:
            await self._writer.durably(*statements)
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error

    def _records(self, where: str, values: Sequence[Any]) -> list[Record]:
        return [record_of(row) for row in self._all(f"SELECT {_NAMES} FROM runs {where}", values)]  # noqa: S608

    def _all(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._reader.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the journal at `path`, which is made where there is none."""
    try:
        # SQLite gives the files that it puts beside this one the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _prepare(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA:
        connection.close()
        raise JournalError(
            f"{path} was written by a newer codex-agent. Update, or set CODEX_AGENT_STATE to another directory."
        )
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    # A commit is on the disk, and not only with the operating system: a run's start is told after it.
    connection.execute("PRAGMA synchronous = FULL")
    if not version:
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")


def _update(run_id: str, columns: dict[str, Any]) -> Statement:
    names = ", ".join(f"{name} = ?" for name in columns)
    return f"UPDATE runs SET {names} WHERE id = ?", (*columns.values(), run_id)  # noqa: S608  # names of ours


def _unusable(path: Path, error: Exception) -> JournalError:
    return JournalError(f"The journal {path} cannot be used: {error}. Mend it, or set CODEX_AGENT_STATE.")
