"""A wall that works here, and commands run behind it: whatever happens, nothing of them is left afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .command import Command, Finished
from .inner import Inner
from .process import Process, outlast, started
from .processes import descendants

__all__ = ["Sandbox", "Wall"]

# Between the request to end and the end: time to say a last word.
GRACE_SECONDS = 0.5
# As `timeout` of the coreutils and as a shell say it.
TIMED_OUT, KILLED = 124, 137


@dataclass(frozen=True)
class Wall:
    """How one level starts a command: the argv, told where to say its pid if it does, and the environment."""

    level: str
    argv: Callable[[Command, int | None], list[str]]
    environment: Callable[[Command], dict[str, str]]
    # Ends by the death of a namespace's first process, else by that of a launcher, else by that of a group.
    namespace: bool = False
    group: bool = False


@dataclass(frozen=True)
class Sandbox:
    """`uid` is whom workspaces have to belong to where the server is root, else None; `python` is the one inside."""

    wall: Wall
    python: str
    uid: int | None = None

    @property
    def level(self) -> str:
        """`bwrap`, `landlock` or `none`: what a result says of how it came about."""
        return self.wall.level

    def wrapped(self, command: Command) -> list[str]:
        """An argv that any program may spawn with pipes of its own; it dies with the process that called this.

        The spawner gives it `environment(command)` and nothing else. Time and output are the spawner's to bound.
        """
        return self.wall.argv(command, None)

    def environment(self, command: Command) -> dict[str, str]:
        """All that the command finds in its environment."""
        return self.wall.environment(command)

    async def run(self, command: Command) -> Finished:
        """Run it to its end, or to ours: time, too much, a cancel."""
        inner = Inner() if self.wall.namespace else None
        try:
            argv = self.wall.argv(command, inner.writing if inner else None)
            most = command.limits.output_bytes
            process = await outlast(started(argv, self.environment(command), most=most, inner=inner))
            return await self._lived(process, command)
        finally:
            if inner is not None:
                inner.close()

    async def _lived(self, process: Process, command: Command) -> Finished:
        try:
            process.feed(command.stdin)
            await asyncio.wait({process.exited}, timeout=command.seconds)
            timed_out = not process.exited.done()
            if timed_out:
                process.tell(descendants(process.pid))
                await asyncio.wait({process.exited}, timeout=GRACE_SECONDS)
        finally:
            await outlast(process.bury(group=self.wall.group))
        return self._finished(process, timed_out=timed_out)

    def _finished(self, process: Process, *, timed_out: bool) -> Finished:
        out, err = process.stdout, process.stderr
        rc = TIMED_OUT if timed_out else process.rc
        return Finished(rc, out.whole(), err.whole(), timed_out, self.level, (out.said, err.said))
