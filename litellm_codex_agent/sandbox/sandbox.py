"""A wall that works here, and commands run behind it: whatever happens, nothing of them is left afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .carried import WRAPPERS
from .command import Command, Finished
from .in_memory import Argv
from .inner import Inner
from .leavings import buried
from .process import Process, outlast, started
from .processes import descendants
from .watch import Watch

__all__ = ["Sandbox", "Wall"]

# Between the request to end and the end: time to say a last word.
GRACE_SECONDS = 0.5
# As `timeout` of the coreutils and as a shell say it.
TIMED_OUT, NOT_STARTED, KILLED = 124, 126, 137


@dataclass(frozen=True)
class Wall:
    """How one level starts a command: the argv, told where to say its pid if it does, which hands on the environment
    that the command finds."""

    level: str
    argv: Callable[[Command, int | None], Argv]
    environment: Callable[[Command], dict[str, str]]
    # Ends by the death of a namespace's first process, else by that of a launcher.
    namespace: bool = False
    # Where a launcher makes a directory for temporary files, which is on the disk then.
    private: Path | None = None

    def litter(self, pid: int) -> Path | None:
        """The pattern of the directory for temporary files that the launcher `pid` makes, where it makes one."""
        return self.private and self.private / f"codex-agent-{pid}-*"


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

    async def run(self, command: Command) -> Finished:
        """Run it to its end, or to ours: time, too much, a cancel."""
        inner = Inner() if self.wall.namespace else None
        watch = Watch(command)
        try:
            argv = self.wall.argv(command, inner.writing if inner else None)
            most = command.limits.output_bytes
            process = await started(lambda: Process(most, inner), argv, WRAPPERS, inner)
            return await self._lived(process, command, watch)
        except OSError as error:
            # A command line may be longer than the kernel takes, and the machine full.
            return Finished(NOT_STARTED, stderr=f"{error.strerror}\n".encode(), isolation=self.level)
        finally:
            if inner is not None:
                inner.close()

    async def _lived(self, process: Process, command: Command, watch: Watch) -> Finished:
        private = self.wall.litter(process.pid)
        watching = asyncio.ensure_future(watch.over(process.pid, private))
        try:
            process.feed(command.stdin)
            waited: set[asyncio.Future[Any]] = {process.exited, watching}
            await asyncio.wait(waited, timeout=command.seconds, return_when=asyncio.FIRST_COMPLETED)
            timed_out = not process.exited.done() and not watching.done()
            if timed_out:
                process.tell(descendants(process.pid))
                await asyncio.wait({process.exited}, timeout=GRACE_SECONDS)
        finally:
            watched = watching.done()
            watching.cancel()
            await outlast(buried(process, private))
        ended = watching.result() if watched else ""
        return self._finished(process, timed_out=timed_out, ended=ended)

    def _finished(self, process: Process, *, timed_out: bool, ended: str) -> Finished:
        out, err = process.stdout, process.stderr
        rc = TIMED_OUT if timed_out else KILLED if ended else process.rc
        return Finished(rc, out.whole(), err.whole(), timed_out, self.level, (out.said, err.said), ended)
