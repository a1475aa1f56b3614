"""One MCP server of a run: a client of the official SDK, kept in a task of its own.

Law: what the SDK enters it leaves in the same task, so that calls may come from any; and no call is sent twice. A
server that dies fails the calls that it had, and those after them, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.types import CallToolResult, PaginatedRequestParams

from ..sandbox.command import SandboxUnavailable
from ..sandbox.process import outlast
from .listing import MAX_TOOLS
from .mcp_results import result_of
from .source import TIMED_OUT, Result, ToolsUnavailable
from .waiting import within

__all__ = ["Member"]

# After the server was asked to go away: a session over HTTP is closed with a request, a child with signals.
_LEAVING_SECONDS = 5.0
# What the SDK raises for a call that failed: the server's error, and a reply that breaks the protocol.
_FAILURES = (MCPError, RuntimeError, ValueError)
_MAX_SAID_CHARS = 500


class Member:
    """`transport` is the SDK's way to the server, `isolation` the wall that it is behind, and `last_words` what it
    said before it went away."""

    def __init__(
        self,
        name: str,
        transport: AbstractAsyncContextManager[Any],
        isolation: str | None = None,
        last_words: Callable[[], str] = str,
    ) -> None:
        self.name = name
        self._last_words = last_words
        self._isolation = isolation
        self._leave = asyncio.Event()
        self._client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._keeping = asyncio.ensure_future(self._keep(transport))

    async def listed(self, seconds: float) -> Sequence[Any]:
        """Its tools, as the SDK has them. Raises `ToolsUnavailable`."""
        try:
            return await within(seconds, self._listed())
        except asyncio.TimeoutError as error:
            raise self._unavailable(f"it did not list its tools within {seconds:g} s.") from error
        except _FAILURES as error:
            raise self._unavailable(_told(error)) from error

    async def call(self, tool: str, arguments: Mapping[str, Any], seconds: float) -> Result:
        """What came of one call."""
        if not _is_sayable(arguments):
            said = "The arguments hold a number or a text that JSON cannot say."
            return Result(rc=1, isolation=self._isolation, error=said)
        try:
            return await within(seconds, self._called(tool, arguments))
        except asyncio.TimeoutError:
            error = f"The MCP server {self.name!r:.80} gave no answer within {seconds:g} s."
            return Result(rc=TIMED_OUT, timed_out=True, isolation=self._isolation, error=error)
        except _FAILURES as error:
            said = f"The MCP server {self.name!r:.80} did not do it: {_told(error)}"
            return Result(rc=1, isolation=self._isolation, error=said)

    async def close(self) -> None:
        """Leave the server. Nothing of it is left then, whatever is cancelled meanwhile."""
        await outlast(self._closed())

    async def _closed(self) -> None:
        self._leave.set()
        if not self._client.done():  # it waits for the server's first word, and would go on
            self._keeping.cancel()
        for _ in range(2):
            await asyncio.wait({self._keeping}, timeout=_LEAVING_SECONDS)
            if self._keeping.done():
                break
            self._keeping.cancel()
        if self._keeping.done() and not self._keeping.cancelled():
            self._keeping.exception()  # it is read, or the loop would log it as forgotten

    async def _keep(self, transport: AbstractAsyncContextManager[Any]) -> None:
        # No cache, and no round trip that asks somebody for more: a call is one message.
        async with Client(transport, cache=None) as client:
            self._client.set_result(client)
            await self._leave.wait()

    async def _listed(self) -> Sequence[Any]:
        either: set[asyncio.Future[Any]] = {self._client, self._keeping}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._client.done():
            raise self._not_begun()
        session, cursor = self._client.result().session, None
        tools: list[Any] = []
        while len(tools) <= MAX_TOOLS:
            page = await session.list_tools(params=PaginatedRequestParams(cursor=cursor))
            tools += page.tools
            cursor = page.next_cursor
            if not cursor:
                return tools
        raise self._unavailable(f"it lists more than {MAX_TOOLS:,} tools.")

    async def _called(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        session = self._client.result().session
        told = await session.call_tool(tool, dict(arguments), allow_input_required=True)
        if not isinstance(told, CallToolResult):
            error = f"The tool {tool!r:.80} asks its user for more, and there is none here."
            return Result(rc=1, isolation=self._isolation, error=error)
        return result_of(told.model_dump(by_alias=True, mode="json", exclude_none=True), self._isolation)

    def _not_begun(self) -> Exception:
        """Why its client ended before it was there: of a group, as task groups raise them, the first."""
        first = next(_leaves(error), None) if (error := self._keeping.exception()) is not None else None
        return first if isinstance(first, SandboxUnavailable) else self._unavailable(_why(first))

    def _unavailable(self, why: str) -> ToolsUnavailable:
        words = self._last_words()
        said = f" It said: {words}" if words else ""
        return ToolsUnavailable(f"The MCP server {self.name!r:.80} cannot be used: {why.rstrip('.')}.{said}")


def _is_sayable(arguments: Mapping[str, Any]) -> bool:
    """Found only when it is sent, such a value would end the SDK's client, and all other calls with it."""
    try:
        json.dumps(dict(arguments), allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _told(error: Exception) -> str:
    """The server's own words; those of a fault in the protocol hold a whole reply, and are not told."""
    if isinstance(error, ValueError):
        return "its reply is not what the protocol asks for."
    return str(error)[:_MAX_SAID_CHARS] or "it says no more."


def _why(error: BaseException | None) -> str:
    if isinstance(error, (OSError, MCPError, httpx2.HTTPError, RuntimeError)):
        return str(error)[:_MAX_SAID_CHARS]
    return type(error).__name__ if error is not None else "it went away."


def _leaves(error: BaseException) -> Iterator[BaseException]:
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    if not inner:
        yield error
    for each in inner:
        yield from _leaves(each)
