"""An MCP server as a child behind the wall, spoken to through its pipes: a transport for the official SDK.

Not the SDK's own one, which holds a line of any length and lends the child this server's environment.

Law: no message takes more memory than its bound; and when the transport is left, no process of it is.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import INTERNAL_ERROR, ErrorData, JSONRPCError
from mcp.types.jsonrpc import jsonrpc_message_adapter

from ..wire.lines import Line, Lines
from .waiting import outlast

__all__ = ["Child", "GRACE_SECONDS", "MAX_MESSAGE_BYTES", "piped"]

# A text of a MiB may stand in its message twice, as text and as structured content, and be escaped on top of that.
MAX_MESSAGE_BYTES = 4 * 2**20
# The specification: close stdin, wait, TERM, wait, KILL. A server that only sleeps needs no longer.
GRACE_SECONDS = 1.0
_POLL_SECONDS = 0.01
_PIECE = 64 * 1024
_WAITING_MESSAGES = 64
# Of its stderr the end is kept: why it went away stands there, if anywhere.
_KEPT_OF_STDERR = 2048
# In a message too long to read: the id where the official SDKs write it, at the beginning or at the end.
_ID = re.compile(rb'^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15})\s*[,}]')
_LAST_ID = re.compile(rb'"id"\s*:\s*(\d{1,15})\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$')
_TOO_LONG = f"The reply is over {MAX_MESSAGE_BYTES:,} bytes."


@dataclass
class Child:
    """How a server is started, and what it said last on its stderr."""

    argv: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    cwd: str
    said: bytes = b""

    def last_words(self) -> str:
        """The last line of its stderr."""
        lines = self.said.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""


@asynccontextmanager
async def piped(child: Child) -> AsyncIterator[tuple[Any, Any]]:
    """The streams of messages from and to a child. Raises `OSError` where it cannot be started."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit=_PIECE, loop=loop),
        *child.argv,
        env=dict(child.environment),
        cwd=child.cwd,
        start_new_session=True,
    )
    process = Process(transport, protocol, loop)
    told, incoming = anyio.create_memory_object_stream[Any](0)
    # Some room: a call that is given up says so at once, even to a server that reads nothing.
    outgoing, asked = anyio.create_memory_object_stream[Any](_WAITING_MESSAGES)
    listening = asyncio.ensure_future(_listen(process, child))
    try:
        async with told, incoming, outgoing, asked, anyio.create_task_group() as work:
            work.start_soon(_read, process, told)
            work.start_soon(_write, process, asked)
            try:
                yield incoming, outgoing
            finally:
                work.cancel_scope.cancel()
    finally:
        # The tasks are done with its pipes by now, and a cancel does not keep it alive.
        await outlast(_end(process, transport, listening))


async def _read(process: Process, told: Any) -> None:
    lines = Lines(MAX_MESSAGE_BYTES)
    assert process.stdout is not None
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        async with told:
            while data := await process.stdout.read(_PIECE):
                for line in lines.feed(data):
                    if (message := _message(line)) is not None:
                        await told.send(message)


async def _write(process: Process, asked: Any) -> None:
    assert process.stdin is not None
    with suppress(OSError):  # it closed its end, and `_read` says so
        async for message in asked:
            if process.stdin.is_closing():  # uvloop raises another error then
                break
            said = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(said.encode("utf-8", "replace") + b"\n")
            await process.stdin.drain()


async def _listen(process: Process, child: Child) -> None:
    assert process.stderr is not None
    while data := await process.stderr.read(_PIECE):
        child.said = (child.said + data)[-_KEPT_OF_STDERR:]


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


async def _end(process: Process, transport: asyncio.SubprocessTransport, listening: asyncio.Future[None]) -> None:
    """Ask it to end, then make it, with all that is in its group."""
    assert process.stdin is not None
    process.stdin.close()
    for ending in (signal.SIGTERM, signal.SIGKILL):
        if await _gone(process):
            break
        _kill(process.pid, ending)
    await _gone(process)
    _kill(process.pid, signal.SIGKILL)
    # Where somebody else holds the other end of a pipe, it would stay open.
    await asyncio.wait({listening}, timeout=GRACE_SECONDS)
    listening.cancel()
    transport.close()


async def _gone(process: Process) -> bool:
    """Looked at, not waited for: asyncio would wait for the pipes as well, which others may hold."""
    for _ in range(round(GRACE_SECONDS / _POLL_SECONDS)):
        if process.returncode is not None:
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return process.returncode is not None


def _kill(group: int, ending: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, ending)
