"""One run's turn of a thread: begun, listened to, and left quiet.

Law: a call is told before it is made, and behind all that Codex had told before it. Whatever ends the turn, what it
has started is dead within a moment; and a thread that does not become quiet takes its process along. Codex waits for
ever for an exec-server that is gone: we do not.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from ...agent.telling import Tell
from ...sandbox.process import outlast
from ...sandbox.spoken import Spoken
from ..events import Event, Text, ToolCall
from .bridge import After
from .connection import Gone, Refused, Told
from .process import AppServer
from .progress import Progress
from .steps import call_of

__all__ = ["Turn"]

# Codex stops within a hundredth of a second. Told first, it does not wait for what the wall takes along.
STOP_SECONDS = 0.5
# One that has hardly begun refuses to be stopped, and begins: so it is told again, until its process is given up.
AGAIN_SECONDS, QUIET_SECONDS = 0.1, 5.0
_STARTS = "process/start"
# A question whose answer says nothing here, but comes behind all that Codex has told before it.
_ANY = "thread/loaded/list"


@dataclass
class Turn:
    """`over` says why it ends before its end: a budget's stop reason. `lost` says what has gone away under it."""

    server: AppServer
    child: Spoken
    tell: Tell
    progress: Progress
    most_calls: int
    thread: str = ""
    id: str = ""
    answer: str = ""
    lost: str = ""
    over: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    # Done when the call with this id is durable; one too many never is.
    _calls: dict[str, asyncio.Future[None]] = field(default_factory=dict)
    _heard: asyncio.Queue[Told | None] = field(default_factory=asyncio.Queue)
    _telling: set[asyncio.Future[None]] = field(default_factory=set)
    _made: int = 0
    _closed: bool = False
    _writes: count[int] = field(default_factory=lambda: count(1))

    async def gate(self, method: str, params: Mapping[str, Any]) -> After | None:
        """Holds an act up until its call is told; for ever where the run may make no more."""
        if self._closed:
            await asyncio.get_running_loop().create_future()
        await self._told_so_far()
        if method == _STARTS:
            await self._act(_command(params))
            return None
        if self.progress.acting:
            # Part of a call that was told: a patch.
            return None
        call = ToolCall(f"write_{next(self._writes)}", "edit", str(params.get("path", "")).removeprefix("file://"))
        await self._act(call)

        async def after(ok: bool) -> None:
            await asyncio.shield(self._tell(self.progress.ended(call.id, ok=ok)))

        return after

    async def play(self, start: Mapping[str, Any], *, seconds: float) -> None:
        """From its first word until it is quiet. Raises `Refused`."""
        timer = asyncio.get_running_loop().call_later(seconds, self.end, "budget")
        starting = asyncio.ensure_future(self._start(start))
        try:
            with self.server.connection.listening(self.thread) as heard:
                self._heard = heard
                try:
                    await asyncio.shield(starting)
                    await self._hear(heard)
                except Gone as error:
                    # What it has told and cost until then counts.
                    self.lost = str(error)
                finally:
                    if not self.progress.status:
                        await outlast(self._quieten(starting, heard))
            await self._settle()
        finally:
            timer.cancel()
            self._closed = True
            for telling in self._telling:
                telling.cancel()

    def end(self, reason: str) -> None:
        """Stop it; the first reason counts."""
        if not self.over.done():
            self.over.set_result(reason)

    async def _start(self, start: Mapping[str, Any]) -> None:
        told = await self.server.call("turn/start", {"threadId": self.thread, **start})
        self.id = str(told["turn"]["id"])

    async def _settle(self) -> None:
        """All is told that was heard, and what has no end gets one."""
        while self._telling:
            await asyncio.wait(self._telling)
        await self._tell(self.progress.close())

    async def _told_so_far(self) -> None:
        """Acts come on a way of their own, and overtake what was said before them."""
        with suppress(Gone, Refused):
            await self.server.connection.call(_ANY, {}, seconds=STOP_SECONDS)
        await self._heard.join()

    async def _act(self, call: ToolCall) -> None:
        """Returns when the call is told, whoever wanted to tell it first."""
        self._tell(self.progress.call(call))
        await asyncio.shield(self._calls[call.id])

    def _tell(self, events: Sequence[Event]) -> asyncio.Future[None]:
        """They are told in their order, whoever waits for it and whoever is cancelled."""
        for event in events:
            if isinstance(event, ToolCall):
                self._calls[event.id] = asyncio.get_running_loop().create_future()
        telling = asyncio.ensure_future(self._told(events))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
        return telling

    async def _told(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, ToolCall):
                if self._made >= self.most_calls:
                    self.end("max_tool_calls")
                    self.progress.ended(event.id, ok=False)
                    return
                self._made += 1
            if isinstance(event, Text):
                self.answer += event.text
            await self.tell(event)
            if isinstance(event, ToolCall):
                self._calls[event.id].set_result(None)

    async def _hear(self, heard: asyncio.Queue[Told | None]) -> None:
        while not self.progress.status and not self.over.done():
            getting = asyncio.ensure_future(heard.get())
            try:
                ends = _any(getting, self.over, self.child.exited)
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    await self._tell_on(getting.result())
                    heard.task_done()
                elif self.child.exited.done():
                    raise Gone(f"What ran Codex's commands has ended. {self.child.overdrawn}".strip())
            finally:
                getting.cancel()

    async def _tell_on(self, told: Told | None) -> None:
        if told is None:
            raise Gone(f"Codex's process has ended. {self.server.child.last_words()}".strip())
        if _turn_of(told.params) not in ("", self.id):
            return  # of a turn before this one, whose figures are told again
        telling = self._tell(self.progress.hear(told.method, told.params))
        await asyncio.wait(_any(telling, self.over), return_when=asyncio.FIRST_COMPLETED)

    async def _quieten(self, starting: asyncio.Future[None], heard: asyncio.Queue[Told | None]) -> None:
        """Tell it to stop, kill what it has started, and wait until it has stopped."""
        # It may begin all the same when nobody wants it any more.
        await asyncio.wait({starting}, timeout=STOP_SECONDS)
        self.server.retired |= not starting.done()
        starting.cancel()
        if starting.done() and not starting.cancelled():
            starting.exception()  # told to whoever waited for it, if anybody did
        if not self.id or self.server.connection.gone:
            await self.child.bury()
            return
        stopped = asyncio.ensure_future(self._completed(heard))
        await self._interrupt()
        await self.child.bury()
        clock = asyncio.get_running_loop().time
        until = clock() + QUIET_SECONDS
        while not (await asyncio.wait({stopped}, timeout=AGAIN_SECONDS))[0] and clock() < until:
            await self._interrupt()
        self.server.retired |= not stopped.done() or not stopped.result()
        stopped.cancel()

    async def _interrupt(self) -> None:
        with suppress(Gone, Refused):
            asked = {"threadId": self.thread, "turnId": self.id}
            await self.server.connection.call("turn/interrupt", asked, seconds=STOP_SECONDS)

    async def _completed(self, heard: asyncio.Queue[Told | None]) -> bool:
        while (told := await heard.get()) is not None:
            if _turn_of(told.params) in ("", self.id):
                self._tell(self.progress.hear(told.method, told.params))
            if self.progress.status:
                return True
        return False


def _turn_of(params: Mapping[str, Any]) -> str:
    """Whose notification it is; empty where it is the thread's."""
    turn = params.get("turn")
    return str(params.get("turnId") or (turn.get("id") if isinstance(turn, Mapping) else None) or "")


def _any(*waited: asyncio.Future[Any]) -> set[asyncio.Future[Any]]:
    return set(waited)


def _command(params: Mapping[str, Any]) -> ToolCall:
    """What the exec-server is asked to start, under the name by which Codex tells of it."""
    named = params.get("metadata")
    id = named.get("toolCallId") if isinstance(named, Mapping) else None
    argv = [str(word) for word in params.get("argv") or ()]
    item = {
        "type": "commandExecution",
        "id": str(id or params.get("processId") or "command"),
        "command": shlex.join(argv),
    }
    call = call_of(item)
    assert call is not None, "a command with an id is a call"
    return call
