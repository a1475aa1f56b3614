"""An MCP server's pipes, on the loop of Python and on the one that uvicorn takes where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCNotification

from litellm_codex_agent.sandbox.command import Command, Limits
from litellm_codex_agent.tools.mcp_stdio import Child, piped

from .mcp_asking import bare

WAIT_SECONDS = 20.0


def of_uvloop() -> asyncio.AbstractEventLoop:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


@pytest.fixture(params=[asyncio.new_event_loop, of_uvloop])
def loop(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoop:
    new_loop: Callable[[], asyncio.AbstractEventLoop] = request.param
    found = new_loop()
    request.addfinalizer(found.close)
    return found


def child(folder: Path, *argv: str, **limits: Any) -> Child:
    return Child(bare(), Command(argv, folder, WAIT_SECONDS, limits=Limits(**limits)))


@asynccontextmanager
async def spoken_to(server: Child) -> AsyncIterator[tuple[Any, Any]]:
    async with piped(server) as streams:
        with anyio.fail_after(WAIT_SECONDS):
            yield streams


def saying(text: str) -> SessionMessage:
    return SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="notifications/x", params={"text": text}))


def test_what_is_said_to_a_server_that_is_gone_breaks_nothing(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    async def act() -> None:
        async with spoken_to(child(tmp_path, "/bin/sh", "-c", "exit")) as (incoming, outgoing):
            assert [told async for told in incoming] == []
            await outgoing.send(saying("x"))
            await anyio.wait_all_tasks_blocked()

    loop.run_until_complete(act())


def test_long_messages_go_through_both_pipes_whole(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    async def act() -> None:
        async with spoken_to(child(tmp_path, "cat")) as (incoming, outgoing):
            for text in ("x" * 2**20, "short", "y" * 2**21):
                await outgoing.send(saying(text))
                assert (await incoming.receive()).message.params == {"text": text}

    loop.run_until_complete(act())


def test_a_server_that_takes_too_much_memory_is_ended_and_says_so(
    loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> None:
    async def act() -> str:
        server = child(tmp_path, "tail", "/dev/zero", memory_bytes=50 * 2**20)
        async with spoken_to(server) as (incoming, _):
            assert [told async for told in incoming] == []
            return server.last_words()

    assert loop.run_until_complete(act()) == "Its processes took more than 50 MiB of memory."


def test_a_server_that_is_asked_to_end_may_say_good_bye(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    """By the end of its stdin, and where that does not help by a signal."""

    async def act(script: str) -> None:
        async with spoken_to(child(tmp_path, "sh", "-c", script)) as (_, outgoing):
            await outgoing.send(saying("x"))
            while not (tmp_path / "ready").exists():
                await anyio.sleep(0.01)

    loop.run_until_complete(act("touch ready; cat >/dev/null; echo eof >> ended"))
    (tmp_path / "ready").unlink()
    loop.run_until_complete(act("trap 'echo signal >> ended; exit' TERM; touch ready; sleep 60 & wait; wait"))
    assert (tmp_path / "ended").read_text().split() == ["eof", "signal"]
