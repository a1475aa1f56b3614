"""A run and what it has told, living or ended. Whoever follows reads the same list, each at a place of its own.

There is no queue for each follower: a slow one lags behind, and costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from ..backends.events import Done, Event, ToolCall
from .identity import Known
from .outcome import Outcome, outcome_of
from .record import Record
from .story import Story
from .veil import Veil

__all__ = ["Awaited", "Run", "Told"]


@dataclass(frozen=True)
class Told:
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
    _changed: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

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
        self.told.append(Told(len(self.told) + 1, at, event))
        changed, self._changed = self._changed, self._changed.get_loop().create_future()
        changed.set_result(None)

    def came_back(self, attempt: int) -> None:
        """Somebody is here who may be one of those that are awaited: he is it, and one fewer is."""
        found = next((each for each in self.awaited if each.attempt <= attempt), None)
        if found is not None:
            self.awaited.remove(found)

    async def follow(self, after: int = 0, beat: float | None = None) -> AsyncGenerator[Told | None, None]:
        """The events behind number `after`, to the end; None when nothing came for `beat` seconds.

        Whoever has seen more than there is has seen it before a crash, and is told the end all the same.
        """
        position = after
        while True:
            if self.done is not None:
                position = min(position, len(self.told) - 1)
            if position < len(self.told):
                yield self.told[position]
                if isinstance(self.told[position].event, Done):
                    return
                position += 1
                continue
            # Not `wait_for`: before Python 3.12 it loses a cancel that comes together with an event, and whoever
            # follows would stay for as long as the run lives, though his client has gone.
            changed, _ = await asyncio.wait({self._changed}, timeout=beat)
            if not changed:
                yield None

    async def ended(self) -> Done:
        """Waits for the end."""
        while self.done is None:
            await asyncio.wait({self._changed})
        return self.done
