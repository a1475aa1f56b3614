"""The levels that work here, each proven once, and the tools opened behind one of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.sandbox.command import SandboxUnavailable
from litellm_codex_agent.sandbox.levels import chosen
from litellm_codex_agent.sandbox.sandbox import Sandbox
from litellm_codex_agent.tools.local import opened
from litellm_codex_agent.tools.source import Call, Result, Source

__all__ = ["LEVELS", "WALLS", "Use", "given", "sandbox", "used"]

WALLS = ("bwrap", "landlock")
LEVELS = (*WALLS, "none")
# For a call to end in on a machine with much else to do; no test waits for it to pass.
SECONDS = 60.0

Use = Callable[..., Coroutine[Any, Any, Result]]


@cache
def _proven(level: str) -> Sandbox | str:
    try:
        return asyncio.run(chosen(level))
    except SandboxUnavailable as error:
        return str(error)


def sandbox(level: str) -> Sandbox:
    """That of the level, or the test is skipped with the reason why there is none."""
    found = _proven(level)
    if isinstance(found, str):
        pytest.skip(found)
    return found


def given(workspace: Path, wall: Sandbox) -> Path:
    """The workspace with all that is in it, given to whom the commands run as."""
    if wall.uid is not None:
        for place in (workspace, *workspace.rglob("*")):
            os.chown(place, wall.uid, wall.uid, follow_symlinks=False)
    return workspace


def used(level: str, workspace: Path, act: Callable[[Source, Use], Coroutine[Any, Any, None]], **terms: Any) -> None:
    """`act` with the tools behind the wall of that level, and a short way to call one of them."""
    wall = sandbox(level)

    async def run() -> None:
        async with opened(wall, given(workspace, wall), **{"seconds": SECONDS, **terms}) as source:

            async def use(name: str, **arguments: Any) -> Result:
                return await source.call(Call("1", name, arguments), SECONDS)

            await act(source, use)

    asyncio.run(run())
