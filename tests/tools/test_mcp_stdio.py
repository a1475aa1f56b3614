"""An MCP server's pipes, on the loop of Python and on the one that uvicorn takes where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio
import pytest
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCNotification

from litellm_codex_agent.tools.mcp_stdio import Child, piped

WAIT_SECONDS = 20.0


def of_uvloop() -> asyncio.AbstractEventLoop:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, of_uvloop])
def test_what_is_said_to_a_server_that_is_gone_breaks_nothing(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def act() -> None:
        async with piped(Child(["/bin/sh", "-c", "exit"], {}, "/")) as (incoming, outgoing):
            with anyio.fail_after(WAIT_SECONDS):
                assert [told async for told in incoming] == []
                await outgoing.send(SessionMessage(JSONRPCNotification(jsonrpc="2.0", method="notifications/x")))
                await anyio.wait_all_tasks_blocked()

    loop = new_loop()
    try:
        loop.run_until_complete(act())
    finally:
        loop.close()
