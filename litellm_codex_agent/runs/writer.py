"""The one thread that writes the journal. What came together is committed together: a crowd shares its syncs.

Each piece of work is whole or absent, and is done in the order in which it was given.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Statement", "Writer"]

Statement = tuple[str, Sequence[Any]]
_Given = tuple[list[Statement], "asyncio.Future[sqlite3.Error | None]"]

# What one commit takes at the most: beyond it the first in it waits longer than all of it gains.
BATCH = 500


class Writer:
    """Works on a connection of its own until it is closed. Belongs to the loop that made it."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self.fault = ""  # why the last commit failed; empty while all is well
        self._connection = connect()
        self._loop = asyncio.get_running_loop()
        # An item is what to write, and who waits for it; None is the end.
        self._given: queue.SimpleQueue[_Given | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="codex-agent-journal", daemon=True)
        self._thread.start()

    def soon(self, *statements: Statement) -> asyncio.Future[sqlite3.Error | None]:
        """Write these behind what was given before them. The future tells when they are on the disk, or why not."""
        done: asyncio.Future[sqlite3.Error | None] = self._loop.create_future()
        self._given.put((list(statements), done))
        return done

    async def durably(self, *statements: Statement) -> None:
        """The same, and wait for it. Raises `sqlite3.Error`."""
        # A caller that is cancelled leaves; what was given is written all the same.
        error = await asyncio.shield(self.soon(*statements))
        if error is not None:
            raise error

    async def close(self) -> None:
        """Write what is left, and end the thread."""
        self._given.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while batch := self._batch():
            error = self._commit([statement for statements, _ in batch for statement in statements])
            self.fault = str(error) if error else ""
            self._loop.call_soon_threadsafe(_settle, [done for _, done in batch], error)
        self._connection.close()

    def _batch(self) -> list[_Given]:
        """At least one piece of work, with all that lies behind it; nothing at the end."""
        batch: list[_Given] = []
        while not batch or (len(batch) < BATCH and not self._given.empty()):
            given = self._given.get()
            if given is None:
                self._given.put(None)
                break
            batch.append(given)
        return batch

    def _commit(self, statements: list[Statement]) -> sqlite3.Error | None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for text, values in statements:
                self._connection.execute(text, values).fetchall()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return error
        return None


def _settle(waiting: Sequence[asyncio.Future[sqlite3.Error | None]], error: sqlite3.Error | None) -> None:
    for done in waiting:
        done.set_result(error)
