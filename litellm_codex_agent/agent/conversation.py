"""What a run has said and done so far, as its model reads it. It outlives the request where a client's tool is asked.

Law: the caller's messages are never changed, and each call that goes back to the model has exactly one result.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .budget import Spent
from .context import room, trimmed
from .model import RawCall, Reply
from .repeats import Repeats

__all__ = ["Conversation"]

Message = Mapping[str, Any]


@dataclass
class Conversation:
    """`asked` are the caller's messages, behind our own where there are any; `added` what came of them."""

    asked: tuple[Message, ...]
    name: str
    added: list[Message] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    repeats: Repeats = field(default_factory=Repeats)
    unreadable: int = 0
    # Whether a tool was called, and whether an answer was sent back.
    acted: bool = False
    repaired: bool = False
    # What the model reads in place of so many of the added messages, where they were too long for it.
    _trimmed: list[Message] = field(default_factory=list)
    _covered: int = 0
    _ids: set[str] = field(default_factory=set)
    _open: list[str] = field(default_factory=list)
    _results: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Conversation:
        """As it is now, whatever is said later."""
        return copy.deepcopy(self)

    @property
    def messages(self) -> tuple[Message, ...]:
        """As the model reads them."""
        return (*self.asked, *self._trimmed, *self.added[self._covered :])

    def fit(self, window: int | None, tools: Sequence[Message]) -> None:
        """Make room for the answer. Raises the `AgentError` of a model whose window the task alone is too long for."""
        if window is None:
            return
        messages = self.messages
        fitting = trimmed(messages, len(self.asked), room(window, tools))
        if fitting != list(messages):
            self._trimmed, self._covered = fitting[len(self.asked) :], len(self.added)

    def say(self, role: str, text: str) -> None:
        """One more plain message."""
        self.added.append({"role": role, "content": text})

    def call(self, reply: Reply, calls: Sequence[RawCall], clients: frozenset[str]) -> tuple[RawCall, ...]:
        """The model's turn with its calls, each under an id that is its own; the calls as they are now called."""
        named = tuple(replace(call, id=self._own_id(call, clients)) for call in calls)
        told = [_told(call) for call in named]
        # What a provider has put beside its calls goes back with them: its signatures, say.
        beside = {tool.get("id"): tool for tool in reply.message.get("tool_calls") or ()}
        merged = [{**beside.get(was.id, {}), **now} if was.id else now for was, now in zip(calls, told, strict=True)]
        self.added.append({**reply.message, "content": reply.text or None, "tool_calls": merged})
        self._open, self._results = [call.id for call in named], {}
        return named

    def result(self, call_id: str, text: str) -> None:
        """A call's result. When the last one is there, all go to the model, in the order asked."""
        self._results[call_id] = text
        if len(self._results) == len(self._open):
            self.added += [
                {"role": "tool", "tool_call_id": each, "content": self._results[each]} for each in self._open
            ]
            self._open, self._results = [], {}

    @property
    def waits_for(self) -> list[str]:
        """The calls whose result is not there yet."""
        return [each for each in self._open if each not in self._results]

    def _own_id(self, call: RawCall, clients: frozenset[str]) -> str:
        """The model's own id where it can stay. One of a client's call carries the run, so that the answer finds it."""
        count = len(self._ids)
        own = f"call_{self.name}_{count}" if call.name in clients or not call.id else call.id
        if own in self._ids:
            own = f"{own}_{count}"
        self._ids.add(own)
        return own


def _told(call: RawCall) -> dict[str, Any]:
    """Providers parse what they are sent back, so arguments that are no object become one that shows them."""
    try:
        readable = isinstance(json.loads(call.arguments), dict)
    except (ValueError, RecursionError):
        readable = False
    arguments = call.arguments if readable else json.dumps({"unreadable": call.arguments})
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
