"""An MCP server as a child behind the wall, spoken to through its pipes: a transport for the official SDK.

Not the SDK's own one, which holds a line of any length and lends the child this server's environment.

Law: no message takes more memory than its bound; and when the transport is left, no process of it is.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import INTERNAL_ERROR, ErrorData, JSONRPCError
from mcp.types.jsonrpc import jsonrpc_message_adapter

from ..sandbox.command import Command
from ..sandbox.sandbox import Sandbox
from ..sandbox.spoken import Spoken, spoken
from ..wire.lines import Line

__all__ = ["Child", "GRACE_SECONDS", "MAX_MESSAGE_BYTES", "piped"]

# A text of a MiB may stand in its message twice, as text and as structured content, and be escaped on top of that.
MAX_MESSAGE_BYTES = 4 * 2**20
# The specification: close stdin, wait, TERM, wait, KILL. A server that only sleeps needs no longer.
GRACE_SECONDS = 1.0
_WAITING_MESSAGES = 64
# In a message too long to read: the id where the official SDKs write it, at the beginning or at the end.
_ID = re.compile(rb'^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*[,}]')
_LAST_ID = re.compile(rb'"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')
_TOO_LONG = f"The reply is over {MAX_MESSAGE_BYTES:,} bytes."


@dataclass
class Child:
    """A server: which command, behind which wall, and the process once there is one."""

    sandbox: Sandbox
    command: Command
    process: Spoken | None = None

    def last_words(self) -> str:
        """The last line of its stderr, or what it took too much of."""
        return self.process.last_words() if self.process else ""


@asynccontextmanager
async def piped(child: Child) -> AsyncIterator[tuple[Any, Any]]:
    """The streams of messages from and to a child. Raises `OSError` and `SandboxUnavailable` where none can start."""
    told, incoming = anyio.create_memory_object_stream[Any](0)
    # Some room: a call that is given up says so at once, even to a server that reads nothing.
    outgoing, asked = anyio.create_memory_object_stream[Any](_WAITING_MESSAGES)
    async with told, incoming, outgoing, asked, spoken(child.sandbox, child.command, grace=GRACE_SECONDS) as process:
        child.process = process
        async with anyio.create_task_group() as work:
            work.start_soon(_read, process, told)
            work.start_soon(_write, process, asked)
            try:
                yield incoming, outgoing
            finally:
                work.cancel_scope.cancel()


async def _read(process: Spoken, told: Any) -> None:
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async with told:
            async for line in process.lines(MAX_MESSAGE_BYTES):
                if (message := _message(line)) is not None:
                    await told.send(message)


async def _write(process: Spoken, asked: Any) -> None:
    async for message in asked:
        said = message.message.model_dump_json(by_alias=True, exclude_unset=True)
        await process.write(said.encode("utf-8", "replace") + b"\n")


def _message(line: Line) -> SessionMessage | None:
    """The message in a line; of one too long an error in its place. What is no message is noise, and is left out."""
    if not line.cut:
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line.data, by_name=False))
        except ValueError:
            return None
    head, _, tail = line.data.partition(b"\n")
    found = _ID.search(head) or _LAST_ID.search(tail)
    if found is None:
        return None
    error = ErrorData(code=INTERNAL_ERROR, message=_TOO_LONG)
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=int(found[1]), error=error))
