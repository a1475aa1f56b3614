"""What a run works at, opened for it: its workspace, its tools, and the wall around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..backends.events import FileChange
from ..sandbox.command import SandboxUnavailable
from ..tools import http, local, mcp
from ..tools.changes import MAX_PATH_CHARS, Snapshot, changes, more
from ..tools.source import Source
from .hands import Cleaner
from .setup import Setup
from .wanted import Wanted

__all__ = ["Workbench", "opened"]


@dataclass
class Workbench:
    """`isolation` is the wall's level, None where nothing is run."""

    sources: Sequence[Source] = ()
    workspace: Path | None = None
    isolation: str | None = None
    before: Snapshot | None = None
    cleaner: Cleaner | None = None
    _told: dict[str, FileChange] = field(default_factory=dict)

    async def changes(self) -> Sequence[FileChange]:
        """What was changed in the workspace and was not told yet."""
        if self.before is None or self.workspace is None:
            return ()
        found = await asyncio.to_thread(changes, self.before, self.workspace)
        told = [FileChange(each.path, each.kind, self._clean(each.diff)) for each in found]
        new = self._within_room([each for each in told if self._told.get(each.path) != each])
        self._told.update((each.path, each) for each in new)
        return new

    def _within_room(self, new: Sequence[FileChange]) -> list[FileChange]:
        """All looks of a run have room for the paths of one: a run may make other files in each turn."""
        room, shown = MAX_PATH_CHARS - sum(map(len, self._told)), list[FileChange]()
        for each in new:
            room -= 0 if each.path in self._told else len(each.path)
            if room >= 0:
                shown.append(each)
        left_out = len(new) - len(shown)
        return [*shown, FileChange(more(left_out))] if left_out else shown

    def _clean(self, diff: str) -> str:
        return self.cleaner.clean(diff)[0] if self.cleaner else diff


@asynccontextmanager
async def opened(setup: Setup, wanted: Wanted, run_id: str) -> AsyncIterator[Workbench]:
    """Raises `ToolsUnavailable` and `SandboxUnavailable`: before anything was done."""
    async with AsyncExitStack() as stack:
        yield await _opened(setup, wanted, run_id, stack)


async def _opened(setup: Setup, wanted: Wanted, run_id: str, stack: AsyncExitStack) -> Workbench:
    if wanted.workspace is not None:
        setup.workspaces.check(wanted.workspace)
    if not wanted.tools:
        return Workbench()
    if wanted.source == "http":
        remote = http.opened(
            wanted.base_url,
            headers=wanted.headers,
            defaults=setup.tool_headers,
            origins=setup.tool_origins,
            run_key=run_id,
            seconds=setup.tool_seconds,
        )
        return Workbench([await stack.enter_async_context(remote)], cleaner=setup.scanner)
    if wanted.source == "mcp":
        return await _served(setup, wanted, run_id, stack)
    if setup.sandbox is None:
        # Without being asked for, tools that cannot be offered are left out; asked for, they are missing.
        if wanted.use_tools or wanted.workspace:
            raise SandboxUnavailable(setup.no_sandbox)
        return Workbench()
    workspace = await stack.enter_async_context(setup.workspaces.leased(wanted.workspace, run_id))
    opening = local.opened(
        setup.sandbox,
        workspace.path,
        commands=setup.commands,
        seconds=setup.tool_seconds,
        writable=wanted.writable,
        network=wanted.network,
    )
    before = await asyncio.to_thread(Snapshot.take, workspace.path)
    source = await stack.enter_async_context(opening)
    return Workbench([source], workspace.path, setup.sandbox.level, before, setup.scanner)


async def _served(setup: Setup, wanted: Wanted, run_id: str, stack: AsyncExitStack) -> Workbench:
    """The tools of MCP servers. Those that are commands work in the workspace, behind the wall; others need neither."""
    workspace = await stack.enter_async_context(setup.workspaces.leased(wanted.workspace, run_id))
    before = await asyncio.to_thread(Snapshot.take, workspace.path)
    opening = mcp.opened(
        wanted.servers,
        sandbox=setup.sandbox,
        workspace=workspace.path,
        origins=setup.tool_origins,
        seconds=setup.tool_seconds,
    )
    source = await stack.enter_async_context(opening)
    runs_here = any("command" in server for server in wanted.servers.values())
    level = setup.sandbox.level if setup.sandbox and runs_here else None
    return Workbench([source], workspace.path, level, before, setup.scanner)
