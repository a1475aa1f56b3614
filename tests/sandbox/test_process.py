"""A child and its pipes, on the loop of Python and on the one that uvicorn takes where it is installed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial

import pytest

from litellm_codex_agent.sandbox.process import Process, outlast, started

from .stage import alive

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
        process = await started(partial(Process, 100, None), ["/bin/sh", "-c", "exit 3"], {})
        await asyncio.wait({process.exited, *process._silent.values()}, timeout=WAIT_SECONDS)
        process.feed(b"nobody reads it")
        await process.bury()
        return process.rc

    loop = new_loop()
    try:
        assert loop.run_until_complete(act()) == 3
    finally:
        loop.close()


@pytest.mark.parametrize("ending", ["sleep 99", "while :; do sleep 0.01; done"])
def test_what_a_launcher_does_not_kill_is_killed_before_it(ending: str) -> None:
    token = f"uprooted-{os.getpid()}"

    async def act() -> None:
        script = f"trap '' TERM; setsid sh -c '{ending}' {token} & wait; sleep 99"
        process = await started(partial(Process, 100, None), ["/bin/sh", "-c", script, token], {"PATH": os.defpath})
        while len(alive(token)) < 2:
            await asyncio.sleep(0.01)
        await process.bury(patience=0.1)

    asyncio.run(asyncio.wait_for(act(), WAIT_SECONDS))
    assert alive(token) == []


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
