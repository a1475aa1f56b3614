"""The loop on a stage: a model that says what it is told to, tools that take their time, and a clock that does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from litellm_codex_agent.agent.conversation import Conversation
from litellm_codex_agent.agent.hands import Hands, Made
from litellm_codex_agent.agent.job import Job
from litellm_codex_agent.agent.loop import Loop
from litellm_codex_agent.agent.model import Asked, Mused, Piece, RawCall, Reply, Said
from litellm_codex_agent.backends.events import Done, Event, FileChange, Text, Usage
from litellm_codex_agent.errors import AgentError
from litellm_codex_agent.tools.source import Call, Result, Tool

from .hurried import hurried

__all__ = ["CHANGE", "HANGS", "USED", "Plays", "Shelf", "Stage", "call", "calls", "client_tool", "play", "says"]

ASKED = ({"role": "user", "content": "go"},)
HANGS = 1e6
USED = Usage(10, 5, 0.25, 2, 1)
CHANGE = FileChange("a.py", "added", "+a")
_ANY = {"type": "object"}
# A piece, a wait in seconds, or how it ends.
Line = Piece | float | AgentError


def says(text: str, *, finish: str = "stop", usage: Usage = USED) -> list[Line]:
    return [Said(text), Reply({"role": "assistant"}, text, (), finish, usage)]


def call(number: int, name: str = "look", **arguments: Any) -> RawCall:
    return RawCall(f"c{number}", name, json.dumps(arguments))


def calls(*made: RawCall, text: str = "") -> list[Line]:
    return [Said(text), Reply({"role": "assistant"}, text, made, "tool_calls", USED)]


def client_tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": _ANY}}


@dataclass
class Plays:
    """A model: one list of lines for each question."""

    turns: list[list[Line]]
    name: str = "plays"
    window: int | None = None
    asked: list[Asked] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    async def ask(self, asked: Asked) -> AsyncGenerator[Piece, None]:
        self.asked.append(asked)
        self.at.append(asyncio.get_running_loop().time())
        for line in self.turns.pop(0):
            if isinstance(line, float):
                await asyncio.sleep(line)
            elif isinstance(line, (Said, Mused, Reply)):
                yield line
            else:
                raise line

    def last(self, number: int = -1) -> Any:
        """What stood last in a question."""
        return self.asked[number].messages[-1]["content"]


@dataclass
class Shelf:
    """A source with two tools: `look` answers with its arguments, `fail` with an error; both after `takes` seconds."""

    takes: float = 0.0
    made: list[str] = field(default_factory=list)
    tools: Sequence[Tool] = (Tool("look", "Looks.", _ANY), Tool("fail", "Fails.", _ANY))

    async def call(self, call: Call, seconds: float) -> Result:
        self.made.append(call.id)
        await asyncio.sleep(self.takes)
        return Result(1, error="no") if call.name == "fail" else Result(stdout=json.dumps(dict(call.arguments)))


@dataclass
class Stage:
    """What came of a play."""

    done: Done
    events: list[Event]
    talk: Conversation
    loop: Loop
    kept: list[Made]
    seconds: float

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Text))


def play(model: Plays, source: Shelf | None = None, talk: Conversation | None = None, **of_the_job: Any) -> Stage:
    """One request with that model and those tools."""
    return hurried(_scene(model, source, talk or Conversation(ASKED, "run_1"), of_the_job))


async def _scene(model: Plays, source: Shelf | None, talk: Conversation, of_the_job: dict[str, Any]) -> Stage:
    events, kept = list[Event](), list[Made]()
    clock = asyncio.get_running_loop().time

    async def tell(event: Event) -> None:
        events.append(event)

    async def changes() -> Sequence[FileChange]:
        return (CHANGE,)

    hands = Hands((source,) if source else (), seconds=of_the_job.pop("tool_seconds", 60.0))
    job = replace(Job(model, hands, changes=changes, keep=kept.append), **of_the_job)
    loop = Loop(job, talk, tell, clock=clock)
    done = await loop.work()
    return Stage(done, events, talk, loop, kept, clock())
