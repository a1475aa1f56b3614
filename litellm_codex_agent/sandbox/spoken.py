"""A program that lives behind the wall for as long as a block lasts, and is spoken to by its pipes.

Law: when the block is left, by whatever way, no process of it is; and a side that does not read holds the other up
instead of filling the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from ..wire.lines import Line, Lines
from .carried import WRAPPERS
from .command import Command
from .inner import Inner
from .leavings import buried
from .process import WALL_SECONDS, Process, outlast, started
from .processes import descendants
from .sandbox import Sandbox
from .watch import Watch

__all__ = ["Spoken", "spoken"]

# Read ahead of whoever listens.
_AHEAD = 64 * 1024
# Of stderr the end says why it went away.
_KEPT_OF_STDERR = 8 * 1024


class Spoken(Process):
    """Its stdout is read by lines, and of its stderr the end is kept. `overdrawn` says what it took too much of."""

    def __init__(self, inner: Inner | None) -> None:
        super().__init__(_KEPT_OF_STDERR, inner)
        self._reader = asyncio.StreamReader(_AHEAD)
        self.overdrawn = ""
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._reader.set_transport(cast(asyncio.Transport, self._transport.get_pipe_transport(1)))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self._reader.feed_data(data)
        else:
            super().pipe_data_received(fd, data)

    def pipe_connection_lost(self, fd: int, error: Exception | None) -> None:
        if fd == 1:
            self._reader.feed_eof()
        self._room.set()
        super().pipe_connection_lost(fd, error)

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    async def write(self, data: bytes) -> None:
        """Returns when there is room for more; what is written to a program that has ended is lost."""
        pipe = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        if not pipe.is_closing():
            pipe.write(data)
            await self._room.wait()

    async def lines(self, most: int) -> AsyncIterator[Line]:
        """Its lines until it closes its stdout; of one over `most` bytes the ends are kept."""
        lines = Lines(most)
        while data := await self._reader.read(_AHEAD):
            for line in lines.feed(data):
                yield line
        for line in lines.close():
            yield line

    async def bury(self, patience: float = WALL_SECONDS) -> None:
        """What it still says is not heard. A pipe that is held up would never tell that its other end is dead."""
        cast(asyncio.ReadTransport, self._transport.get_pipe_transport(1)).close()
        await super().bury(patience)

    async def part(self, grace: float) -> None:
        """Ask it to end, by the end of its stdin and then by a signal; it has `grace` seconds for each."""
        cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0)).close()
        await asyncio.wait({self.exited}, timeout=grace)
        if not self.exited.done():
            self.tell(descendants(self.pid))
            await asyncio.wait({self.exited}, timeout=grace)

    def last_words(self) -> str:
        """The last line of its stderr, or what it took too much of."""
        lines = self.stderr.whole().decode("utf-8", "replace").strip().splitlines()
        return self.overdrawn or (lines[-1].strip()[:300] if lines else "")


@asynccontextmanager
async def spoken(sandbox: Sandbox, command: Command, *, grace: float = 0.0) -> AsyncIterator[Spoken]:
    """`command` behind the wall. Its time is the block's; left, it is asked to end where it has `grace`, and killed.

    Raises `OSError` and `SandboxUnavailable` where it cannot be started.
    """
    inner = Inner() if sandbox.wall.namespace else None
    watch = Watch(command)
    try:
        # Kept to the end: it holds what the command opens as it begins.
        argv = sandbox.wall.argv(command, inner.writing if inner else None)
        process = await started(lambda: Spoken(inner), argv, WRAPPERS, inner)
        watching = asyncio.ensure_future(_watched(sandbox, process, watch))
        try:
            yield process
        finally:
            await outlast(_ended(sandbox, process, watching, grace))
    finally:
        if inner is not None:
            inner.close()


async def _watched(sandbox: Sandbox, process: Spoken, watch: Watch) -> None:
    try:
        process.overdrawn = await watch.over(process.pid, sandbox.wall.litter(process.pid))
    except OSError as error:
        # What nobody can watch does not go on.
        process.overdrawn = f"What it takes could not be watched: {error.strerror}."
    await outlast(process.bury())


async def _ended(sandbox: Sandbox, process: Spoken, watching: asyncio.Future[None], grace: float) -> None:
    if grace:
        await process.part(grace)
    watching.cancel()
    await asyncio.wait({watching})
    await buried(process, sandbox.wall.litter(process.pid))
