"""The one thread that writes the journal. What came together is committed together: a crowd shares its syncs.

Law: a piece of work is whole or absent. Of one run the pieces are written in their order, and none while an earlier
one is missing, so what the disk holds of a run is always its beginning. What the disk would not take is tried again.
What nobody waits for is gathered, and goes with the next piece of its run that has somebody waiting, or in time.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

__all__ = ["Statement", "Writer"]

Statement = tuple[str, Sequence[Any]]
Done = asyncio.Future["Exception | None"]

# What one commit takes at the most: beyond it the first in it waits longer than all of it gains.
BATCH = 500
# How long the gathered waits: what a crash may take of a run that has not ended. Each commit writes whole pages, and
# hundreds of runs have a page each: ten commits a second write thirty times what the runs told.
LATER_SECONDS = 1.0
# More is not gathered: it is memory.
LATER = 10_000
# After a fault: how soon the disk is tried again, though nobody writes. /ready is wrong no longer than this.
AGAIN_SECONDS = 1.0
# Ours, and no fault of the disk: such a piece would fail for ever. sqlite3 raises ValueError for half a surrogate
# pair, OverflowError for a number of more than 64 bits.
_BROKEN = (sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError, ValueError, OverflowError)

_log = logging.getLogger("litellm_codex_agent.runs")


class _Piece(NamedTuple):
    """Statements of one run, or of none. Somebody waits for it, or else it is tried until it is written.

    `done` is None where nobody asks when.
    """

    run: str
    statements: Sequence[Statement]
    done: Done | None = None
    awaited: bool = False


class Writer:
    """Works on a connection of its own until it is closed. Belongs to the loop that made it.

    `probe` is a write that changes nothing: by it a disk that has room again is found.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], probe: Statement) -> None:
        self.fault = ""  # why the last write failed; empty while all is well
        self._connection = connect()
        self._probe = probe
        self._loop = asyncio.get_running_loop()
        self._given: queue.SimpleQueue[_Piece | None] = queue.SimpleQueue()  # None is the end
        self._gathered: defaultdict[str, list[_Piece]] = defaultdict(list)
        self._count = 0  # of what is gathered
        self._timer: asyncio.TimerHandle | None = None
        self._owed: list[_Piece] = []
        self._again = 0.0
        self._thread = threading.Thread(target=self._run, name="codex-agent-journal", daemon=True)
        self._thread.start()

    def later(self, run: str, statement: Statement) -> None:
        """Write this behind what was given before it, and try until it is on the disk; nobody asks when."""
        self._gathered[run].append(_Piece(run, (statement,)))
        self._count += 1
        if self._timer is None:
            self._timer = self._loop.call_later(LATER_SECONDS, self._give_gathered)
        if self._count >= LATER:
            self._give_gathered()

    def soon(self, run: str, *statements: Statement) -> Done:
        """Write these as `later` does, and begin at once. The future tells when they are on the disk."""
        return self._give(run, statements, awaited=False)

    async def durably(self, run: str, *statements: Statement) -> None:
        """Write these and wait for it; what cannot be written is absent. Raises what sqlite3 raises."""
        # A caller that is cancelled leaves; what was given is written all the same.
        error = await asyncio.shield(self._give(run, statements, awaited=True))
        if error is not None:
            raise error

    async def close(self) -> None:
        """Write what is left, and end the thread."""
        self._give_gathered()
        self._given.put(None)
        await asyncio.to_thread(self._thread.join)

    def _give(self, run: str, statements: Sequence[Statement], *, awaited: bool) -> Done:
        self._hand_over(self._gathered.pop(run, []))
        done: Done = self._loop.create_future()
        self._given.put(_Piece(run, statements, done, awaited))
        return done

    def _give_gathered(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gathered = [piece for pieces in self._gathered.values() for piece in pieces]
        self._gathered.clear()
        self._hand_over(gathered)

    def _hand_over(self, gathered: Sequence[_Piece]) -> None:
        self._count -= len(gathered)
        for piece in gathered:
            self._given.put(piece)

    def _run(self) -> None:
        while (given := self._batch()) is not None:
            if self.fault and time.monotonic() < self._again and not any(piece.awaited for piece in given):
                self._owed += given  # the disk is full: not every event is a reason to look again
                continue
            pieces = [*self._owed, *given]
            self._owed = self._write(pieces) if pieces else self._look()
            self._again = time.monotonic() + AGAIN_SECONDS
        error = sqlite3.OperationalError(self.fault or "the journal is closed")
        self._settle([(piece, error) for piece in self._write(self._owed)])
        self._connection.close()

    def _batch(self) -> list[_Piece] | None:
        """What was given, and after a fault also nothing, now and again; None at the end."""
        batch: list[_Piece] = []
        try:
            while not batch or (len(batch) < BATCH and not self._given.empty()):
                piece = self._given.get(timeout=AGAIN_SECONDS if self.fault else None)
                if piece is None:
                    self._given.put(None)
                    return batch or None
                batch.append(piece)
        except queue.Empty:
            pass
        return batch

    def _look(self) -> list[_Piece]:
        error = self._commit([self._probe])
        self.fault = str(error) if error else ""
        return []

    def _write(self, pieces: Sequence[_Piece]) -> list[_Piece]:
        """All at once, or one by one where that fails; what is to be tried again."""
        if self._commit([statement for piece in pieces for statement in piece.statements]) is not None:
            return self._write_each(pieces)
        self.fault = ""
        self._settle([(piece, None) for piece in pieces])
        return []

    def _write_each(self, pieces: Sequence[_Piece]) -> list[_Piece]:
        faults: dict[str, Exception] = {}  # by the run, of which nothing more is written now
        owed, settled, fault = [], [], ""
        for piece in pieces:
            error = faults.get(piece.run) or self._commit(piece.statements)
            of_the_disk = error is not None and not isinstance(error, _BROKEN)
            if error is not None and of_the_disk:
                fault = str(error)
                faults.update({piece.run: error} if piece.run else {})
            if of_the_disk and not piece.awaited:
                owed.append(piece)
            else:
                settled.append((piece, error))
        self.fault = fault
        self._settle(settled)
        return owed

    def _commit(self, statements: Sequence[Statement]) -> Exception | None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for text, values in statements:
                self._connection.execute(text, values).fetchall()
            self._connection.execute("COMMIT")
        except (sqlite3.Error, *_BROKEN) as error:
            with suppress(sqlite3.Error):  # a fault of the disk has mostly done it by itself
                self._connection.execute("ROLLBACK")
            return error
        return None

    def _settle(self, settled: Sequence[tuple[_Piece, Exception | None]]) -> None:
        for piece, error in settled:
            if isinstance(error, _BROKEN):
                _log.error("run %s: what cannot be written down is left out: %s", piece.run, error)
        self._loop.call_soon_threadsafe(_tell, settled)


def _tell(settled: Sequence[tuple[_Piece, Exception | None]]) -> None:
    for piece, error in settled:
        if piece.done is not None:
            piece.done.set_result(error)
