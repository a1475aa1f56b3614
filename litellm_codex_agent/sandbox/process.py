"""One child with all that it starts: begun, listened to, and dead before anyone hears that it has ended.

Law: whoever waits here may be cancelled at any moment, and the tree is gone all the same.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

from .inner import Inner
from .kept import Kept
from .processes import descendants

__all__ = ["Process", "WALL_SECONDS", "outlast", "started"]

# A wall starts within milliseconds, and a death is the kernel's work; a machine may be busy with both.
WALL_SECONDS = 10.0
# Nobody holds the other end of a dead tree's pipes: what is still in them is read at once.
DRAIN_SECONDS = 2.0
# What forks while it is killed is met at the next look.
UPROOT_SECONDS, UPROOT_PAUSE_SECONDS = 10.0, 0.01

_Found = TypeVar("_Found")
_Process = TypeVar("_Process", bound="Process")


async def outlast(work: Coroutine[Any, Any, _Found] | asyncio.Future[_Found]) -> _Found:
    """Wait for `work` to its end; a cancel that comes meanwhile counts afterwards."""
    task, cancelled = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # Looked at, for nobody else will be told of it.
        _ = task.cancelled() or task.exception()
        raise cancelled
    return task.result()


class Process(asyncio.SubprocessProtocol):
    """Hears the child. `inner` is the first process of its namespace, where it makes one."""

    def __init__(self, most: int, inner: Inner | None) -> None:
        loop = asyncio.get_running_loop()
        self.stdout, self.stderr = Kept(most), Kept(most)
        self.exited: asyncio.Future[None] = loop.create_future()
        self._silent: dict[int, asyncio.Future[None]] = {1: loop.create_future(), 2: loop.create_future()}
        self._inner = inner
        self._transport: asyncio.SubprocessTransport

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    @property
    def rc(self) -> int:
        """As a shell has it."""
        code = self._transport.get_returncode()
        return 128 - code if code is not None and code < 0 else code or 0

    @property
    def killed(self) -> bool:
        """It has not come to its own end."""
        code = self._transport.get_returncode()
        return code is None or code < 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self.stdout if fd == 1 else self.stderr).add(data)

    def pipe_connection_lost(self, fd: int, _: Exception | None) -> None:
        # Of stdin it says that the command did not want to read the rest.
        if fd in self._silent and not self._silent[fd].done():
            self._silent[fd].set_result(None)

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)

    def feed(self, stdin: bytes) -> None:
        """Give it all that it may want to read."""
        pipe = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        # One that has ended wants nothing any more, and uvloop raises where asyncio says nothing.
        if not pipe.is_closing():
            pipe.write(stdin)
        pipe.close()

    def tell(self, members: Iterable[int], number: signal.Signals = signal.SIGTERM) -> None:
        """Signal each of `members` that is still there."""
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    async def bury(self, patience: float = WALL_SECONDS) -> None:
        """Kill what is left, and return when nothing is; `patience` is how long the wall may take to do so."""
        if self._inner is not None:
            await self._inner.kill(patience)
        elif not self.exited.done():
            # A launcher kills all that it has started before it ends itself.
            self.tell([self.pid])
        await asyncio.wait({self.exited}, timeout=patience)
        if not self.exited.done():
            await self._uproot()
        await asyncio.wait(self._silent.values(), timeout=DRAIN_SECONDS)
        # Kills the child where even that did not help.
        self._transport.close()

    async def _uproot(self) -> None:
        """Kill all that descends from it before itself: afterwards nobody could say what did."""
        deadline = asyncio.get_running_loop().time() + UPROOT_SECONDS
        while (members := descendants(self.pid)) and asyncio.get_running_loop().time() < deadline:
            self.tell(members, signal.SIGKILL)
            await asyncio.sleep(UPROOT_PAUSE_SECONDS)


async def started(
    make: Callable[[], _Process], argv: Sequence[str], environment: Mapping[str, str], inner: Inner | None = None
) -> _Process:
    """A child in a session of its own, with pipes for all that it reads and says; `make` is who hears it."""
    starting = asyncio.ensure_future(_start(make, argv, environment, inner))
    try:
        return await outlast(starting)
    except asyncio.CancelledError:
        # It has been started all the same, and nobody else knows of it.
        if not starting.cancelled() and starting.exception() is None:
            await outlast(starting.result().bury())
        raise


async def _start(
    make: Callable[[], _Process], argv: Sequence[str], environment: Mapping[str, str], inner: Inner | None
) -> _Process:
    loop = asyncio.get_running_loop()
    _, process = await loop.subprocess_exec(
        make,
        *argv,
        env=dict(environment),
        start_new_session=True,
        pass_fds=() if inner is None else (inner.writing,),
    )
    if inner is not None:
        inner.listen()
    return process
