"""A run and what it has told, living or ended. Whoever follows reads the same list, each at a place of its own.

There is no queue for each follower: a slow one lags behind, and costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..backends.events import Done, Event, ToolCall
from .identity import Known
from .outcome import Outcome, outcome_of
from .record import Record
from .story import Story
from .veil import Veil

__all__ = ["AT_ONCE", "Awaited", "Run", "Told"]

# So many events are told, or heard, in one turn of the loop: then all others have theirs.
AT_ONCE = 16


class Told(NamedTuple):
    """An event with its number in the run, counted from 1, and when it came."""

    seq: int
    at: float
    event: Event


@dataclass(eq=False)
class Awaited:
    """A caller who left and may come back; `attempt` is the next one of his."""

    attempt: int


@dataclass
class Run:
    """`record` is what the journal knows. `stop` is given the reason to stop, `recorded` the journal's word."""

    record: Record
    secrets: tuple[str, ...] = field(default=(), repr=False)
    told: list[Told] = field(default_factory=list)
    story: Story = field(default_factory=Story)
    done: Done | None = None
    outcome: Outcome | None = None
    acted: bool = False
    followers: int = 0
    awaited: list[Awaited] = field(default_factory=list)
    stop: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    recorded: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    veil: Veil = field(init=False, repr=False)
    _over: asyncio.Future[Done] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _waiting: list[asyncio.Future[bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.veil = Veil(self.secrets)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def seconds(self) -> float:
        """How long the run worked."""
        began, ended = self.record.started, self.record.ended
        return ended - began if began is not None and ended is not None else 0.0

    def known(self) -> Known:
        """What the next request with this run's key has to know."""
        return Known(self.id, self.record.digest, living=self.done is None, acted=self.acted)

    def tell(self, event: Event, at: float) -> None:
        """One more event, and everybody who follows sees it."""
        self.acted = self.acted or isinstance(event, ToolCall)
        self.story.add(event)
        if isinstance(event, Done):
            self.done = event
            self.outcome = outcome_of(event, acted=self.acted, has_answer=bool(self.story.text))
            self._over.set_result(event)
        self.told.append(Told(len(self.told) + 1, at, event))
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            _wake(each, True)

    def came_back(self, attempt: int) -> None:
        """Somebody is here who may be one of those that are awaited: he is it, and one fewer is."""
        found = next((each for each in self.awaited if each.attempt <= attempt), None)
        if found is not None:
            self.awaited.remove(found)

    async def follow(self, after: int = 0, beat: float | None = None) -> AsyncGenerator[Sequence[Told], None]:
        """The events behind number `after`, to the end: what is there at once, and nothing after `beat` silent seconds.

        Whoever has seen more than there is has seen it before a crash, and is told the end all the same.
        """
        position = after
        while True:
            if self.done is not None:
                position = min(position, len(self.told) - 1)
            told = self.told[position : position + AT_ONCE]
            position += len(told)
            if told:
                yield told
                if isinstance(told[-1].event, Done):
                    return
                if len(told) == AT_ONCE:
                    await asyncio.sleep(0)
            elif not await self._more(beat):
                yield ()

    async def ended(self) -> Done:
        """Waits for the end."""
        return await asyncio.shield(self._over)

    async def _more(self, seconds: float | None) -> bool:
        """Waits for the next event, but no longer than `seconds`; whether it came.

        Not by `wait_for`: that makes a task for each event, and up to Python 3.11 it loses a cancel that comes
        together with one.
        """
        loop = asyncio.get_running_loop()
        more: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(more)
        beat = loop.call_later(seconds, _wake, more, False) if seconds is not None else None
        try:
            return await more
        finally:
            if beat is not None:
                beat.cancel()
            if more in self._waiting:
                self._waiting.remove(more)


def _wake(waiting: asyncio.Future[bool], came: bool) -> None:
    if not waiting.done():
        waiting.set_result(came)
