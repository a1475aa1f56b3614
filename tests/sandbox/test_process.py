"""A child and its pipes, on the loop of Python and on the one that uvicorn takes where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from litellm_codex_agent.sandbox.process import started

WAIT_SECONDS = 20.0


def of_uvloop() -> asyncio.AbstractEventLoop:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, of_uvloop])
def test_one_that_ended_before_it_was_given_its_stdin_ends_as_any_other(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def act() -> int:
        process = await started(["/bin/sh", "-c", "exit 3"], {}, most=100)
        await asyncio.wait({process.exited, *process._silent.values()}, timeout=WAIT_SECONDS)
        process.feed(b"nobody reads it")
        await process.bury()
        return process.rc

    loop = new_loop()
    try:
        assert loop.run_until_complete(act()) == 3
    finally:
        loop.close()
