"""One `codex app-server` behind the wall: started, greeted, and gone with all that it holds.

It sees its own home and no workspace, and has the way to the relay and the bridge. Its own sandbox is off, for ours is
around what it starts; what it could start beside itself is switched off.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...relay.seats import Seat
from ...sandbox.command import FOR_EVER, Command, Limits
from ...sandbox.sandbox import Sandbox
from ...sandbox.spoken import Spoken, spoken
from ..backend import NotReady
from .binary import Binary
from .connection import Connection, Gone, Refused

__all__ = ["AppServer", "Recipe", "running"]

# A process that had so many runs makes way for a new one.
MOST_RUNS = 500
# It starts in a third of a second; the binary is 300 MB, and a cold disk takes its time.
START_SECONDS = 60.0
# A thread is forgotten within a tenth of a second.
FORGET_SECONDS = 5.0
_MIB = 2**20
# Many threads of its own, and no bound on the address space: it reserves far more than it uses.
LIMITS = Limits(
    processes=1024,
    address_space=None,
    memory_bytes=4096 * _MIB,
    file_bytes=1024 * _MIB,
    disk_bytes=4096 * _MIB,
    descriptors=8192,
)
# What it would do beside answering: ask other hosts, start helpers of its own, keep what it saw for other threads.
_OFF = (
    "analytics.enabled=false",
    "check_for_update_on_startup=false",
    "features.apps=false",
    "features.goals=false",
    "features.multi_agent=false",
    "features.plugins=false",
    "features.skill_search=false",
    "skills.bundled.enabled=false",
)
# Without it a thread whose environment is gone would go on beside the wall.
_NO_LOCAL = {"CODEX_EXEC_SERVER_URL": "none"}
_CLIENT = {"name": "litellm_codex_agent", "title": None, "version": __version__}


@dataclass(frozen=True)
class Recipe:
    """How every process is started."""

    binary: Binary
    sandbox: Sandbox

    def command(self, home: Path) -> Command:
        flags = [part for each in _OFF for part in ("-c", each)]
        return Command(
            (str(self.binary.path), "app-server", *flags),
            home,
            FOR_EVER,
            environment={"CODEX_HOME": str(home), **_NO_LOCAL},
            network=True,
            readable=self.binary.readable,
            limits=LIMITS,
        )


@dataclass
class AppServer:
    """A living one. `threads` are those that it has loaded, each with its seat at the relay."""

    connection: Connection
    child: Spoken
    threads: dict[str, Seat | None] = field(default_factory=dict)
    # Something of it did not end when it was told to: nothing more is begun there.
    retired: bool = False
    # Each run leaves an environment behind, with an open connection, and Codex forgets none.
    runs: int = 0
    _forgetting: set[asyncio.Future[None]] = field(default_factory=set)

    @property
    def usable(self) -> bool:
        return not self.retired and not self.connection.gone and self.runs < MOST_RUNS

    async def call(self, method: str, params: Mapping[str, Any], **more: Any) -> Any:
        """As the connection's, with the process's last words where it is gone."""
        try:
            return await self.connection.call(method, params, **more)
        except Gone as error:
            # One that is silent is of no use to the next run either.
            self.retired = True
            words = self.child.last_words()
            raise Gone(f"{error} It said last: {words}" if words else str(error)) from error

    def forget(self, thread: str) -> None:
        """Nothing of it stays. It takes Codex a while, for which no run waits."""
        forgetting = asyncio.ensure_future(self._forget(thread))
        self._forgetting.add(forgetting)
        forgetting.add_done_callback(self._forgetting.discard)

    async def close(self) -> None:
        """What is to be forgotten is so first."""
        if self._forgetting:
            await asyncio.wait(self._forgetting, timeout=FORGET_SECONDS)
        await self.connection.close()
        for seat in filter(None, self.threads.values()):
            seat.close()
        if self._forgetting:
            await asyncio.wait(self._forgetting)

    async def _forget(self, thread: str) -> None:
        with suppress(Gone, Refused):
            await self.call("thread/delete", {"threadId": thread})


@asynccontextmanager
async def running(recipe: Recipe, home: Path, *, own: bool = True) -> AsyncIterator[AppServer]:
    """A process for as long as the block lasts. Raises `NotReady` where it does not start.

    A home that is not our `own` is the operator's, with a login in it: it is taken as it is.
    """
    if own:
        await asyncio.to_thread(_make, home, recipe.sandbox.uid)
    async with spoken(recipe.sandbox, recipe.command(home)) as child:
        server = AppServer(Connection(child), child)
        try:
            await _greet(server)
            yield server
        finally:
            await server.close()


async def _greet(server: AppServer) -> None:
    hello = {"clientInfo": _CLIENT, "capabilities": {"experimentalApi": True}}
    try:
        await server.call("initialize", hello, seconds=START_SECONDS)
    except (Gone, Refused) as error:
        raise NotReady(f"Codex's app-server does not start: {error}") from error
    await server.connection.tell("initialized")


def _make(home: Path, uid: int | None) -> None:
    home.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    home.mkdir(mode=0o700, exist_ok=True)
    if uid is not None:
        os.chown(home, uid, uid)
