"""Work that ends in time, and work that is waited for."""

from __future__ import annotations

import asyncio

import pytest

from litellm_codex_agent.tools.waiting import outlast, within

from .opening import PATIENCE


def test_work_that_is_done_in_time_is_given_and_its_error_raised() -> None:
    async def give() -> int:
        return 7

    async def fail() -> int:
        raise KeyError("lost")

    assert asyncio.run(within(PATIENCE, give())) == 7
    with pytest.raises(KeyError):
        asyncio.run(within(PATIENCE, fail()))


@pytest.mark.parametrize("error", [None, KeyError("at the end")])
def test_work_that_takes_too_long_is_cancelled_and_has_ended(error: Exception | None) -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")
            if error is not None:
                raise error

    with pytest.raises(asyncio.TimeoutError):
        asyncio.run(within(0.01, hang()))
    assert ended == ["ended"]


def test_work_that_we_leave_is_cancelled_and_has_ended() -> None:
    ended: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async def leave() -> bool:
        waiting = asyncio.ensure_future(within(PATIENCE, hang()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting}, timeout=PATIENCE)
        return waiting.cancelled()

    assert asyncio.run(leave()) and ended == ["ended"]


def test_work_that_has_to_be_done_is_done_before_a_cancel_counts() -> None:
    done: list[str] = []

    async def clean(free: asyncio.Event) -> str:
        await free.wait()
        done.append("clean")
        return "done"

    async def leave(cancels: int) -> str:
        free = asyncio.Event()
        waiting = asyncio.ensure_future(outlast(clean(free)))
        for _ in range(cancels):
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        free.set()
        return await waiting

    assert asyncio.run(leave(0)) == "done"
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(leave(2))
    assert done == ["clean", "clean"]
