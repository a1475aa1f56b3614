"""The living processes: one a tenant, started when it is first needed, shared by its runs, and gone when nobody came.

Law: no more than `most` live at once, and whoever waits for room gets it as soon as a process has no run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Generic, TypeVar

from ...sandbox.process import outlast

__all__ = ["Pool"]

_Kept = TypeVar("_Kept")


class _Slot(Generic[_Kept]):
    """One process, entered and left by a task of its own, so that no run's cancel falls into either."""

    def __init__(self, opening: AbstractAsyncContextManager[_Kept]) -> None:
        self.users = 0
        self.since = time.monotonic()
        self.ready: asyncio.Future[_Kept] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._living = asyncio.ensure_future(self._live(opening))
        self._living.add_done_callback(self._ended)

    async def stop(self) -> None:
        self._stop.set()
        if not self.ready.done():
            self._living.cancel()
        await outlast(_ended(self._living))

    async def _live(self, opening: AbstractAsyncContextManager[_Kept]) -> None:
        async with opening as kept:
            self.ready.set_result(kept)
            await self._stop.wait()

    def _ended(self, living: asyncio.Future[None]) -> None:
        error = None if living.cancelled() else living.exception()
        if self.ready.done():
            return
        if error is None:
            self.ready.cancel()
        else:
            # Whatever kept it from starting is told to whoever waits for it.
            self.ready.set_exception(error)
            # Looked at, for there may be nobody any more.
            self.ready.exception()


class Pool(Generic[_Kept]):
    """`start` opens one for a tenant; `usable` says whether it still serves."""

    def __init__(
        self,
        start: Callable[[str], AbstractAsyncContextManager[_Kept]],
        usable: Callable[[_Kept], bool],
        *,
        most: int,
        idle_seconds: float,
    ) -> None:
        self._start = start
        self._usable = usable
        self._most = most
        self._idle_seconds = idle_seconds
        self._slots: dict[str, _Slot[_Kept]] = {}
        self._leaving: list[_Slot[_Kept]] = []
        self._changed = asyncio.Condition()
        self._sweeping: asyncio.Future[None] | None = None

    def living(self) -> int:
        """How many there are now."""
        return len(self._slots) + len(self._leaving)

    @asynccontextmanager
    async def lease(self, tenant: str) -> AsyncIterator[_Kept]:
        """The tenant's, for one run. Raises what `start` raises."""
        slot = await self._slot(tenant)
        try:
            yield await asyncio.shield(slot.ready)
        finally:
            slot.users -= 1
            slot.since = time.monotonic()
            await outlast(self._left(tenant, slot))

    async def close(self) -> None:
        """End them all."""
        if self._sweeping is not None:
            # Of one that it ends at this moment, only it knows.
            self._sweeping.cancel()
            await asyncio.wait({self._sweeping})
        await asyncio.gather(*(slot.stop() for slot in (*self._slots.values(), *self._leaving)))
        self._slots, self._leaving = {}, []

    async def _slot(self, tenant: str) -> _Slot[_Kept]:
        async with self._changed:
            while True:
                slot = self._slots.get(tenant)
                if slot is not None and not self._serves(slot):
                    # Its runs go on without anybody new, and it is over with the last of them.
                    self._leaving.append(self._slots.pop(tenant))
                    await self._end_left()
                    slot = None
                if slot is None and await self._make_room():
                    slot = self._slots[tenant] = _Slot(self._start(tenant))
                if slot is not None:
                    slot.users += 1
                    return slot
                # Another run leaves, and with it perhaps the last of a process.
                await self._changed.wait()

    def _serves(self, slot: _Slot[_Kept]) -> bool:
        if not slot.ready.done():
            return True
        return not slot.ready.cancelled() and slot.ready.exception() is None and self._usable(slot.ready.result())

    async def _make_room(self) -> bool:
        if self.living() < self._most:
            return True
        idle = [tenant for tenant, slot in self._slots.items() if slot.users == 0]
        if not idle:
            return False
        await self._end(min(idle, key=lambda tenant: self._slots[tenant].since))
        return True

    async def _left(self, tenant: str, slot: _Slot[_Kept]) -> None:
        async with self._changed:
            if self._slots.get(tenant) is slot and not self._serves(slot):
                self._leaving.append(self._slots.pop(tenant))
            await self._end_left()
            self._changed.notify_all()
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.ensure_future(self._sweep())

    async def _sweep(self) -> None:
        """Ends those that nobody came to, until all are in use or gone."""
        while idle := [slot for slot in self._slots.values() if slot.users == 0]:
            await asyncio.sleep(max(0.0, min(slot.since for slot in idle) + self._idle_seconds - time.monotonic()))
            async with self._changed:
                over = time.monotonic() - self._idle_seconds
                for tenant, slot in list(self._slots.items()):
                    if slot.users == 0 and slot.since <= over:
                        await self._end(tenant)
                self._changed.notify_all()

    async def _end_left(self) -> None:
        for slot in [slot for slot in self._leaving if slot.users == 0]:
            # A cancel leaves the others to whoever comes next.
            self._leaving.remove(slot)
            await slot.stop()

    async def _end(self, tenant: str) -> None:
        slot = self._slots.pop(tenant)
        await slot.stop()


async def _ended(living: asyncio.Future[None]) -> None:
    await asyncio.wait({living})
