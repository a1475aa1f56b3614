"""A scene within its time, after which nothing of it is left: no task, and no failure that nobody has heard of."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from litellm_codex_agent.wire.lines import Line, Lines

__all__ = ["SECONDS", "Wire", "bounded", "play", "until"]

SECONDS = 30.0


def play(scene: Callable[[], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        complaints: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(str(said)))
        before = asyncio.all_tasks()
        result = await scene()
        await until(lambda: asyncio.all_tasks() == before)
        gc.collect()
        assert complaints == []
        return result

    return asyncio.run(bounded(run()))


async def bounded(work: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(work, SECONDS)


async def until(seen: Callable[[], bool]) -> None:
    """Wait until it is seen, within the scene's time."""
    while not seen():
        await asyncio.sleep(0.005)


class Wire:
    """A pipe whose other end is the test, which says and hears. The methods in `known` are answered by themselves."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self._said: asyncio.Queue[bytes] = asyncio.Queue()
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.room = asyncio.Event()
        self.room.set()

    def say(self, *messages: Mapping[str, Any] | bytes) -> None:
        for message in messages:
            data = message if isinstance(message, bytes) else json.dumps(message).encode()
            self._said.put_nowait(data + b"\n")

    def end(self) -> None:
        self._said.put_nowait(b"")

    async def heard(self) -> dict[str, Any]:
        return await self._heard.get()

    async def write(self, data: bytes) -> None:
        message = json.loads(data)
        if message.get("method") in self.known:
            self.say({"id": message["id"], "result": {}})
        else:
            self._heard.put_nowait(message)
        await self.room.wait()

    async def lines(self, most: int) -> AsyncIterator[Line]:
        lines = Lines(most)
        while data := await self._said.get():
            for line in lines.feed(data):
                yield line
