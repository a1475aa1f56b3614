"""What a run tells while it lives, and the conversation that it answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Backend", "Chat", "Done", "Event", "Text", "Thought"]


@dataclass(frozen=True)
class Chat:
    """One request as a backend sees it."""

    model: str
    messages: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Thought:
    """What the run does while it works. It streams as `reasoning_content`."""

    text: str


@dataclass(frozen=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True)
class Done:
    """The end of a run that succeeded: what it took."""

    prompt_tokens: int
    completion_tokens: int


Event = Thought | Text | Done


class Backend(Protocol):
    """Answers one chat. Closing the generator ends the run and all that it started."""

    def __call__(self, chat: Chat) -> AsyncGenerator[Event, None]: ...
