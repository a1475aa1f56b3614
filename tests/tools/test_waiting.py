"""Work that ends in time, and work that is waited for."""

from __future__ import annotations

import asyncio

import pytest

from litellm_codex_agent.tools.waiting import within

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
