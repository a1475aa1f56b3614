"""The run that the servers are loaded with: an agent of so many steps that thinks, acts, waits, and answers.

Ours plays it as a backend; the bare server plays the bytes that ours would send. Both wait alike.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from litellm_codex_agent.backends.backend import Task
from litellm_codex_agent.backends.events import Done, Event, Text, Thought, ToolCall, ToolResult, Usage
from litellm_codex_agent.backends.parameters import Parameters

__all__ = ["Plan", "Steps", "plan_of", "script"]

# A thought of two lines, a command, the output of a small test run, and an answer of some sentences.
THOUGHT = "The test expects the total to be rounded, and the code rounds each row. " * 2
COMMAND = "python -m pytest tests/test_total.py -q --maxfail=1"
OUTPUT = "F.....                                            [100%]\nE  assert 10.01 == 10.0\n" * 4
WORDS = ("Rounding ", "is ", "now ", "done ", "once, ", "at ", "the ", "end. ") * 3


@dataclass(frozen=True)
class Plan:
    """`pace` is the mean of seconds for a step, `seed` makes the waits of each run its own.

    A run that is `held` waits, before its first step, until all are let go.
    """

    steps: int = 20
    pace: float = 0.0
    seed: int = 0
    held: bool = False

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": json.dumps(asdict(self))}]

    @property
    def events(self) -> int:
        return 3 * self.steps + len(WORDS) + 1


def plan_of(messages: Sequence[Mapping[str, Any]]) -> Plan:
    return Plan(**json.loads(messages[-1]["content"]))


def script(plan: Plan) -> Iterator[float | Event]:
    """The events, and the seconds to wait between them. Half of a step is the model's, half the tool's."""
    waits = random.Random(plan.seed)
    for number in range(plan.steps):
        yield plan.pace * waits.random()
        yield Thought(THOUGHT)
        yield ToolCall(f"call_{number}", "exec_shell", COMMAND)
        yield plan.pace * waits.random()
        yield ToolResult(f"call_{number}", True, OUTPUT)
    for word in WORDS:
        yield plan.pace / plan.steps * waits.random()
        yield Text(word)
    yield Done(usage=Usage(1000, 200))


class Steps:
    """A backend that plays plans. It costs next to nothing, so what is measured is the server."""

    name = "steps"
    parameters = Parameters()

    def __init__(self, gate: asyncio.Event) -> None:
        self._gate = gate

    def models(self) -> Sequence[str]:
        return [self.name]

    def check(self, model: str) -> None:
        """Always ready."""

    async def answer(self, task: Task) -> AsyncGenerator[Event, None]:
        plan = plan_of(task.messages)
        if plan.held:
            await self._gate.wait()
        for each in script(plan):
            if not isinstance(each, float):
                yield each
            elif each:
                await asyncio.sleep(each)
