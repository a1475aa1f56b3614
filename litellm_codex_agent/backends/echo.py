"""`echo`: answers with the last thing a user said. No model, no network; a word is a token."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from .backend import NoSuchModel, Task
from .events import Done, Event, Text, Thought, Usage
from .parameters import BUDGETS, HARMLESS, STEERING, Parameters

__all__ = ["Echo"]

# The words of a long text go together: a megabyte of letters would be a million events.
PIECES = 10_000


class Echo:
    """One thought, then the words one by one, and in a long text some at a time."""

    name = "echo"
    # It has no model to steer and nothing to act on.
    parameters = Parameters(ignored=HARMLESS | STEERING | BUDGETS)

    def models(self) -> Sequence[str]:
        return [self.name]

    def check(self, model: str) -> None:
        """Always ready; it has no models to choose from."""
        if model:
            raise NoSuchModel(f"There is no {self.name}:{model}. Ask for {self.name}.")

    async def answer(self, task: Task) -> AsyncGenerator[Event, None]:
        words = _said(task.messages).split()
        yield Thought(f"Repeating {len(words)} word{'' if len(words) == 1 else 's'}.")
        together = math.ceil(len(words) / PIECES)
        for number in range(0, len(words), together or 1):
            said = " ".join(words[number : number + together])
            yield Text(f" {said}" if number else said)
        asked = sum(len(_text(message).split()) for message in task.messages)
        yield Done(usage=Usage(prompt_tokens=asked, completion_tokens=len(words)))


def _said(messages: Sequence[Mapping[str, Any]]) -> str:
    return next((_text(message) for message in reversed(messages) if message.get("role") == "user"), "")


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
