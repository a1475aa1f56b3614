"""The journal: every run with its events, in one SQLite file. What `await` returns from here is on the disk.

A file of a newer schema is refused, and only its owner may read it: it holds what was asked and answered.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..wire.strict_json import write_json
from .reader import BUSY_SECONDS, JournalError, Reader, unusable
from .record import COLUMNS, Record
from .writer import Statement, Writer

__all__ = ["Journal", "JournalError", "Row", "connect"]

# An event's number in its run, when it came, and the event as JSON.
Row = tuple[int, float, Mapping[str, Any]]

SCHEMA = 1
# Given back in one commit: 8 MiB, and then a run that begins has its turn.
PAGES_AT_ONCE = 2_000

_TABLES = f"""
CREATE TABLE IF NOT EXISTS runs ({", ".join(COLUMNS.values())});
CREATE INDEX IF NOT EXISTS runs_by_key ON runs (tenant, key);
CREATE TABLE IF NOT EXISTS events (
    run TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, event TEXT NOT NULL, PRIMARY KEY (run, seq)
) WITHOUT ROWID;
"""
_INTERRUPT = (
    "UPDATE runs SET state = 'ended', stopped_reason = 'interrupted', ended = ?, done = ? WHERE state != 'ended'"
)


class Journal:
    """An open journal. Made, used and closed in one event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading = connect(path)
        self.read = Reader(self._reading, path)
        self._writer = Writer(lambda: connect(path), (f"PRAGMA user_version = {SCHEMA}", ()))

    @property
    def fault(self) -> str:
        """Why the last write failed; empty while all is well."""
        return self._writer.fault

    def reader(self) -> Reader:
        """A reader of its own, for a thread of its own."""
        return Reader.of_file(self._path)

    async def add(self, record: Record) -> None:
        """A run begins."""
        marks = ", ".join("?" * len(COLUMNS))
        await self._durably(record.id, (f"INSERT INTO runs VALUES ({marks})", record.row()))  # noqa: S608  # marks alone

    async def change(self, run_id: str, *, event: Row | None = None, **columns: Any) -> None:
        """Some columns of a run become others, and with them comes an event: both, or neither."""
        events = [] if event is None else [_insert(run_id, event)]
        await self._durably(run_id, *events, _update(run_id, columns))

    def note(self, run_id: str, noted: Callable[[], object] | None = None, **columns: Any) -> None:
        """The same, where nobody has to wait for it; `noted` is called when it is on the disk, or never can be."""
        if noted is None:
            self._writer.later(run_id, _update(run_id, columns))
        else:
            self._writer.soon(run_id, _update(run_id, columns)).add_done_callback(lambda _: noted())

    def tell(self, run_id: str, event: Row) -> None:
        """An event of a run. It is on the disk with the next thing of this run that is awaited, at the latest."""
        self._writer.later(run_id, _insert(run_id, event))

    async def interrupt(self, ended: float, done: str) -> int:
        """What had not ended when its server died is told as interrupted; how many runs those were."""
        count = self.read.unfinished()
        await self._durably("", (_INTERRUPT, (ended, done)))
        return count

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Takes runs and their events out, and gives their room back to the file system."""
        gone = ("DELETE FROM events WHERE run = ?", "DELETE FROM runs WHERE id = ?")
        await self._durably("", *((text, (run_id,)) for run_id in run_ids for text in gone))
        free, left = self.read.free_pages() + 1, self.read.free_pages()
        while 0 < left < free:  # a file that was made without auto_vacuum keeps them, and writes them again
            await self._durably("", (f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})", ()))
            free, left = left, self.read.free_pages()

    async def close(self) -> None:
        """Writes what is left. Nothing may be told afterwards."""
        await self._writer.close()
        self._reading.close()

    async def _durably(self, run_id: str, *statements: Statement) -> None:
        try:
            await self._writer.durably(run_id, *statements)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise unusable(self._path, error) from error


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the journal at `path`, which is made where there is none."""
    try:
        _make(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _prepare(connection, path)
    except (OSError, sqlite3.Error) as error:
        raise unusable(path, error) from error
    return connection


def _make(path: Path) -> None:
    """The file, where there is none. SQLite gives those that it puts beside it the same mode."""
    # Never opened and closed once it is there: that would take away the locks that SQLite holds on it in this process,
    # and another program that leaves would take the write-ahead log along (sqlite.org/howtocorrupt.html, 2.2).
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


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


def _insert(run_id: str, event: Row) -> Statement:
    seq, at, told = event
    # One that is given twice is one row.
    return "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", (run_id, seq, at, write_json(told).decode())


def _update(run_id: str, columns: dict[str, Any]) -> Statement:
    names = ", ".join(f"{name} = ?" for name in columns)
    return f"UPDATE runs SET {names} WHERE id = ?", (*columns.values(), run_id)  # noqa: S608  # names of ours
