"""The watch over what the kernel bounds for one process only: the memory and the disk of the whole tree.

It looks often while that is cheap, and never takes more than a small part of the time. A command that ends before the
first look has had no time to do harm, and pays nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from .command import Command
from .processes import descendants
from .used import Room, free, memory, resident, room

__all__ = ["Watch", "added"]

FIRST_SECONDS = 0.1
# Of the time, so much goes into looking.
PART = 20
# A walk through the files is due after this time, or as soon as the disk has lost a part of what may still be added.
WALK_SECONDS = 2.0
_MIB = 2**20


class Watch:
    """Of one command, from before it starts. `private` is a pattern of further directories that are its own."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._free = self._walk_free = free(command.workspace)
        self._base = 0
        self._added = 0
        self._next_walk = 0.0

    async def over(self, pid: int, private: Path | None) -> str:
        """Returns when the tree of `pid` takes too much, with a sentence that says so."""
        pause, ended = FIRST_SECONDS, ""
        while not ended:
            await asyncio.sleep(pause)
            began = time.monotonic()
            ended = await asyncio.to_thread(self._look, pid, private)
            pause = max(FIRST_SECONDS, (time.monotonic() - began) * PART)
        return ended

    def _look(self, pid: int, private: Path | None) -> str:
        members = descendants(pid)
        limits = self._command.limits
        # The exact question is asked only where the quick one leaves a doubt.
        if resident(members) > limits.memory_bytes and memory(members) > limits.memory_bytes:
            return f"Its processes took more than {limits.memory_bytes // _MIB:,} MiB of memory."
        if self._is_due(free(self._command.workspace)):
            own = list(private.parent.glob(private.name)) if private else []
            self._walk([self._command.workspace, *own], members)
        return f"It wrote more than {limits.disk_bytes // _MIB:,} MiB." if self._added > limits.disk_bytes else ""

    def _is_due(self, now_free: int) -> bool:
        left = self._command.limits.disk_bytes - self._added
        return time.monotonic() >= self._next_walk or self._walk_free - now_free > left // 4

    def _walk(self, directories: Iterable[Path], members: Iterable[int]) -> None:
        began, now_free = time.monotonic(), free(self._command.workspace)
        found = room(directories, members)
        if not self._next_walk:
            # What came before the first walk is what the disk has lost since: never too little.
            self._base = found.size - max(0, self._free - now_free)
        self._added = added(found, self._base, self._free - now_free)
        self._walk_free = now_free
        self._next_walk = time.monotonic() + max(WALK_SECONDS, (time.monotonic() - began) * PART)


def added(found: Room, base: int, lost: int) -> int:
    """Where it hides something, all that the disk has lost is taken for its."""
    return max(found.size - base, lost) if found.hidden else found.size - base
