"""Tools of MCP servers: a child of ours behind the wall, or an address over HTTP; one client a server a run.

Law: what a request names as a command runs where the tools run, never beside the server; and an address is asked by
the rules of `addresses`, as that of any tool.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..sandbox.command import FOR_EVER, Command, Limits, SandboxUnavailable
from ..sandbox.sandbox import Sandbox
from .headers import merged
from .listing import ANY_ARGUMENTS
from .names import qualified, valid
from .pinned import pin
from .source import Call, Result, Source, Tool, ToolsUnavailable

if TYPE_CHECKING:
    from .mcp_member import Member

__all__ = ["McpTools", "opened"]

# Before it, the SDK bounds no event of a stream, and follows redirects as it likes.
_LEAST_SDK = (2, 3)
_MISSING = "MCP servers need the `mcp` package, 2.3 or newer{}: pip install 'litellm-codex-agent[mcp]'."

# Node reserves far more than it uses, and many MCP servers are written for it.
_LIMITS = Limits(address_space=None)


class McpTools:
    """The tools of all the servers of one run."""

    def __init__(self, found: Sequence[tuple[Member, Sequence[Any]]]) -> None:
        listed = [(member, told) for member, tools in found for told in {each.name: each for each in tools}.values()]
        names = valid([qualified(member.name, told.name) for member, told in listed])
        self._named = {name: (member, told.name) for name, (member, told) in zip(names, listed, strict=True)}
        self.tools: Sequence[Tool] = [_tool(name, told) for name, (_, told) in zip(names, listed, strict=True)]

    async def call(self, call: Call, seconds: float) -> Result:
        if call.name not in self._named:
            return Result(rc=1, error=f"No MCP server lists {call.name!r:.100}.")
        member, tool = self._named[call.name]
        return await member.call(tool, call.arguments, seconds)


@asynccontextmanager
async def opened(
    servers: Mapping[str, Mapping[str, Any]],
    *,
    sandbox: Sandbox | None,
    workspace: Path,
    origins: Sequence[str],
    seconds: float,
    network: bool = False,
) -> AsyncIterator[Source]:
    """The tools of these servers, all listed within `seconds`.

    Raises `ToolsUnavailable`, and `SandboxUnavailable` where a command has no wall to run behind.
    """
    _check_sdk(metadata.version)
    # The SDK logs what it cannot read, with all that it says; whoever called hears of it in a result.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    until = asyncio.get_running_loop().time() + seconds
    members: list[Member] = []
    try:
        for name, server in servers.items():
            if "command" in server:
                members.append(_piped(name, server, sandbox, workspace, network=network))
            else:
                members.append(await _reached(name, server, origins, seconds))
        left = until - asyncio.get_running_loop().time()
        # They start side by side, each in a task of its own.
        yield McpTools([(member, await member.listed(left)) for member in members])
    finally:
        await asyncio.gather(*(member.close() for member in members))


def _check_sdk(version_of: Callable[[str], str]) -> None:
    try:
        found = version_of("mcp")
    except metadata.PackageNotFoundError as error:
        raise ToolsUnavailable(_MISSING.format(""), status=503) from error
    if tuple(int(part) for part in re.findall(r"\d+", found)[:2]) < _LEAST_SDK:
        raise ToolsUnavailable(_MISSING.format(f", and this is {found}"), status=503)


def _piped(name: str, server: Mapping[str, Any], sandbox: Sandbox | None, workspace: Path, *, network: bool) -> Member:
    from .mcp_member import Member
    from .mcp_stdio import Child, piped

    if sandbox is None:
        raise SandboxUnavailable(f"The MCP server {name!r:.80} is a command, and no sandbox works here to run it in.")
    command = Command(
        argv=(server["command"], *server.get("args", ())),
        workspace=workspace,
        seconds=FOR_EVER,
        cwd=_inside(name, server.get("cwd", "."), workspace),
        environment=dict(server.get("env", {})),
        network=network,
        limits=_LIMITS,
    )
    child = Child(sandbox, command)
    return Member(name, piped(child), sandbox.level, child.last_words)


async def _reached(name: str, server: Mapping[str, Any], origins: Sequence[str], seconds: float) -> Member:
    from .mcp_http import authorized, streamed
    from .mcp_member import Member

    asked = authorized(server.get("headers", {}), server.get("authorization"))
    headers = merged({}, asked, field=f"mcp_servers.{name}.headers")
    pinned = await pin(server["url"], origins, seconds, base=False)
    return Member(name, streamed(pinned, headers))


def _inside(name: str, cwd: str, workspace: Path) -> str:
    """A directory of the workspace, by its path in it."""
    asked = PurePosixPath(cwd)
    within = asked.relative_to(workspace) if asked.is_absolute() and asked.is_relative_to(workspace) else asked
    if within.is_absolute() or ".." in within.parts:
        raise ToolsUnavailable(f"`mcp_servers.{name}.cwd` has to be inside the workspace.", status=400)
    return str(within)


def _tool(name: str, told: Any) -> Tool:
    schema = told.input_schema if isinstance(told.input_schema, Mapping) else None
    return Tool(name, told.description or told.title or "", schema or ANY_ARGUMENTS)
