"""Work that tells events, read as an async generator.

Law: `tell` returns when whoever reads has asked for the next event, so what is told is durable before it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from ..backends.events import Done, Event

__all__ = ["Tell", "events"]

Tell = Callable[[Event], Awaitable[None]]

_Told = tuple[Event, "asyncio.Future[None]"]


async def events(work: Callable[[Tell], Awaitable[Done]]) -> AsyncGenerator[Event, None]:
    """What `work` tells, and last its end. Closing the generator cancels the work and waits for it."""
    loop = asyncio.get_running_loop()
    told: asyncio.Queue[_Told | None] = asyncio.Queue()

    async def tell(event: Event) -> None:
        read = loop.create_future()
        told.put_nowait((event, read))
        await read

    working = asyncio.ensure_future(_done(work, tell))
    working.add_done_callback(lambda _: told.put_nowait(None))
    try:
        while (each := await told.get()) is not None:
            event, read = each
            yield event
            if not read.done():
                read.set_result(None)
    finally:
        working.cancel()
        await asyncio.wait({working})
    yield working.result()


async def _done(work: Callable[[Tell], Awaitable[Done]], tell: Tell) -> Done:
    return await work(tell)
