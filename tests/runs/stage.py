"""A supervisor over a real journal, and a backend whose runs do what their script says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from litellm_codex_agent.backends.backend import Task
from litellm_codex_agent.backends.events import Done, Event, Failure, Text, Thought, ToolCall, ToolResult, Usage
from litellm_codex_agent.backends.parameters import Parameters
from litellm_codex_agent.runs.identity import Ask
from litellm_codex_agent.runs.journal import Journal
from litellm_codex_agent.runs.supervisor import Limits, Supervisor
from litellm_codex_agent.runs.work import Work

# Every wait of a test ends here at the latest.
PATIENCE = 20.0


@dataclass
class Script:
    """Plays its events one by one: an event is told, an exception raised, an awaitable waited for."""

    steps: Sequence[Any] = ()
    name: str = "script"
    parameters: Parameters = field(default_factory=Parameters)
    begun: list[Task] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def models(self) -> Sequence[str]:
        return [self.name]

    def check(self, model: str) -> None:
        """Always ready."""

    async def answer(self, task: Task) -> AsyncGenerator[Event, None]:
        self.begun.append(task)
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if callable(step):
                    await step()
                    continue
                yield step
                if isinstance(step, ToolCall):
                    self.acts.append(task.run_id)
        finally:
            self.closed.append(task.run_id)


HELLO = (Thought("well"), Text("Hel"), Text("lo"), Done(usage=Usage(1, 2)))
ACT = (ToolCall("c1", "exec", "touch x"), ToolResult("c1", True, "done"))
BUSY = Done("model_error", failure=Failure(429, "slow down", retry_after=3.0))


def hang() -> Callable[[], Awaitable[None]]:
    """A step that never ends by itself."""

    async def forever() -> None:
        await asyncio.Event().wait()

    return forever


@dataclass
class Stage:
    """One supervisor, one scripted backend."""

    supervisor: Supervisor
    script: Script

    def work(self, **fields: Any) -> Work:
        return Work(self.script, "", "script", [{"role": "user", "content": "go"}], **fields)

    async def ask(self, ask: Ask | None = None, **fields: Any) -> tuple[str, str, int]:
        """The answer, or the failure's sentence, with the run's id and the status."""
        async with self.supervisor.follow(ask or Ask(), self.work(**fields)) as follower:
            await asyncio.wait_for(follower.run.ended(), PATIENCE)
            follower.delivered()
            outcome = follower.run.outcome
        assert outcome is not None
        if outcome.failure is not None:
            return outcome.failure.message, follower.run.id, outcome.failure.status
        return follower.run.story.answer, follower.run.id, 200

    async def leave(self, ask: Ask, *, answering: bool = False) -> str:
        """Ask, wait until the run has begun, and go away."""
        async with self.supervisor.follow(ask, self.work()) as follower:
            await until(lambda: follower.run.record.state != "queued")
            follower.answering = answering
        return follower.run.id

    async def ended(self, run_id: str) -> Any:
        """The record of a run once it has ended."""
        run = await self.supervisor.find(run_id, None)
        assert run is not None
        await asyncio.wait_for(run.ended(), PATIENCE)
        return self.supervisor.journal.read.record(run_id)


async def until(happened: Callable[[], bool]) -> None:
    """Look again and again until it happened."""

    async def look() -> None:
        while not happened():
            await asyncio.sleep(0.002)

    await asyncio.wait_for(look(), PATIENCE)


@asynccontextmanager
async def stage(directory: Path, *steps: Any, **limits: Any) -> AsyncIterator[Stage]:
    """A stage in `directory`; what still lives at the end is stopped."""
    journal = Journal(directory / "journal.sqlite3")
    supervisor = Supervisor(journal, Limits(**{"retry_seconds": 0.2, **limits}))
    try:
        yield Stage(supervisor, Script(steps))
    finally:
        await supervisor.drain(0.0)
        await journal.close()
