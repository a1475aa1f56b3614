"""Work as events: what is told is read before the work goes on, and who stops reading ends the work."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from litellm_codex_agent.agent.telling import Tell, events
from litellm_codex_agent.backends.events import Done, Event, Text, ToolCall


def test_the_events_come_in_order_and_the_end_last() -> None:
    async def work(tell: Tell) -> Done:
        await tell(Text("a"))
        await tell(Text("b"))
        return Done("refused")

    async def heard() -> list[Event]:
        return [event async for event in events(work)]

    assert asyncio.run(heard()) == [Text("a"), Text("b"), Done("refused")]


def test_nothing_is_done_before_the_reader_asks_for_more() -> None:
    acted = []

    async def work(tell: Tell) -> Done:
        await tell(ToolCall("1", "act"))
        acted.append(1)
        return Done()

    async def read() -> None:
        async with aclosing(events(work)) as told:
            await anext(told)
            for _ in range(20):
                await asyncio.sleep(0)
            assert not acted
            await anext(told)
            assert acted

    asyncio.run(read())


def test_closing_ends_the_work_and_waits_for_it() -> None:
    ended = []

    async def work(tell: Tell) -> Done:
        try:
            await tell(Text("a"))
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0.01)
            ended.append(1)
        return Done()

    async def read() -> None:
        async with aclosing(events(work)) as told:
            await anext(told)
        assert ended

    asyncio.run(read())


def test_what_the_work_raises_is_raised_where_it_is_read() -> None:
    async def work(tell: Tell) -> Done:
        await tell(Text("a"))
        raise ValueError("broken")

    async def read() -> None:
        async with aclosing(events(work)) as told:
            assert await anext(told) == Text("a")
            with pytest.raises(ValueError, match="broken"):
                await anext(told)

    asyncio.run(read())
