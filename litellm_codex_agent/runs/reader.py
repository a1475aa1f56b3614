"""Questions to the journal. Each is of a few indexed rows, and answered at once; nothing is written here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .identity import Known
from .record import COLUMNS, Record, record_of

__all__ = ["BUSY_SECONDS", "JournalError", "Reader", "unusable"]

# Another process may read or checkpoint (`codex-agent runs list`); no write of ours takes this long.
BUSY_SECONDS = 10.0

_NAMES = ", ".join(COLUMNS)


class JournalError(Exception):
    """The journal cannot be read or written; the message says which file, and why. `told` is for a client."""

    def __init__(self, message: str, told: str = "") -> None:
        super().__init__(message)
        self.told = told


class Reader:
    """What an open connection can tell of the runs."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def of_file(cls, path: Path) -> Reader:
        """The journal of a server that may be running, or not: it is read and never touched."""
        try:
            return cls(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", timeout=BUSY_SECONDS, uri=True), path)
        except sqlite3.Error as error:
            raise unusable(path, error) from error

    def close(self) -> None:
        """Nothing may be asked afterwards."""
        self._connection.close()

    def known(self, tenant: str, key: str) -> Known | None:
        """The newest run of a key."""
        found = self._records("WHERE tenant = ? AND key = ? ORDER BY rowid DESC LIMIT 1", (tenant, key))
        return found[0].known() if found else None

    def record(self, run_id: str) -> Record | None:
        """One run."""
        found = self._records("WHERE id = ?", (run_id,))
        return found[0] if found else None

    def beginning_with(self, run_id: str) -> list[Record]:
        """The runs whose id begins so; two at the most."""
        return self._records("WHERE substr(id, 1, ?) = ? LIMIT 2", (len(run_id), run_id))

    def newest(self, limit: int) -> list[Record]:
        """The newest runs, the newest first."""
        return self._records("ORDER BY rowid DESC LIMIT ?", (limit,))

    def oldest_ended(self, limit: int) -> list[tuple[str, float]]:
        """The oldest runs that have ended, the oldest first, with when they did; what they were asked is long."""
        return self._all("SELECT id, ended FROM runs WHERE state = 'ended' ORDER BY rowid LIMIT ?", (limit,))

    def free_pages(self) -> int:
        """Pages of the file that hold nothing."""
        return int(self._all("PRAGMA freelist_count")[0][0])

    def events(self, run_id: str) -> list[tuple[int, float, dict[str, Any]]]:
        """A run's events, in their order."""
        text = "SELECT seq, at, event FROM events WHERE run = ? ORDER BY seq"
        return [(seq, at, json.loads(event)) for seq, at, event in self._all(text, (run_id,))]

    def unfinished(self) -> int:
        """How many runs have not ended."""
        return int(self._all("SELECT count(*) FROM runs WHERE state != 'ended'")[0][0])

    def size(self) -> int:
        """The bytes in use, without those that are free to be written again."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, each = (self._all(f"PRAGMA {name}")[0][0] for name in names)
        return int((pages - free) * each)

    def _records(self, where: str, values: Sequence[Any]) -> list[Record]:
        return [record_of(row) for row in self._all(f"SELECT {_NAMES} FROM runs {where}", values)]  # noqa: S608

    def _all(self, text: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._connection.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise unusable(self._path, error) from error


def unusable(path: Path, error: Exception) -> JournalError:
    """The sentence for a fault of the file or of its disk. Where the file is, is the operator's alone."""
    return JournalError(
        f"The journal {path} cannot be used: {error}. Mend it, or set CODEX_AGENT_STATE.",
        f"The server's journal cannot be used: {error}.",
    )
