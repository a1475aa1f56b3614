"""Which wall works here: each is proven by a probe behind it, the strongest first."""

from __future__ import annotations

import asyncio

from .command import SandboxUnavailable
from .leavings import sweep
from .probe import proven
from .sandbox import Sandbox
from .walls import LEVELS, made

__all__ = ["LEVELS", "WALLS", "chosen", "surveyed"]

# The strongest first.
WALLS = tuple(level for level in LEVELS if level != "none")

NONE = "To run commands without any wall, name the level `none`."


async def chosen(asked: str = "auto") -> Sandbox:
    """The level that was asked for, or the first that works; `none` only where it is asked for by name."""
    if asked == "none":
        return await _swept(made("none"))
    faults = list[str]()
    for level in WALLS if asked == "auto" else [asked]:
        found = await surveyed(level)
        if isinstance(found, Sandbox):
            return await _swept(found)
        faults.append(f"{level}: {found}")
    raise SandboxUnavailable(" ".join([*faults, NONE]))


async def _swept(found: Sandbox) -> Sandbox:
    """What earlier servers left behind is removed before another one begins."""
    if found.wall.private is not None:
        await asyncio.to_thread(sweep, found.wall.private)
    return found


async def surveyed(level: str) -> Sandbox | str:
    """The sandbox of that level where it works, else one sentence that says why it does not, and what mends it."""
    try:
        sandbox = made(level)
        await proven(sandbox)
    except SandboxUnavailable as error:
        return str(error)
    return sandbox
