"""The watch over what the kernel bounds for one process only: the memory and the disk of the whole tree.

It looks often while that is cheap, and never takes more than a small part of the time. A command that ends before the
first look has had no time to do harm, and pays nothing. No look waits for the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from .command import Command, Limits
from .processes import descendants
from .room import Room, free, room
from .used import Machine, machine, memory, resident

__all__ = ["Watch", "added", "short"]

FIRST_SECONDS = 0.1
# Of the time, so much goes into looking.
PART = 20
# A walk through the files is due after this time, or as soon as the disk has lost a part of what may still be added.
WALK_SECONDS = 2.0
# With less of its memory left than this part, a machine is about to end processes of its own choice.
SCARCE = 16
_MIB = 2**20


class Watch:
    """Of one command, from before it starts. `private` is a pattern of further directories that are its own."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._machine = machine()
        self._free = self._walk_free = self._now_free()
        self._base = 0
        self._added = 0
        self._walk_seconds = 0.0
        self._last_walk: float | None = None

    async def over(self, pid: int, private: Path | None) -> str:
        """Returns when the tree of `pid` takes too much, with a sentence that says so."""
        looks = (partial(self._look_at_memory, pid), partial(self._look_at_disk, pid, private))
        looking = [asyncio.ensure_future(_repeated(look)) for look in looks]
        try:
            ended, _ = await asyncio.wait(looking, return_when=asyncio.FIRST_COMPLETED)
            return ended.pop().result()
        finally:
            for each in looking:
                each.cancel()
            await asyncio.wait(looking)

    def _look_at_memory(self, pid: int) -> tuple[str, bool]:
        members, limits = descendants(pid), self._command.limits
        # The exact question is asked only where the quick one leaves a doubt.
        if resident(members) > limits.memory_bytes and memory(members) > limits.memory_bytes:
            return f"Its processes took more than {limits.memory_bytes // _MIB:,} MiB of memory.", True
        return short(self._machine, machine(), limits), True

    def _look_at_disk(self, pid: int, private: Path | None) -> tuple[str, bool]:
        most = self._command.limits.disk_bytes
        if self._is_due(self._now_free()):
            own = [each for each in private.parent.glob(private.name) if not each.is_symlink()] if private else []
            self._walk([self._command.workspace, *own], descendants(pid))
        # How long a walk took says when the next one is due, and not when to ask for that.
        return f"It wrote more than {most // _MIB:,} MiB." if self._added > most else "", False

    def _is_due(self, now_free: int) -> bool:
        if self._last_walk is None:
            return True
        since, left = time.monotonic() - self._last_walk, self._command.limits.disk_bytes - self._added
        # Beside walks that are long, as much time passes without one at least.
        if self._walk_free - now_free > left // 4:
            return since >= self._walk_seconds
        return since >= max(WALK_SECONDS, self._walk_seconds * PART)

    def _walk(self, directories: Iterable[Path], members: Iterable[int]) -> None:
        began, now_free = time.monotonic(), self._now_free()
        found = room(directories, members)
        if self._last_walk is None:
            # What came before the first walk is what the disk has lost since: never too little.
            self._base = found.size - max(0, self._free - now_free)
        self._added = added(found, self._base, self._free - now_free)
        self._walk_free = now_free
        self._last_walk = time.monotonic()
        self._walk_seconds = self._last_walk - began

    def _now_free(self) -> int:
        """Of the disk, less what is in files that are memory: a file without a name may be one."""
        return free(self._command.workspace) - machine().shared


async def _repeated(look: Callable[[], tuple[str, bool]]) -> str:
    """Until it says something; it says too whether its time is to be paid for by a pause."""
    pause = FIRST_SECONDS
    while True:
        await asyncio.sleep(pause)
        began = time.monotonic()
        said, paid = await asyncio.to_thread(look)
        if said:
            return said
        pause = max(FIRST_SECONDS, (time.monotonic() - began) * PART) if paid else FIRST_SECONDS


def short(before: Machine, now: Machine, limits: Limits) -> str:
    """Whether the machine has lost more than one command may take, in a way that no process answers for.

    Files in memory may be on their way from one process to another, and the buffers of sockets are nobody's.
    """
    lost, mib = before.available - now.available, limits.memory_bytes // _MIB
    if min(lost, now.shared - before.shared) > limits.memory_bytes:
        return f"While it ran, files in the machine's memory took more than {mib:,} MiB."
    if lost > limits.memory_bytes and now.available < now.total // SCARCE:
        return f"While it ran, the machine lost more than {mib:,} MiB of memory, and has hardly any left."
    return ""


def added(found: Room, base: int, lost: int) -> int:
    """Where it hides something, all that the disk has lost is taken for its."""
    return max(found.size - base, lost) if found.hidden else found.size - base
